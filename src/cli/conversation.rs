//! `conversation`: lists conversations, shows or deletes what is stored of one or of a person, and
//! pauses a bot in one.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Done;
use crate::config::StoreConfig;
use crate::engine::pauses;
use crate::event::{BotId, Delivery, DialogId, Event, MemberId, UserId};
use crate::store::{
    Clock, Content, Conversation, DeadLetter, DeadWhat, ForgetScope, ListScope, Store, StoreError,
    StoredState,
};

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the conversations of which something is stored, with the time of their last turn, exact
    /// to an hour
    List {
        /// Only those on the portal with this `member_id`
        portal: Option<String>,
        /// Only those of the bot with this id
        bot: Option<u64>,
        /// Print JSON for programs, one line each
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Pause a bot in a conversation: it gets no events and says nothing there; reminders wait
    Pause {
        #[command(flatten)]
        which: Which,
        /// Resume it after this number of minutes. Default: when it is resumed
        #[arg(long, value_name = "MINUTES")]
        minutes: Option<u64>,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Resume a paused bot
    Resume {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Show the state of a conversation, and its quarantined states: those that could not be read
    Show {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Make the newest quarantined state of a conversation its current state again, after a fix of
    /// the program. What it replaces is quarantined
    Restore {
        #[command(flatten)]
        which: Restored,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Delete everything stored of a conversation, or of a person in all private chats with the
    /// bots
    Forget {
        #[command(flatten)]
        who: Person,
        #[command(flatten)]
        place: StoreConfig,
    },
}

#[derive(Args)]
pub(super) struct Which {
    /// The portal's `member_id`
    portal: String,
    /// The bot's id
    bot: u64,
    /// The dialog, such as 27 or chat142
    dialog: String,
}

#[derive(Args)]
pub(super) struct Restored {
    /// The portal's `member_id`
    #[arg(required_unless_present = "all")]
    portal: Option<String>,
    /// The bot's id
    #[arg(required_unless_present = "all")]
    bot: Option<u64>,
    /// The dialog, such as 27 or chat142
    #[arg(required_unless_present = "all")]
    dialog: Option<String>,
    /// Every conversation that has a quarantined state
    #[arg(long, conflicts_with_all = ["portal", "bot", "dialog"])]
    all: bool,
}

#[derive(Args)]
pub(super) struct Person {
    /// The portal's `member_id`
    portal: String,
    /// The bot's id
    #[arg(required_unless_present = "user")]
    bot: Option<u64>,
    /// The dialog, such as 27 or chat142
    #[arg(required_unless_present = "user")]
    dialog: Option<String>,
    /// A user's id: deletes their private chats with all bots, their own states in groups, and dead
    /// letters of what they wrote elsewhere. What bots have stored about them in the states of
    /// whole groups stays
    #[arg(long, conflicts_with_all = ["bot", "dialog"])]
    user: Option<u64>,
}

impl Command {
    pub(super) async fn run(self) -> Done {
        match self {
            Self::List {
                portal,
                bot,
                json,
                place,
            } => list(&*place.attend()?, &scope(portal.as_deref(), bot), json).await,
            Self::Pause {
                which,
                minutes,
                place,
            } => {
                let (store, now) = (place.attend()?, Clock::default().now());
                let until = minutes.map(|minutes| now + Duration::from_secs(minutes * 60));
                pauses::pause(&*store, &which.into(), now, until).await?;
                match until {
                    Some(until) => out!("The bot is paused there until {until}."),
                    None => out!("The bot is paused there until it is resumed."),
                }
                Ok(())
            }
            Self::Resume { which, place } => {
                let (store, now) = (place.attend()?, Clock::default().now());
                if !pauses::resume(&*store, &which.into(), now).await? {
                    return Err("the bot is not paused there".into());
                }
                out!("The bot goes on there.");
                Ok(())
            }
            Self::Show { which, place } => show(&*place.attend()?, which.into()).await,
            Self::Restore { which, place } => {
                let key = which.conversation();
                let store = place.attend()?;
                let restored = store.restore(key.as_ref(), Clock::default().now()).await?;
                match &key {
                    Some(key) if restored == 0 => {
                        return Err(format!("{key} has no quarantined state").into());
                    }
                    _ => out!("{restored} states are restored."),
                }
                Ok(())
            }
            Self::Forget { who, place } => {
                let store = place.attend()?;
                let mut deleted = 0;
                if let Some(user) = who.user {
                    let portal = MemberId::new(who.portal.as_str());
                    deleted += drop_letters_of(&*store, &portal, UserId(user)).await?;
                }
                let scope = ForgetScope::from(who);
                if let ForgetScope::Conversation(key) = &scope {
                    pauses::resume(&*store, key, Clock::default().now()).await?; // the bots notice it
                }
                deleted += store.forget(scope).await?;
                out!("{deleted} items are deleted.");
                Ok(())
            }
        }
    }
}

/// Returns the scope of a list.
pub(super) fn scope(portal: Option<&str>, bot: Option<u64>) -> ListScope {
    match (portal.map(MemberId::new), bot.map(BotId)) {
        (None, _) => ListScope::All,
        (Some(portal), None) => ListScope::Portal(portal),
        (Some(portal), Some(bot)) => ListScope::Bot(portal, bot),
    }
}

async fn list(store: &dyn Store, scope: &ListScope, as_json: bool) -> Done {
    const PAGE: usize = 1_000;
    let (mut last, mut count) = (None, 0);
    loop {
        let page = store.conversations(scope.clone(), last.as_ref(), PAGE);
        let page = page.await?;
        for listed in &page {
            if as_json {
                let Conversation {
                    portal,
                    bot,
                    dialog,
                } = &listed.key;
                let at = listed.last_turn.to_string();
                out!(
                    "{}",
                    json!({ "portal": portal, "bot": bot, "dialog": dialog, "last_turn": at })
                );
            } else {
                out!("{}  {}", listed.last_turn, listed.key);
            }
        }
        count += page.len();
        match page.last() {
            Some(listed) => last = Some(listed.key.clone()),
            None if count == 0 && !as_json => {
                out!("No conversations are stored.");
                return Ok(());
            }
            None => return Ok(()),
        }
    }
}

async fn show(store: &dyn Store, key: Conversation) -> Done {
    let shown = |state: &StoredState| {
        let data: Value = serde_json::from_slice(&state.bytes)
            .unwrap_or_else(|_| String::from_utf8_lossy(&state.bytes).into());
        json!({ "version": state.version, "state": data })
    };
    let state = store.state(&key).await?;
    let quarantined = store.quarantined(&key).await?;
    if state.is_none() && quarantined.is_empty() {
        return Err(format!("nothing is stored of {key}").into());
    }
    let quarantined = quarantined.iter().map(|quarantined| {
        let mut shown = shown(&quarantined.state);
        shown["at"] = quarantined.at.to_string().into();
        shown["reason"] = quarantined.reason.as_str().into();
        shown
    });
    let all = json!({
        "current": state.as_ref().map(shown),
        "quarantined": quarantined.collect::<Vec<_>>(),
    });
    out!("{}", serde_json::to_string_pretty(&all)?);
    Ok(())
}

/// Drops the dead letters of what a person wrote in groups. Returns their number.
async fn drop_letters_of(
    store: &dyn Store,
    portal: &MemberId,
    user: UserId,
) -> Result<u64, StoreError> {
    const PAGE: usize = 100;
    let (mut last, mut dropped) = (None, 0);
    loop {
        let page = store.dead_letters(last, PAGE).await?;
        let Some(letter) = page.last() else {
            return Ok(dropped);
        };
        last = Some(letter.id);
        for letter in page {
            if letter.key.portal() == portal
                && is_by(&letter, user)
                && store.drop_dead_letter(letter.id).await?
            {
                dropped += 1;
            }
        }
    }
}

/// Returns true if a dead letter holds an event that this user sent.
fn is_by(letter: &DeadLetter, user: UserId) -> bool {
    let DeadWhat::Event {
        content: Content::Delivered { body, .. },
        ..
    } = &letter.what
    else {
        return false;
    };
    let events = Delivery::from_body(body.clone()).and_then(|delivery| delivery.events());
    events.is_ok_and(|events| {
        events
            .iter()
            .any(|event| matches!(event, Event::Chat(event) if event.sender() == Some(user)))
    })
}

impl Restored {
    /// Returns the conversation. `None` for all.
    fn conversation(&self) -> Option<Conversation> {
        let (portal, dialog) = (self.portal.as_ref()?, self.dialog.as_ref()?);
        Some(conversation(portal, self.bot?, dialog))
    }
}

impl From<Which> for Conversation {
    fn from(which: Which) -> Self {
        conversation(&which.portal, which.bot, &which.dialog)
    }
}

impl From<Person> for ForgetScope {
    fn from(person: Person) -> Self {
        match (person.user, person.bot, person.dialog) {
            (Some(user), ..) => Self::User {
                portal: MemberId::new(person.portal),
                user: UserId(user),
            },
            (None, bot, dialog) => Self::Conversation(conversation(
                &person.portal,
                bot.unwrap_or_default(),
                &dialog.unwrap_or_default(),
            )),
        }
    }
}

fn conversation(portal: &str, bot: u64, dialog: &str) -> Conversation {
    Conversation {
        portal: MemberId::new(portal),
        bot: BotId(bot),
        dialog: DialogId::from(dialog),
    }
}
