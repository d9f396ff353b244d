//! What a bot says to many chats at once, and the names of its broadcasts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::turn::effects::Effects;
use super::{Context, Error, Language, Phrase, RequestError, tell};
use crate::event::{BotRef, DialogId};
use crate::message::{Draft, Text};
use crate::store::{Conversation, EventId};

/// Maximum length of a broadcast's name, in characters.
pub const BROADCAST_NAME_MAX: usize = 64;

/// Maximum number of broadcasts of a bot on a portal that are not finished.
pub const BROADCASTS_MAX: usize = 16;

/// The chats that a broadcast goes to: those that are stored when it reaches them.
///
/// A conversation is stored if it has a state; see
/// [`Profile::keeps_conversations`](super::Profile::keeps_conversations).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    All,
    Private,
    Groups,
}

impl Audience {
    /// All chats of the bot on the portal.
    pub fn all() -> Self {
        Self(Kind::All)
    }

    /// The private chats with people.
    pub fn private() -> Self {
        Self(Kind::Private)
    }

    /// The chats that are not private: groups and open channels.
    pub fn groups() -> Self {
        Self(Kind::Groups)
    }

    /// Returns true if it includes this chat.
    pub(crate) fn includes(self, dialog: &DialogId) -> bool {
        let is_private = dialog.as_str().bytes().all(|byte| byte.is_ascii_digit());
        match self.0 {
            Kind::All => true,
            Kind::Private => is_private,
            Kind::Groups => !is_private,
        }
    }
}

/// A broadcast, as it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct BroadcastOrder {
    pub(crate) bot: BotRef,
    pub(crate) name: String,
    pub(crate) audience: Audience,
    /// The parameters of the message.
    pub(crate) params: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) progress: Option<Progress>,
}

/// Where the progress of a broadcast is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) dialog: DialogId,
    pub(crate) language: Option<String>,
}

/// Checks the name of a broadcast, which is a part of keys.
///
/// # Errors
/// It is empty, too long, or has a `/` or a control character.
pub(crate) fn check_name(name: &str) -> Result<(), RequestError> {
    let length = name.chars().count();
    let is_allowed = |char: char| char != '/' && !char.is_control();
    if (1..=BROADCAST_NAME_MAX).contains(&length) && name.chars().all(is_allowed) {
        return Ok(());
    }
    Err(RequestError::BroadcastName(name.to_owned()))
}

/// A broadcast that begins when the turn is committed ([`Context::broadcast`]).
#[derive(Debug)]
pub struct Broadcast {
    effects: Effects,
    /// Its index among the turn's reminders. `None` if the turn fails.
    index: Option<usize>,
    progress: Progress,
}

impl Broadcast {
    /// Shows in this chat how far it is, in one message that is edited at most every three seconds
    /// and says the numbers at the end. Default: nothing is shown.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "it is shown whether or not the result is used"
    )]
    pub fn show_progress(self) -> Self {
        if let Some(index) = self.index {
            self.effects.show_progress(index, &self.progress);
        }
        self
    }
}

impl<S> Context<S> {
    /// Sends a message to many chats of this bot, as a job that begins when the turn is committed
    /// and survives crashes and restarts.
    ///
    /// The name is unique for this bot and portal: a second broadcast with it fails the turn with
    /// an answer that says so, as long as the first is kept. Answers to people go first. The guide
    /// has a chapter about it: [broadcast](crate::guide::broadcast).
    ///
    /// ```
    /// use imbot::prelude::*;
    ///
    /// struct News;
    ///
    /// impl Bot for News {
    ///     async fn command(&self, cx: &mut Context, command: Command) -> Result {
    ///         let (Rest(text),) = command.args()?;
    ///         cx.broadcast("spring sale", Audience::all(), text).show_progress();
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub fn broadcast(
        &self,
        name: impl Into<String>,
        audience: Audience,
        message: impl Into<Draft>,
    ) -> Broadcast {
        let (context, name) = (self.context(), name.into());
        let progress = Progress {
            dialog: self.dialog().clone(),
            language: context.language.clone(),
        };
        let index = match self.order(&name, audience, &message.into()) {
            Ok((key, order)) => self.effects().broadcast(key, &order),
            Err(error) => {
                self.effects().fail(error);
                None
            }
        };
        Broadcast {
            effects: self.effects().clone(),
            index,
            progress,
        }
    }

    /// Returns the order of a broadcast, whose name is this turn's from now on.
    fn order(
        &self,
        name: &str,
        audience: Audience,
        message: &Draft,
    ) -> Result<(Conversation, BroadcastOrder), Error> {
        let context = self.context();
        check_name(name).map_err(Error::permanent)?;
        self.effects().check(message)?;
        let Conversation { portal, bot, .. } = &context.conversation;
        let key = Conversation::of_broadcast(portal.clone(), *bot, name);
        if let Some(names) = &context.broadcasts {
            let claimed = names.claim(&key, context.id);
            claimed.map_err(|taken| tell(taken.text(name, context.language.as_deref())))?;
        }
        let order = BroadcastOrder {
            bot: context.bot.clone(),
            name: name.to_owned(),
            audience,
            params: message.params(),
            progress: None,
        };
        Ok((key, order))
    }
}

/// Why a name cannot be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameTaken {
    /// There is a broadcast of this name.
    Exists,
    /// The bot has too many that are not finished.
    TooMany,
}

impl NameTaken {
    fn text(self, name: &str, language: Option<&str>) -> Text {
        let phrase = match self {
            Self::Exists => Phrase::BroadcastExists,
            Self::TooMany => Phrase::BroadcastsFull,
        };
        let count = BROADCASTS_MAX.to_string();
        Text::new().plain(phrase.with(Language::of(language), &[name, &count]))
    }
}

