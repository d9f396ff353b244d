//! `imbot.v2.Chat.InputAction.notify`: what a bot is doing before it answers. Section 7.5 of bots-v2.md.

use super::done;
use crate::emulator::live::{News, TYPING_SECONDS};
use crate::emulator::rest::call::{Answer, Call};
use crate::emulator::rest::table::{Method, method};

pub(super) const METHODS: &[Method] =
    &[method("imbot.v2.chat.inputaction.notify", "imbot", notify)];

/// How long the indicator may stay, in seconds.
const SECONDS_MAX: u64 = 600;

/// What comes before the name of an action.
const PREFIX: &str = "IMBOT_AGENT_ACTION_";

/// The actions that have a name; none, or one that is not here, is plain typing.
const ACTIONS: [&str; 11] = [
    "THINKING",
    "SEARCHING",
    "GENERATING",
    "ANALYZING",
    "PROCESSING",
    "TRANSLATING",
    "CONNECTING",
    "CHECKING",
    "CALCULATING",
    "READING_DOCS",
    "COMPOSING",
];

fn notify(call: &mut Call<'_, '_>) -> Answer {
    let user = call.act_as_own_bot()?;
    let chat = call.dialog()?.id;
    let code = call.text_of("statusMessageCode").unwrap_or_default();
    let action = code
        .strip_prefix(PREFIX)
        .and_then(|name| ACTIONS.into_iter().find(|known| *known == name));
    let seconds = call.id_of("duration").unwrap_or(TYPING_SECONDS);
    call.hit.news.push(News::Typing {
        chat,
        user,
        action,
        seconds: seconds.min(SECONDS_MAX),
    });
    done()
}
