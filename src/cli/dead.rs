//! `dead`: lists, shows, retries and drops dead letters.

use clap::Subcommand;
use serde_json::{Value, json};

use super::Done;
use super::decode;
use crate::config::StoreConfig;
use crate::event::Delivery;
use crate::store::{Content, DeadId, DeadLetter, DeadWhat, Store, StoreError};

/// Number of dead letters read at a time.
const PAGE: usize = 100;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the dead letters, oldest first
    List {
        /// Print JSON for programs, one line each
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Show a dead letter with its event and its failures, without tokens
    Show {
        /// The number of the dead letter
        number: u64,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Queue dead letters again, with a new count of attempts; running bots handle them within a
    /// second
    Retry {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Drop dead letters permanently
    Drop {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: StoreConfig,
    },
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// The numbers of the dead letters
    numbers: Vec<u64>,
    /// All dead letters
    #[arg(long)]
    all: bool,
}

impl Command {
    pub(super) async fn run(self) -> Done {
        match self {
            Self::List { json, place } => list(&*place.attend()?, json).await,
            Self::Show { number, place } => show(&*place.attend()?, number).await,
            Self::Retry { which, place } => {
                let store = place.attend()?;
                let done = each(&*store, which, async |id| store.revive(id).await).await?;
                out!("{done} queued again.");
                Ok(())
            }
            Self::Drop { which, place } => {
                let store = place.attend()?;
                let done =
                    each(&*store, which, async |id| store.drop_dead_letter(id).await).await?;
                out!("{done} dropped.");
                Ok(())
            }
        }
    }
}

async fn list(store: &dyn Store, as_json: bool) -> Done {
    let letters = all(store).await?;
    for letter in &letters {
        if as_json {
            out!("{}", summary(letter));
        } else {
            let kind = kind(letter);
            let DeadLetter {
                id,
                at,
                key,
                attempts,
                error,
                blocks,
                ..
            } = letter;
            let blocks = if *blocks { ", blocks its chat" } else { "" };
            out!("{id}  {at}  {kind} of {key}, tried {attempts}×{blocks}: {error}");
        }
    }
    if letters.is_empty() && !as_json {
        out!("There are no dead letters.");
    }
    Ok(())
}

async fn show(store: &dyn Store, number: u64) -> Done {
    let before = number.checked_sub(1).map(DeadId);
    let mut found = store.dead_letters(before, 1).await?;
    let letter = found.pop().filter(|letter| letter.id.0 == number);
    let letter = letter
        .ok_or_else(|| format!("there is no dead letter {number}; `dead list` lists them"))?;
    let mut shown = summary(&letter);
    shown["history"] = json!(
        letter
            .history
            .iter()
            .map(|failure| { json!({ "at": failure.at.to_string(), "error": failure.error }) })
            .collect::<Vec<_>>()
    );
    shown["content"] = match &letter.what {
        DeadWhat::Event {
            content: Content::Delivered { body, .. },
            ..
        } => match Delivery::from_body(body.clone()) {
            Ok(delivery) => {
                let mut raw = delivery.root().to_json();
                decode::hide_tokens(&mut raw);
                raw
            }
            Err(error) => json!({ "unreadable": error.to_string() }),
        },
        DeadWhat::Event {
            content: Content::Reminder(reminder),
            ..
        } => json!(reminder),
        DeadWhat::Call(call) => json!(call),
    };
    out!("{}", serde_json::to_string_pretty(&shown)?);
    Ok(())
}

fn kind(letter: &DeadLetter) -> &'static str {
    match &letter.what {
        DeadWhat::Event {
            content: Content::Delivered { .. },
            ..
        } => "event",
        DeadWhat::Event {
            content: Content::Reminder(_),
            ..
        } => "reminder",
        DeadWhat::Call(_) => "call",
    }
}

fn summary(letter: &DeadLetter) -> Value {
    let received_at = match &letter.what {
        DeadWhat::Event { at, .. } => *at,
        DeadWhat::Call(call) => call.at,
    };
    json!({
        "number": letter.id,
        "kind": kind(letter),
        "key": letter.key.to_string(),
        "received_at": received_at.to_string(),
        "failed_at": letter.at.to_string(),
        "attempts": letter.attempts,
        "error": letter.error,
        "blocks_chat": letter.blocks,
    })
}

async fn all(store: &dyn Store) -> Result<Vec<DeadLetter>, StoreError> {
    let mut letters: Vec<DeadLetter> = Vec::new();
    loop {
        let page = store
            .dead_letters(letters.last().map(|letter| letter.id), PAGE)
            .await?;
        if page.is_empty() {
            return Ok(letters);
        }
        letters.extend(page);
    }
}

/// Calls `act` with each dead letter, and returns the number for which it returned true. Logs the
/// others, which do not exist.
async fn each(
    store: &dyn Store,
    which: Which,
    act: impl AsyncFn(DeadId) -> Result<bool, StoreError>,
) -> Result<u64, StoreError> {
    let ids: Vec<DeadId> = if which.all {
        all(store).await?.iter().map(|letter| letter.id).collect()
    } else {
        which.numbers.into_iter().map(DeadId).collect()
    };
    let mut done = 0;
    for id in ids {
        if act(id).await? {
            done += 1;
        } else {
            tracing::warn!("there is no dead letter {id}");
        }
    }
    Ok(done)
}
