//! A bot on an open channel: it greets once, knows who speaks, and does not talk over people.

use std::time::Duration;

use imbot::engine::{ATTEMPTS_MAX, Speech};
use imbot::prelude::*;
use imbot::store::{Inbox, Operator, Turns};
use serde_json::{Value, json};

use super::stage::{Stage, event};

/// Greets, repeats, and tells what happens to it.
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
        stage.hears(event).await;
    }
    stage.rests().await;
    stage.spoken.said("chat42")
}

#[tokio::test(start_paused = true)]
async fn it_greets_once_a_session_whatever_comes_first() {
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
async fn it_is_silent_from_the_moment_an_operator_speaks() {
    let told = after(vec![
        said(1, 10, CLIENT, "hi"),
        said(1, 11, OPERATOR, "I am here"),
        said(1, 12, CLIENT, "good"),
        said(1, 13, OPERATOR, "0"),
    ])
    .await;
    assert_eq!(told, ["Welcome", "Client: hi", "ByOperator after 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_late_join_does_not_give_the_floor_back_but_a_second_one_does() {
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
async fn another_session_gives_the_floor_back() {
    let told = after(vec![
        said(1, 11, OPERATOR, "I am here"),
        said(2, 12, CLIENT, "a day later"),
    ])
    .await;
    assert_eq!(
        told,
        ["ByOperator after 0", "Welcome", "Client: a day later"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_zero_asks_for_people_and_is_no_message() {
    let told = after(vec![
        said(1, 10, CLIENT, "hi"),
        said(1, 11, CLIENT, " 0 "),
        said(1, 12, CLIENT, "hello?"),
    ])
    .await;
    assert_eq!(told, ["Welcome", "Client: hi", "AtClientsWish after 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_whisper_among_operators_takes_nothing_over() {
    let mut whisper = said(1, 11, OPERATOR, "watch this one");
    whisper["data"]["PARAMS"]["PARAMS"] = json!({ "COMPONENT_ID": "HiddenMessage" });
    let told = after(vec![
        said(1, 10, CLIENT, "hi"),
        whisper,
        said(1, 12, CLIENT, "ok"),
    ])
    .await;
    assert_eq!(told, ["Welcome", "Client: hi", "Client: ok"]);
}

/// What goes out after the client wrote this, but for the greeting.
async fn calls(text: &str) -> (Stage, Vec<Speech<'static>>) {
    let stage = desk().await;
    stage.hears(said(1, 10, CLIENT, text)).await;
    stage.hears(said(1, 11, CLIENT, "hello?")).await;
    stage.rests().await;
    let mut all = stage.spoken.all();
    all.retain(|it| !matches!(it, Speech::Say { params, .. } if params["MESSAGE"] == "Welcome"));
    (stage, all)
}

fn call(speech: &Speech<'_>) -> (String, Value) {
    match speech {
        Speech::Rest { method, params } => (
            method.to_string(),
            Value::Object(params.clone().into_owned()),
        ),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_handed_over_behind_what_was_said_and_the_bot_falls_silent() {
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
        assert!(matches!(&all[0], Speech::Say { .. }));
        assert_eq!(call(&all[1]), (method, params));
    }
}

#[tokio::test(start_paused = true)]
async fn a_chat_goes_to_people_when_the_bot_fails_for_good() {
    let (stage, all) = calls("boom").await;
    assert!(
        matches!(&all[0], Speech::Say { params, .. } if params["MESSAGE"].as_str().unwrap().starts_with("Sorry"))
    );
    assert_eq!(call(&all[1]).0, "imopenlines.bot.session.operator");
    assert_eq!(
        all.len(),
        2,
        "the greeting was rolled back with the turn, and then it is silent: {all:?}"
    );
    assert_eq!(stage.store.dead(None, 9).await.unwrap().len(), 1);
}

/// The bot is not asked any more, so it cannot say sorry.
#[tokio::test(start_paused = true)]
async fn a_chat_goes_to_people_when_the_process_died_in_every_attempt() {
    let first = desk().await;
    first.engine.stop(Duration::ZERO).await; // so that nothing is handled
    first.hears(said(1, 10, CLIENT, "hi")).await;
    let (event, _) = first.store.waiting(None, 1).await.unwrap()[0].clone();
    for _ in 0..ATTEMPTS_MAX {
        first.store.begin(event, None).await.unwrap().unwrap(); // a life that ends here
    }
    let profile = Profile::new("desk", "Desk").serves_open_channels();
    let second = Stage::on(App::new().bot(Desk { profile }), first.store).await;
    second.rests().await;
    let all = second.spoken.all();
    let operator = "imopenlines.bot.session.operator".to_owned();
    let calls: Vec<_> = all.iter().map(call).collect();
    assert_eq!(calls, [(operator, json!({ "CHAT_ID": 42 }))]);
}

#[tokio::test(start_paused = true)]
async fn a_bot_beside_operators_hears_and_speaks_on() {
    let profile = Profile::new("desk", "Desk")
        .serves_open_channels()
        .beside_operators();
    let stage = desk_with(profile).await;
    for event in [
        said(1, 10, OPERATOR, "I am here"),
        said(1, 11, CLIENT, "good"),
    ] {
        stage.hears(event).await;
    }
    stage.rests().await;
    let told = stage.spoken.said("chat42");
    let expected = [
        "nobody reads this",
        "ByOperator after 0",
        "Operator: I am here",
        "Client: good",
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn only_the_chat_of_an_open_channel_can_be_handed_over() {
    let stage = desk().await;
    stage
        .hears(super::stage::message("desk", "27", 1, "people"))
        .await;
    stage.rests().await;
    let [dead] = &stage.store.dead(None, 9).await.unwrap()[..] else {
        panic!()
    };
    assert!(dead.error.contains("open channel"), "{}", dead.error);
}

/// Whoever comes first: after an operator's word the bot says nothing any more, and before it nothing is left out.
#[tokio::test(start_paused = true)]
async fn a_bot_never_answers_behind_an_operator_however_the_chat_runs() {
    for seed in 1..100u64 {
        let dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let stage = desk().await;
        let (mut expected, mut is_with_people) = (Vec::new(), false);
        for id in 0..20 {
            let user = if (dice >> (3 * id)) & 7 == 0 {
                OPERATOR
            } else {
                CLIENT
            };
            stage.hears(said(1, id + 1, user, &format!("m{id}"))).await;
            is_with_people |= user == OPERATOR;
            if !is_with_people {
                expected.push(format!("Client: m{id}"));
            }
        }
        stage.rests().await;
        let said = stage.spoken.said("chat42");
        let answers: Vec<_> = said
            .iter()
            .filter(|text| text.starts_with("Client"))
            .collect();
        assert_eq!(answers, expected.iter().collect::<Vec<_>>(), "seed {seed}");
    }
}
