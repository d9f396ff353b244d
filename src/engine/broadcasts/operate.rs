//! Broadcasts as operators see and change them, through the store: also while the bots run.

use serde::Serialize;

use super::record::{CONTROL, Control, JOB, Mark, Record, marked_dialog};
use super::{BroadcastCounts, ChatResult};
use crate::engine::part_rows::{all_named, put, read};
use crate::event::{BotRef, DialogId, MemberId};
use crate::store::{
    Conversation, ForgetScope, ListScope, PartScope, StateChange, Store, StoreError, Time,
};

/// A broadcast, as its job has stored it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BroadcastStatus {
    /// Its name.
    pub name: String,
    /// The portal.
    pub portal: MemberId,
    /// The bot.
    pub bot: BotRef,
    /// What it does.
    pub state: BroadcastState,
    /// When it was asked for.
    pub begun: Time,
    /// When it ended.
    pub ended: Option<Time>,
    /// The number of chats when it began; `None` if it has not begun.
    pub total: Option<u64>,
    /// The chats that are done.
    #[serde(flatten)]
    pub counts: BroadcastCounts,
    /// The number of chats that were asked and are not done.
    pub outstanding: u64,
}

/// What a broadcast does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BroadcastState {
    /// It goes to chat after chat.
    Running,
    /// It goes on when it is resumed.
    Paused,
    /// It was cancelled, and waits for the chats that were asked.
    Cancelling,
    /// It has ended, because it was cancelled.
    Cancelled,
    /// It has gone to all chats.
    Done,
}

impl BroadcastState {
    fn of(record: &Record, control: Option<Control>) -> Self {
        match (record.ended, control) {
            (Some(_), _) if record.is_cancelled => Self::Cancelled,
            (Some(_), _) => Self::Done,
            (None, Some(Control::Cancel)) => Self::Cancelling,
            (None, Some(Control::Pause)) => Self::Paused,
            (None, None) => Self::Running,
        }
    }
}

/// Returns the broadcasts in this scope, in the order of their keys.
pub(crate) async fn list(
    store: &dyn Store,
    scope: &ListScope,
) -> Result<Vec<BroadcastStatus>, StoreError> {
    let mut found = Vec::new();
    for (key, row) in all_named(store, None, JOB).await? {
        let key = key.whole();
        if scope.includes(&key) && key.broadcast().is_some() {
            found.extend(with_control(store, &key, read(&row)).await?);
        }
    }
    Ok(found)
}

/// Returns a broadcast. Returns `None` if there is none of this name.
pub(crate) async fn status(
    store: &dyn Store,
    key: &Conversation,
) -> Result<Option<BroadcastStatus>, StoreError> {
    let row = store.state(&key.part(JOB)).await?;
    with_control(store, key, row.as_ref().and_then(read)).await
}

async fn with_control(
    store: &dyn Store,
    key: &Conversation,
    record: Option<Record>,
) -> Result<Option<BroadcastStatus>, StoreError> {
    let Some(record) = record else {
        return Ok(None);
    };
    let control = store.state(&key.part(CONTROL)).await?;
    let control = control.as_ref().and_then(read);
    Ok(Some(BroadcastStatus {
        name: record.order.name.clone(),
        portal: key.portal.clone(),
        bot: record.order.bot.clone(),
        state: BroadcastState::of(&record, control),
        begun: record.begun,
        ended: record.ended,
        total: record.total,
        counts: record.counts,
        outstanding: record.outstanding.len() as u64,
    }))
}

/// Pauses, resumes (`None`) or cancels a broadcast. Returns false if there is none of this name
/// that is not finished.
pub(crate) async fn set_control(
    store: &dyn Store,
    key: &Conversation,
    now: Time,
    control: Option<Control>,
) -> Result<bool, StoreError> {
    let is_changeable = status(store, key).await?.is_some_and(|status| {
        matches!(
            status.state,
            BroadcastState::Running | BroadcastState::Paused
        )
    });
    if is_changeable {
        let change = control.map_or(StateChange::Forget, |control| put(&control));
        store.change_part(&key.part(CONTROL), now, change).await?;
    }
    Ok(is_changeable)
}

/// Removes a finished broadcast with its results, so that its name is free. Returns false if there
/// is none of this name that is finished.
pub(crate) async fn remove(
    store: &dyn Store,
    key: &Conversation,
    now: Time,
) -> Result<bool, StoreError> {
    let is_finished = status(store, key)
        .await?
        .is_some_and(|status| status.ended.is_some());
    if is_finished {
        let job = key.part(JOB);
        store.change_part(&job, now, StateChange::Forget).await?;
        store.forget(ForgetScope::Conversation(key.clone())).await?;
    }
    Ok(is_finished)
}

/// Returns what became of the chats of a broadcast, a page of at most `limit` marks, and the last
/// mark of the page. A chat whose message is under way counts as sent.
pub(crate) async fn results(
    store: &dyn Store,
    key: &Conversation,
    after: Option<&Conversation>,
    limit: usize,
) -> Result<(Vec<(DialogId, ChatResult)>, Option<Conversation>), StoreError> {
    let scope = PartScope::Of(key.clone());
    let page = store.parts(scope, after, limit).await?;
    let last = page.last().map(|(key, _)| key.clone());
    let result = |(key, state)| {
        let result = read::<Mark>(&state)?.result;
        Some((marked_dialog(&key)?, result.unwrap_or(ChatResult::Sent)))
    };
    let results = page
        .into_iter()
        .filter(|(key, _)| marked_dialog(key).is_some());
    Ok((results.filter_map(result).collect(), last))
}
