//! `dead`: lists, shows, retries and drops dead letters.

use clap::Subcommand;
use serde_json::{Value, json};

use super::Done;
use super::decode;
use crate::config::StoreConfig;
use crate::event::Delivery;
use crate::store::{Content, DeadId, DeadLetter, DeadWhat, Operator, Sqlite};

/// Number of dead letters read at a time.
const PAGE: usize = 100;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the dead letters, oldest first
    List {
        /// As JSON, a line each, for a program
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Show one with its event and the history of its failures, without tokens
    Show {
        /// Its number
        number: u64,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Queue again, with a fresh count of attempts; running bots handle them within a second
    Retry {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Drop permanently
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
    /// Their numbers
    numbers: Vec<u64>,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Command {
    pub(super) async fn run(self) -> Done {
        match self {
            Command::List { json, place } => list(&place.attend()?, json).await,
            Command::Show { number, place } => show(&place.attend()?, number).await,
            Command::Retry { which, place } => {
                let store = place.attend()?;
                let done = each(&store, which, async |id| store.revive(id).await).await?;
                out!("{done} put back.");
                Ok(())
            }
            Command::Drop { which, place } => {
                let store = place.attend()?;
                let done = each(&store, which, async |id| store.drop_dead_letter(id).await).await?;
                out!("{done} dropped.");
                Ok(())
            }
        }
    }
}

async fn list(store: &Sqlite, as_json: bool) -> Done {
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
            let blocks = if *blocks { ", its chat waits" } else { "" };
            out!("{id}  {at}  {kind} of {key}, tried {attempts}×{blocks}: {error}");
        }
    }
    if letters.is_empty() && !as_json {
        out!("There are no dead letters.");
    }
    Ok(())
}

async fn show(store: &Sqlite, number: u64) -> Done {
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
    let came = match &letter.what {
        DeadWhat::Event { at, .. } => *at,
        DeadWhat::Call(call) => call.at,
    };
    json!({
        "number": letter.id,
        "kind": kind(letter),
        "lane": letter.key.to_string(),
        "came": came.to_string(),
        "given_up": letter.at.to_string(),
        "attempts": letter.attempts,
        "error": letter.error,
        "chat_waits": letter.blocks,
    })
}

async fn all(store: &Sqlite) -> Result<Vec<DeadLetter>, crate::store::StoreError> {
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

/// Does something with each, and tells with how many it was done. A number that is none is told.
async fn each(
    store: &Sqlite,
    which: Which,
    act: impl AsyncFn(DeadId) -> Result<bool, crate::store::StoreError>,
) -> Result<u64, Box<dyn std::error::Error>> {
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
