//! A bot on an open channel: it greets once a session, and is silent while an operator has the
//! chat.

use std::time::Duration;

use imbot::engine::ATTEMPTS_MAX;
use imbot::event::MessageId;
use imbot::prelude::*;
use imbot::store::{Call, Inbox, Operator, Turns};
use serde_json::{Value, json};

use super::stage::{Stage, event};

/// Greets, repeats, and reports what happens to it.
struct Desk {
    profile: Profile,
}

impl Bot<u32> for Desk {
    fn profile(&self) -> Profile {
        self.profile.clone()
    }

    async fn session_started(&self, cx: &mut Context<u32>, _: Option<SessionId>) -> Result {
        cx.say("Welcome");
        Ok(())
    }

    async fn join(&self, cx: &mut Context<u32>, _: Join) -> Result {
        cx.say("joined");
        Ok(())
    }

    async fn taken_over(&self, cx: &mut Context<u32>, by: TakenOver) -> Result {
        cx.say("nobody reads this");
        cx.whisper(format!("{by:?} after {}", cx.state));
        Ok(())
    }

    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        cx.state += 1;
        let who = cx.role().map_or("?".to_owned(), |role| format!("{role:?}"));
        cx.say(format!("{who}: {}", message.text));
        match message.text.as_str() {
            "people" => cx.to_operator(),
            "sales" => cx.transfer(LineId(9), true),
            "ann" => cx.transfer(UserId(5), false),
            "bye" => cx.finish(),
            "boom" => Err("the answers are away")?,
            _ => {}
        }
        Ok(())
    }
}

const CLIENT: u64 = 31;
const OPERATOR: u64 = 5;

async fn desk() -> Stage {
    desk_with(Profile::new("desk", "Desk").serves_open_channels()).await
}

async fn desk_with(profile: Profile) -> Stage {
    Stage::with(App::new().bot(Desk { profile })).await
}

/// An event of the chat of line 7, in a session.
#[expect(
    clippy::needless_pass_by_value,
    reason = "read as a call with a literal"
)]
fn at_line(name: &str, session: u64, params: Value) -> Value {
    let mut all = json!({
        "DIALOG_ID": "chat42", "CHAT_ID": 42, "CHAT_TYPE": "L", "CHAT_ENTITY_TYPE": "LINES",
        "CHAT_ENTITY_ID": "mine|7|channel-1|client-1", "CHAT_ENTITY_DATA_1": format!("Y|LEAD|3|N|N|{session}|1773223732"),
    });
    all.as_object_mut()
        .unwrap()
        .extend(params.as_object().unwrap().clone());
    event(name, "desk", all)
}

fn said(session: u64, id: u64, user: u64, text: &str) -> Value {
    let params =
        json!({ "MESSAGE": text, "MESSAGE_ID": id, "FROM_USER_ID": user, "AUTHOR_ID": user });
    let mut said = at_line("ONIMBOTMESSAGEADD", session, params);
    let is_client = if user == CLIENT { "Y" } else { "N" };
    said["data"]["USER"] = json!({ "ID": user, "NAME": "Somebody", "IS_CONNECTOR": is_client });
    said
}

fn join(session: u64, ts: u64) -> Value {
    let mut join = at_line("ONIMBOTJOINCHAT", session, json!({ "USER_ID": CLIENT }));
    join["ts"] = ts.into();
    join
}

async fn after(events: Vec<Value>) -> Vec<String> {
    let stage = desk().await;
    for event in events {
        stage.post(event).await;
    }
    stage.until_idle().await;
    stage.sent.texts("chat42")
}

