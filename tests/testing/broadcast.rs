//! Broadcasts: every chat gets the message once, whatever happens meanwhile.

use std::time::Duration;

use imbot::engine::{
    BroadcastState, ChatResult, OUTSTANDING_MAX, PROGRESS_INTERVAL, SWEEP_INTERVAL,
};
use imbot::event::BotId;
use imbot::handler::RequestError;
use imbot::prelude::*;
use imbot::store::{Conversation, ForgetScope, PartScope, StateChange};
use imbot::testing::{Person, TestPortal};
use serde_json::Value;

use super::Porter;

const SECOND: Duration = Duration::from_secs(1);

/// Repeats what is said, and sends to all chats what follows `/sale`.
struct News;

impl Bot for News {
    fn profile(&self) -> Profile {
        Profile::new("news", "News").keeps_conversations()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("sale", "Sends to all chats").params("text")]
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(format!("echo: {}", message.text));
        Ok(())
    }

    async fn command(&self, cx: &mut Context, command: Command) -> Result {
        let (Rest(text),) = command.args()?;
        cx.broadcast("sale", Audience::all(), text).show_progress();
        Ok(())
    }

    async fn press(&self, cx: &mut Context, press: Press) -> Result {
        cx.say(format!("pressed {}", press.read::<u32>()?));
        Ok(())
    }
}

/// A portal with this number of groups with the bot, and the handle of the program.
async fn news(groups: usize) -> (TestPortal, Vec<Person>, Handle) {
    let app = App::new().bot(News);
    let handle = app.handle();
    let portal = TestPortal::with(app).await;
    let groups = (0..groups).map(|_| portal.group(["Boris"], &["news"]));
    let groups = groups.map(|[boris]| boris).collect();
    portal.advance(SECOND).await;
    (portal, groups, handle)
}

/// Returns how often each group has got the message.
fn received(groups: &[Person]) -> Vec<usize> {
    let count = |person: &Person| {
        let history = person.history();
        history
            .iter()
            .filter(|seen| seen.text == "Half off")
            .count()
    };
    groups.iter().map(count).collect()
}

/// Fails unless every group has got the message once.
fn assert_once(groups: &[Person]) {
    let received = received(groups);
    let wrong = received.iter().filter(|count| **count != 1).count();
    assert_eq!(wrong, 0, "{received:?}");
}

#[tokio::test]
async fn every_chat_gets_it_once_and_the_progress_is_shown_in_one_message() {
    let (portal, groups, _) = news(300).await;
    let mut ann = portal.private("Ann", "news");
    ann.says("/sale Half off");
    let first = ann.sees("of 301 chats").await;
    let last = ann
        .sees("“sale” is done: 301 sent, 0 refused, 0 skipped.")
        .await;
    assert_eq!(last.id, first.id);
    assert!(last.is_edited);
    assert_once(&groups);
    assert_eq!(received(&[ann]), [1]);
    portal.redeliver().await;
    assert_once(&groups);
}

#[tokio::test]
async fn the_progress_is_edited_at_most_every_three_seconds() {
    let (portal, groups, _) = news(450).await;
    let mut ann = portal.private("Ann", "news");
    ann.says("/sale Half off");
    let (mut last, mut edits) = (portal.now(), 0);
    loop {
        let seen = ann.sees("“sale”").await;
        if seen.text.contains("is done") {
            break;
        }
        edits += u32::from(seen.is_edited);
        let since = portal.now().since(last);
        assert!(!seen.is_edited || since >= PROGRESS_INTERVAL, "{since:?}");
        last = portal.now();
    }
    assert!(edits >= 1);
    assert_once(&groups);
}

#[tokio::test]
async fn a_crash_at_any_time_sends_nothing_twice_and_loses_nothing() {
    for moment in [0, 1, 2, 5, 20, 51, 60, 110, 500, 1_000, 2_500] {
        let (portal, groups, _) = news(30).await;
        let mut ann = portal.private("Ann", "news");
        ann.says("/sale Half off");
        portal.advance(Duration::from_millis(moment)).await;
        portal.crash().await;
        portal.advance(Duration::from_millis(moment / 2)).await;
        portal.crash().await;
        portal.advance(90 * SECOND).await;
        let transcript = ann.transcript();
        let done = "“sale” is done: 31 sent, 0 refused, 0 skipped.";
        assert_eq!(
            transcript.matches(done).count(),
            1,
            "{moment}: {transcript}"
        );
        assert_once(&groups);
    }
}

