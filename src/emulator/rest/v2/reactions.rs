//! `imbot.v2.Chat.Message.Reaction.*`: section 7.3 of bots-v2.md.

use super::access::denied;
use super::done;
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::call::{Answer, Call};
use crate::emulator::rest::table::{Method, method};

pub(super) const METHODS: &[Method] = &[
    method("imbot.v2.chat.message.reaction.add", "imbot", add),
    method("imbot.v2.chat.message.reaction.delete", "imbot", delete),
];

fn add(call: &mut Call<'_, '_>) -> Answer {
    let (message, reaction) = named(call)?;
    call.hit.react(message, &reaction)?;
    done()
}

/// Takes back a reaction; one that was not set is not found.
fn delete(call: &mut Call<'_, '_>) -> Answer {
    let (message, reaction) = named(call)?;
    call.hit.unreact(message, &reaction)?;
    done()
}

/// The message, which the bot has to see, and the code.
fn named(call: &mut Call<'_, '_>) -> Result<(u64, String), Refusal> {
    call.act_as_own_bot()?;
    let (_, message) = call.message(denied)?;
    Ok((message.id, call.text_of("reaction").unwrap_or_default()))
}