#[tokio::test(start_paused = true)]
async fn the_bot_greets_once_per_session_whichever_event_comes_first() {
    let join_first = vec![
        join(1, 1),
        said(1, 10, CLIENT, "hi"),
        said(1, 11, CLIENT, "there"),
    ];
    assert_eq!(
        after(join_first).await,
        ["Welcome", "joined", "Client: hi", "Client: there"]
    );
    let join_late = vec![
        said(1, 10, CLIENT, "hi"),
        join(1, 1),
        said(1, 11, CLIENT, "there"),
    ];
    assert_eq!(
        after(join_late).await,
        ["Welcome", "Client: hi", "joined", "Client: there"]
    );
    let two = vec![
        said(1, 10, CLIENT, "hi"),
        said(2, 20, CLIENT, "again"),
        said(1, 12, CLIENT, "late"),
    ];
    assert_eq!(
        after(two).await,
        [
            "Welcome",
            "Client: hi",
            "Welcome",
            "Client: again",
            "Client: late"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_bot_is_silent_after_an_operator_has_spoken() {
    let sent = after(vec![
        said(1, 10, CLIENT, "hi"),
        said(1, 11, OPERATOR, "I am here"),
        said(1, 12, CLIENT, "good"),
        said(1, 13, OPERATOR, "0"),
    ])
    .await;
    assert_eq!(sent, ["Welcome", "Client: hi", "ByOperator after 1"]);
}

#[tokio::test(start_paused = true)]
async fn only_a_second_join_gives_the_chat_back_to_the_bot() {
    let late = vec![
        said(1, 11, OPERATOR, "I am here"),
        join(1, 1),
        said(1, 12, CLIENT, "good"),
    ];
    assert_eq!(after(late).await, ["ByOperator after 0"]);
    let back = vec![
        join(1, 1),
        said(1, 11, OPERATOR, "the bot will help"),
        join(1, 2),
        said(1, 12, CLIENT, "good"),
    ];
    assert_eq!(
        after(back).await,
        ["Welcome", "joined", "ByOperator after 0", "Client: good"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_session_gives_the_chat_back_to_the_bot() {
    let sent = after(vec![
        said(1, 11, OPERATOR, "I am here"),
        said(2, 12, CLIENT, "a day later"),
    ])
    .await;
    assert_eq!(
        sent,
        ["ByOperator after 0", "Welcome", "Client: a day later"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_zero_requests_an_operator_and_is_not_a_message() {
    let sent = after(vec![
        said(1, 10, CLIENT, "hi"),
        said(1, 11, CLIENT, " 0 "),
        said(1, 12, CLIENT, "hello?"),
    ])
    .await;
    assert_eq!(sent, ["Welcome", "Client: hi", "ByClient after 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_whisper_between_operators_does_not_take_over_the_chat() {
    let mut whisper = said(1, 11, OPERATOR, "watch this one");
    whisper["data"]["PARAMS"]["PARAMS"] = json!({ "COMPONENT_ID": "HiddenMessage" });
    let sent = after(vec![
        said(1, 10, CLIENT, "hi"),
        whisper,
        said(1, 12, CLIENT, "ok"),
    ])
    .await;
    assert_eq!(sent, ["Welcome", "Client: hi", "Client: ok"]);
}

/// Returns the calls after the client wrote this, without the greeting.
async fn calls(text: &str) -> (Stage, Vec<Call<MessageId>>) {
    let stage = desk().await;
    stage.post(said(1, 10, CLIENT, text)).await;
    stage.post(said(1, 11, CLIENT, "hello?")).await;
    stage.until_idle().await;
    let mut all = stage.sent.all();
    all.retain(|it| !matches!(it, Call::Say { params, .. } if params["MESSAGE"] == "Welcome"));
    (stage, all)
}

fn call(call: &Call<MessageId>) -> (String, Value) {
    match call {
        Call::Rest { method, params } => {
            (method.to_string(), Value::Object(params.as_ref().clone()))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_handed_over_after_the_bots_last_message_and_then_the_bot_is_silent() {
    let session = |method: &str| format!("imopenlines.bot.session.{method}");
    let expected = [
        ("people", session("operator"), json!({ "CHAT_ID": 42 })),
        (
            "sales",
            session("transfer"),
            json!({ "CHAT_ID": 42, "QUEUE_ID": 9, "LEAVE": "Y" }),
        ),
        (
            "ann",
            session("transfer"),
            json!({ "CHAT_ID": 42, "USER_ID": 5, "LEAVE": "N" }),
        ),
        ("bye", session("finish"), json!({ "CHAT_ID": 42 })),
    ];
    for (text, method, params) in expected {
        let (_, all) = calls(text).await;
        assert_eq!(all.len(), 2, "{text}: {all:?}");
        assert!(matches!(&all[0], Call::Say { .. }));
        assert_eq!(call(&all[1]), (method, params));
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_gets_the_chat_when_the_bots_last_attempt_fails() {
    let (stage, mut all) = calls("boom").await;
    let says = |call: &Call<_>, start: &str| matches!(call, Call::Say { params, .. } if params["MESSAGE"].as_str().unwrap().starts_with(start));
    assert!(says(&all.remove(0), "This takes longer than usual"));
    assert!(says(&all[0], "Sorry"));
    assert_eq!(call(&all[1]).0, "imopenlines.bot.session.operator");
    assert_eq!(
        all.len(),
        2,
        "the greeting was rolled back with the turn, and then it is silent: {all:?}"
    );
    assert_eq!(stage.store.dead_letters(None, 9).await.unwrap().len(), 1);
}

/// The handler is not called any more, so the bot does not apologise.
#[tokio::test(start_paused = true)]
async fn an_operator_gets_the_chat_when_every_attempt_killed_the_process() {
    let first = desk().await;
    first.engine.stop(Duration::ZERO).await; // so that nothing is handled
    first.post(said(1, 10, CLIENT, "hi")).await;
    let (event, _) = first.store.waiting(None, None, 1).await.unwrap()[0].clone();
    for _ in 0..ATTEMPTS_MAX {
        first.store.begin(event, None).await.unwrap().unwrap(); // the process dies here
    }
    let profile = Profile::new("desk", "Desk").serves_open_channels();
    let second = Stage::on(App::new().bot(Desk { profile }), first.store).await;
    second.until_idle().await;
    let all = second.sent.all();
    let operator = "imopenlines.bot.session.operator".to_owned();
    let calls: Vec<_> = all.iter().map(call).collect();
    assert_eq!(calls, [(operator, json!({ "CHAT_ID": 42 }))]);
}

#[tokio::test(start_paused = true)]
async fn a_bot_alongside_operators_still_gets_messages_and_answers() {
    let profile = Profile::new("desk", "Desk")
        .serves_open_channels()
        .alongside_operators();
    let stage = desk_with(profile).await;
    for event in [
        said(1, 10, OPERATOR, "I am here"),
        said(1, 11, CLIENT, "good"),
    ] {
        stage.post(event).await;
    }
    stage.until_idle().await;
    let sent = stage.sent.texts("chat42");
    let expected = [
        "nobody reads this",
        "ByOperator after 0",
        "Operator: I am here",
        "Client: good",
    ];
    assert_eq!(sent, expected);
}

#[tokio::test(start_paused = true)]
async fn only_the_chat_of_an_open_channel_can_be_handed_over() {
    let stage = desk().await;
    stage
        .post(super::stage::message("desk", "27", 1, "people"))
        .await;
    stage.until_idle().await;
    let [dead] = &stage.store.dead_letters(None, 9).await.unwrap()[..] else {
        panic!()
    };
    assert!(dead.error.contains("open channel"), "{}", dead.error);
}

/// Before an operator's first message the bot answers all messages, after it none.
#[tokio::test(start_paused = true)]
async fn a_bot_never_answers_after_an_operators_first_message() {
    for seed in 1..100u64 {
        let dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let stage = desk().await;
        let (mut expected, mut is_with_operator) = (Vec::new(), false);
        for id in 0..20 {
            let user = if (dice >> (3 * id)) & 7 == 0 {
                OPERATOR
            } else {
                CLIENT
            };
            stage.post(said(1, id + 1, user, &format!("m{id}"))).await;
            is_with_operator |= user == OPERATOR;
            if !is_with_operator {
                expected.push(format!("Client: m{id}"));
            }
        }
        stage.until_idle().await;
        let said = stage.sent.texts("chat42");
        let answers: Vec<_> = said
            .iter()
            .filter(|text| text.starts_with("Client"))
            .collect();
        assert_eq!(answers, expected.iter().collect::<Vec<_>>(), "seed {seed}");
    }
}