#[tokio::test]
async fn answers_go_out_while_it_runs() {
    let (portal, groups, _) = news(300).await;
    let mut ann = portal.private("Ann", "news");
    let mut clara = portal.private("Clara", "news");
    clara.says("hello").sees("echo: hello").await;
    ann.says("/sale Half off").sees("of 302 chats").await;
    for number in 0..3 {
        portal.advance(SECOND / 2).await;
        let asked = portal.now();
        let text = format!("question {number}");
        clara.says(&text).sees(&format!("echo: {text}")).await;
        let waited = portal.now().since(asked);
        assert!(waited <= SECOND, "{number}: {waited:?}");
    }
    ann.sees("is done: 302 sent").await;
    assert_once(&groups);
}

#[tokio::test]
async fn chats_that_are_gone_are_counted_and_are_no_dead_letters() {
    let (portal, groups, handle) = news(5).await;
    let bot = portal.bot("news");
    for gone in &groups[..2] {
        let user = gone.user().0;
        let removed = portal.emulator().remove(user, gone.dialog(), bot);
        removed.expect("the bot is a member");
    }
    portal.settle().await;
    let mut ann = portal.private("Ann", "news");
    ann.says("/sale Half off");
    ann.sees("is done: 4 sent, 2 refused, 0 skipped.").await;
    assert_eq!(received(&groups), [0, 0, 1, 1, 1]);
    let news = handle.bot("news");
    let status = news
        .broadcast_status("sale")
        .await
        .unwrap()
        .expect("it is kept");
    assert_eq!(status.counts.refused, 2);
    let undelivered = news.undelivered("sale").await.unwrap();
    let expected = groups[..2].iter().map(Person::dialog);
    let dialogs = undelivered.iter().map(|(dialog, _)| dialog.as_str());
    assert!(dialogs.eq(expected), "{undelivered:?}");
    let is_refused = |result: &ChatResult| matches!(result, ChatResult::Refused(_));
    assert!(undelivered.iter().all(|(_, result)| is_refused(result)));
}

#[tokio::test]
async fn it_is_paused_resumed_and_restarted() {
    let (portal, groups, handle) = news(450).await;
    let news = handle.bot("news");
    let ask = || news.broadcast("sale", Audience::groups(), "Half off");
    ask().await.unwrap();
    portal.settle().await;
    news.pause_broadcast("sale").await.unwrap();
    portal.advance(30 * SECOND).await;
    let paused = received(&groups).iter().sum::<usize>();
    assert!((1..=2 * OUTSTANDING_MAX).contains(&paused), "{paused}");
    portal.restart().await;
    portal.advance(30 * SECOND).await;
    assert_eq!(received(&groups).iter().sum::<usize>(), paused);
    let status = news.broadcasts().await.unwrap().remove(0);
    assert_eq!(status.state, BroadcastState::Paused);
    assert_eq!(status.counts.sent, paused as u64);
    assert_eq!(status.total, Some(450));
    news.resume_broadcast("sale").await.unwrap();
    portal.advance(60 * SECOND).await;
    assert_once(&groups);
    let status = news.broadcasts().await.unwrap().remove(0);
    assert_eq!(status.state, BroadcastState::Done);
}

#[tokio::test]
async fn a_cancelled_one_ends_soon_and_says_its_numbers() {
    let (portal, groups, handle) = news(450).await;
    let mut ann = portal.private("Ann", "news");
    ann.says("/sale Half off").sees("of 451 chats").await;
    handle.bot("news").cancel_broadcast("sale").await.unwrap();
    let last = ann.sees("“sale” was cancelled").await;
    let sent = received(&groups).iter().sum::<usize>();
    assert!(sent <= 2 * OUTSTANDING_MAX, "{sent}");
    portal.advance(60 * SECOND).await;
    assert_eq!(
        received(&groups).iter().sum::<usize>(),
        sent,
        "{}",
        last.text
    );
    let again = handle.bot("news").cancel_broadcast("sale").await;
    assert!(matches!(again, Err(RequestError::NoBroadcast(_))));
}

#[tokio::test]
async fn a_second_one_with_the_same_name_is_refused_while_the_first_is_kept() {
    let (portal, groups, handle) = news(3).await;
    let mut ann = portal.private("Ann", "news");
    ann.says("/sale Half off").sees("is done").await;
    ann.says("/sale Half off");
    ann.sees("There is a broadcast “sale” already.").await;
    let ask = handle
        .bot("news")
        .broadcast("sale", Audience::all(), "Half off");
    assert!(matches!(ask.await, Err(RequestError::BroadcastExists(_))));
    portal.crash().await;
    ann.says("/sale Half off");
    ann.sees("There is a broadcast “sale” already.").await;
    assert_once(&groups);
    handle.bot("news").remove_broadcast("sale").await.unwrap();
    ann.says("/sale Half off").sees("is done").await;
    assert_eq!(received(&groups), [2, 2, 2]);
}

