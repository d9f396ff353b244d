//! `broadcast`: lists, shows, pauses, resumes, cancels and removes broadcasts.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Done;
use super::conversation::scope;
use crate::config::StoreConfig;
use crate::engine::broadcasts::{self, Control};
use crate::engine::{BroadcastState, BroadcastStatus, ChatResult, SkipReason};
use crate::event::{BotId, DialogId, MemberId};
use crate::store::{Clock, Conversation, Store};

/// Number of chats that are read at a time.
const PAGE: usize = 1_000;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the broadcasts, running and finished
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
    /// Show a broadcast, and the chats that did not get it
    Show {
        #[command(flatten)]
        which: Which,
        /// Show the chats that got it as well
        #[arg(long)]
        all: bool,
        /// Print JSON for programs: a line for the broadcast, and one for each chat
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Pause a broadcast; the messages that are under way are still sent
    Pause {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Resume a paused broadcast
    Resume {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Cancel a broadcast; the messages that are under way are still sent
    Cancel {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Remove a finished broadcast with its results, so that its name is free
    Remove {
        #[command(flatten)]
        which: Which,
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
    /// The name of the broadcast
    name: String,
}

impl Which {
    fn key(&self) -> Conversation {
        let portal = MemberId::new(self.portal.as_str());
        Conversation::of_broadcast(portal, BotId(self.bot), &self.name)
    }
}

impl Command {
    pub(super) async fn run(self) -> Done {
        match self {
            Self::List {
                portal,
                bot,
                json,
                place,
            } => {
                let scope = scope(portal.as_deref(), bot);
                let all = broadcasts::list(&*place.attend()?, &scope).await?;
                all.iter().for_each(|status| print(status, json));
                if all.is_empty() && !json {
                    out!("There are no broadcasts.");
                }
                Ok(())
            }
            Self::Show {
                which,
                all,
                json,
                place,
            } => show(&*place.attend()?, &which, all, json).await,
            Self::Pause { which, place } => {
                set(&*place.attend()?, &which, Some(Control::Pause)).await?;
                out!("“{}” is paused.", which.name);
                Ok(())
            }
            Self::Resume { which, place } => {
                set(&*place.attend()?, &which, None).await?;
                out!("“{}” goes on.", which.name);
                Ok(())
            }
            Self::Cancel { which, place } => {
                set(&*place.attend()?, &which, Some(Control::Cancel)).await?;
                out!("“{}” is cancelled.", which.name);
                Ok(())
            }
            Self::Remove { which, place } => {
                let (store, now) = (place.attend()?, Clock::default().now());
                if !broadcasts::remove(&*store, &which.key(), now).await? {
                    return Err(missing(&which, "finished"));
                }
                out!("“{}” is removed.", which.name);
                Ok(())
            }
        }
    }
}

fn missing(which: &Which, kind: &str) -> Box<dyn std::error::Error> {
    let name = &which.name;
    format!("there is no {kind} broadcast “{name}”; `broadcast list` lists them").into()
}

async fn set(store: &dyn Store, which: &Which, control: Option<Control>) -> Done {
    let now = Clock::default().now();
    if broadcasts::set_control(store, &which.key(), now, control).await? {
        return Ok(());
    }
    Err(missing(which, "running"))
}

fn print(status: &BroadcastStatus, as_json: bool) {
    if as_json {
        out!("{}", json!(status));
        return;
    }
    let BroadcastStatus {
        name,
        portal,
        bot,
        begun,
        total,
        counts,
        ..
    } = status;
    let state = match status.state {
        BroadcastState::Running => "running",
        BroadcastState::Paused => "paused",
        BroadcastState::Cancelling => "being cancelled",
        BroadcastState::Cancelled => "cancelled",
        BroadcastState::Done => "done",
    };
    let of = total.map_or(String::new(), |total| format!(" of {total}"));
    out!(
        "{begun}  {portal} {}  “{name}”: {state}; {} sent, {} refused, {} skipped{of}",
        bot.id,
        counts.sent,
        counts.refused,
        counts.skipped
    );
}

async fn show(store: &dyn Store, which: &Which, all: bool, as_json: bool) -> Done {
    let key = which.key();
    let status = broadcasts::status(store, &key).await?;
    let status = status.ok_or_else(|| missing(which, "such"))?;
    print(&status, as_json);
    let mut last = None;
    loop {
        let (page, after) = broadcasts::results(store, &key, last.as_ref(), PAGE).await?;
        for (dialog, result) in page {
            if all || result != ChatResult::Sent {
                print_result(&dialog, &result, as_json);
            }
        }
        match after {
            Some(after) => last = Some(after),
            None => return Ok(()),
        }
    }
}

fn print_result(dialog: &DialogId, result: &ChatResult, as_json: bool) {
    if as_json {
        out!("{}", json!({ "dialog": dialog, "result": result }));
        return;
    }
    match result {
        ChatResult::Sent => out!("  {dialog}  sent"),
        ChatResult::Refused(code) => out!("  {dialog}  refused: {code}"),
        ChatResult::Skipped(reason) => out!("  {dialog}  skipped: {}", words(*reason)),
    }
}

fn words(reason: SkipReason) -> String {
    match json!(reason) {
        Value::String(word) => word,
        other => other.to_string(),
    }
}
