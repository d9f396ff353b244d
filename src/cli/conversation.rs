//! `conversation`: shows or deletes what is stored of a conversation or a person.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Done;
use crate::config::StoreConfig;
use crate::event::{BotId, Delivery, DialogId, Event, MemberId, UserId};
use crate::store::{
    Clock, Content, Conversation, DeadLetter, DeadWhat, ForgetScope, Store, StoreError, StoredState,
};

#[derive(Subcommand)]
pub(super) enum Command {
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
                deleted += store.forget(who.into()).await?;
                out!("{deleted} items are deleted.");
                Ok(())
            }
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