#[tokio::test]
async fn a_finished_one_is_removed_when_it_is_old() {
    let (portal, _, handle) = news(1).await;
    let mut ann = portal.private("Ann", "news");
    ann.says("/sale Half off").sees("is done").await;
    let engine = portal.engine();
    let (store, member) = (engine.store(), engine.portals().remove(0));
    let key = Conversation::of_broadcast(member, BotId(portal.bot("news")), "sale");
    let job = key.part("job");
    let mut state = store.state(&job).await.unwrap().expect("it is kept");
    let mut record: Value = serde_json::from_slice(&state.bytes).unwrap();
    record["ended"] = 1.into();
    state.bytes = record.to_string().into();
    let change = StateChange::Put(state);
    store.change_part(&job, portal.now(), change).await.unwrap();
    portal.advance(SWEEP_INTERVAL + SECOND).await;
    assert_eq!(handle.bot("news").broadcasts().await.unwrap(), []);
    let parts = store.parts(PartScope::Of(key), None, 10).await.unwrap();
    assert_eq!(parts, [], "neither are its results");
    ann.says("/sale Half off").sees("is done").await;
}

#[tokio::test]
async fn a_paused_one_that_is_forgotten_frees_its_name() {
    let (portal, groups, handle) = news(3).await;
    let mut ann = portal.private("Ann", "news");
    let news = handle.bot("news");
    let ask = || news.broadcast("sale", Audience::groups(), "Half off");
    ask().await.unwrap();
    portal.settle().await;
    news.pause_broadcast("sale").await.unwrap();
    let engine = portal.engine();
    let member = engine.portals().remove(0);
    let key = Conversation::of_broadcast(member, BotId(portal.bot("news")), "sale");
    let forgotten = engine.store().forget(ForgetScope::Conversation(key));
    assert_ne!(forgotten.await.unwrap(), 0);
    portal.advance(90 * SECOND).await;
    assert_once(&groups);
    ann.says("/sale Half off").sees("is done").await;
}

#[tokio::test]
async fn a_turn_that_runs_twice_begins_it_once() {
    let (portal, groups, _) = news(3).await;
    portal.run_twice();
    let mut ann = portal.private("Ann", "news");
    ann.says("/sale Half off").sees("is done: 4 sent").await;
    ann.sees_nothing_more().await;
    assert_once(&groups);
}

#[tokio::test]
async fn the_handle_lists_conversations_and_shows_the_progress_of_a_broadcast() {
    let (portal, groups, handle) = news(3).await;
    let mut ann = portal.private("Ann", "news");
    ann.says("hello").sees("echo: hello").await;
    let news = handle.bot("news");
    let (mut all, mut dialogs) = (news.conversations(), Vec::new());
    while let Some(listed) = all.next().await.unwrap() {
        dialogs.push(listed.key.dialog.to_string());
    }
    let mut expected = vec![ann.user().to_string()];
    expected.extend(groups.iter().map(|group| group.dialog().to_owned()));
    expected.sort();
    assert_eq!(dialogs, expected);
    let ask = news.broadcast("to people", Audience::private(), "Half off");
    ask.show_progress_in(ann.user()).await.unwrap();
    ann.sees("Half off").await;
    ann.sees("“to people” is done: 1 sent").await;
    assert_eq!(received(&groups), [0, 0, 0]);
    let wrong = news.broadcast("a/b", Audience::all(), "Half off").await;
    assert!(matches!(wrong, Err(RequestError::BroadcastName(_))));
}

#[tokio::test]
async fn a_chat_that_an_operator_has_is_skipped() {
    let app = App::new().bot(Porter);
    let handle = app.handle();
    let portal = TestPortal::with(app).await;
    let mut eve = portal.visitor("Eve", "porter");
    let mut max = portal.visitor("Max", "porter");
    eve.says("person").sees("heard").await;
    max.says("hello").sees("heard").await;
    let porter = handle.bot("porter");
    let ask = porter.broadcast("sale", Audience::all(), "Half off");
    ask.await.unwrap();
    max.sees("Half off").await;
    portal.advance(SECOND).await;
    eve.sees_nothing_more().await;
    let counts = porter.broadcasts().await.unwrap()[0].counts;
    assert_eq!((counts.sent, counts.skipped), (1, 1));
}

#[tokio::test]
async fn a_button_of_a_broadcast_counts_once_in_each_chat() {
    let (portal, mut groups, handle) = news(2).await;
    let offer = Draft::new("Half off").keyboard(Button::press("Take", 7).once());
    let bot = handle.bot("news");
    bot.broadcast("offer", Audience::all(), offer)
        .await
        .unwrap();
    portal.advance(SECOND).await;
    for boris in &mut groups {
        let offer = boris.sees("Half off").await;
        boris.presses(&offer, "Take").presses(&offer, "Take");
        boris.sees("pressed 7").await;
        boris.sees("That is already done.").await;
    }
}