/// The names of the broadcasts on the portals that this process owns. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct BroadcastNames(Arc<Names>);

#[derive(Debug, Default)]
struct Names {
    known: Mutex<HashMap<Conversation, Name>>,
    /// How many of them a turn has claimed that is not committed.
    claimed: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// A turn has claimed it, and is not committed.
    Claimed(EventId),
    Running,
    Finished,
}

impl BroadcastNames {
    fn known(&self) -> MutexGuard<'_, HashMap<Conversation, Name>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims a name for the turn of this event. Claiming it again has no effect.
    ///
    /// # Errors
    /// It is not free, or the bot has too many broadcasts.
    pub(crate) fn claim(&self, key: &Conversation, event: EventId) -> Result<(), NameTaken> {
        let mut known = self.known();
        match known.get(key) {
            Some(Name::Claimed(other)) if *other == event => return Ok(()),
            Some(_) => return Err(NameTaken::Exists),
            None => {}
        }
        if !has_room(&known, key) {
            return Err(NameTaken::TooMany);
        }
        known.insert(key.clone(), Name::Claimed(event));
        self.0.claimed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Returns true if the bot of this broadcast may have one more.
    pub(crate) fn has_room(&self, key: &Conversation) -> bool {
        has_room(&self.known(), key)
    }

    /// Gives back what the turn of this event has claimed, except for what it commits.
    pub(crate) fn release(&self, event: EventId, commits: impl Fn(&Conversation) -> bool) {
        if self.0.claimed.load(Ordering::Relaxed) == 0 {
            return;
        }
        self.known().retain(|key, name| {
            let is_kept = *name != Name::Claimed(event) || commits(key);
            if !is_kept {
                self.0.claimed.fetch_sub(1, Ordering::Relaxed);
            }
            is_kept
        });
    }

    /// Notes that there is a broadcast of this name.
    pub(crate) fn insert(&self, key: &Conversation, is_finished: bool) {
        let name = if is_finished {
            Name::Finished
        } else {
            Name::Running
        };
        let before = self.known().insert(key.clone(), name);
        self.forget_claim(before);
    }

    /// Returns the broadcasts that are finished.
    pub(crate) fn finished(&self) -> Vec<Conversation> {
        let known = self.known();
        let finished = known.iter().filter(|(_, name)| **name == Name::Finished);
        finished.map(|(key, _)| key.clone()).collect()
    }

    /// Frees the names of these broadcasts.
    pub(crate) fn remove(&self, is_gone: impl Fn(&Conversation) -> bool) {
        let gone = self
            .known()
            .extract_if(|key, _| is_gone(key))
            .collect::<Vec<_>>();
        gone.into_iter()
            .for_each(|(_, name)| self.forget_claim(Some(name)));
    }

    fn forget_claim(&self, name: Option<Name>) {
        if matches!(name, Some(Name::Claimed(_))) {
            self.0.claimed.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn has_room(known: &HashMap<Conversation, Name>, key: &Conversation) -> bool {
    let is_unfinished = |(of, name): &(&Conversation, &Name)| {
        of.portal == key.portal && of.bot == key.bot && **name != Name::Finished
    };
    known.iter().filter(is_unfinished).count() < BROADCASTS_MAX
}

#[cfg(test)]
mod tests {
    use crate::event::{BotId, MemberId};
    use crate::handler::broadcast::*;

    fn key(name: &str) -> Conversation {
        Conversation::of_broadcast(MemberId::new("portal"), BotId(7), name)
    }

    #[test]
    fn a_name_belongs_to_the_turn_that_claimed_it_until_it_is_given_back() {
        let names = BroadcastNames::default();
        let (one, other) = (EventId(1), EventId(2));
        assert_eq!(names.claim(&key("sale"), one), Ok(()));
        assert_eq!(
            names.claim(&key("sale"), one),
            Ok(()),
            "the turn is repeated"
        );
        assert_eq!(names.claim(&key("sale"), other), Err(NameTaken::Exists));
        names.release(one, |_| false);
        assert_eq!(names.claim(&key("sale"), other), Ok(()));
        names.release(other, |_| true);
        names.insert(&key("sale"), false);
        assert_eq!(names.claim(&key("sale"), other), Err(NameTaken::Exists));
        names.remove(|_| true);
        assert_eq!(names.claim(&key("sale"), one), Ok(()));
    }

    #[test]
    fn finished_broadcasts_leave_room_for_others() {
        let names = BroadcastNames::default();
        for number in 0..BROADCASTS_MAX {
            names.insert(&key(&number.to_string()), false);
        }
        let claim = || names.claim(&key("more"), EventId(1));
        assert_eq!(claim(), Err(NameTaken::TooMany));
        names.insert(&key("0"), true);
        assert_eq!(claim(), Ok(()));
    }

    #[test]
    fn a_name_is_short_and_has_no_slash() {
        let long = "ä".repeat(BROADCAST_NAME_MAX);
        for name in ["spring sale", "~", "27", &long] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "a/27", "a\nb", &format!("{long}a")] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_audience_is_chosen_by_the_kind_of_chat() {
        let has = |audience: Audience| {
            ["27", "chat142"].map(|dialog| audience.includes(&DialogId::from(dialog)))
        };
        assert_eq!(has(Audience::all()), [true, true]);
        assert_eq!(has(Audience::private()), [true, false]);
        assert_eq!(has(Audience::groups()), [false, true]);
    }
}
