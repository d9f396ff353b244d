//! The test kit: what it shows, what it fails on, and that its clock stands still.

mod broadcast;
mod buttons;
mod forms;
mod middleware;
mod once;
mod pause;
mod people;
mod rate_limit;
mod repeating;
mod speaking;
mod streams;
mod time_limit;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use imbot::prelude::*;
use imbot::testing::TestPortal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A bot of an open channel that hands over to a person who asks for one.
struct Porter;

impl Bot for Porter {
    fn profile(&self) -> Profile {
        Profile::new("porter", "Porter").serves_open_channels()
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say("heard");
        if message.text == "person" {
            cx.to_operator();
        }
        Ok(())
    }
}

/// Takes an order in two messages, and asks an hour later how it was.
struct Courier;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Order {
    dish: Option<String>,
}

impl Bot<Order> for Courier {
    async fn message(&self, cx: &mut Context<Order>, message: Message) -> Result {
        let Some(dish) = cx.state.dish.take() else {
            cx.state.dish = Some(message.text);
            cx.say("How many?");
            return Ok(());
        };
        let count: u32 = message.text.parse().or_tell("A number, please.")?;
        cx.remind(Duration::from_secs(3_600), &dish)?;
        let keyboard = Keyboard::from(vec![Button::command("Order", "order", &dish)]);
        cx.say(Draft::new(format!("{count} × {dish}")).keyboard(keyboard));
        Ok(())
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("order", "Orders").hidden()]
    }

    async fn command(&self, cx: &mut Context<Order>, command: Command) -> Result {
        cx.say(format!("Ordered: {}", command.params));
        Ok(())
    }

    async fn reminded(&self, cx: &mut Context<Order>, reminder: Reminder) -> Result {
        cx.say(format!("Was the {} good?", reminder.read::<String>()?));
        Ok(())
    }
}

fn courier() -> App {
    App::new().bot(Courier)
}

#[tokio::test]
async fn a_conversation_survives_a_crash_refusals_and_repeats() {
    let portal = TestPortal::with(courier).await;
    let mut ann = portal.private("Ann", "courier");
    ann.says("pizza").sees("How many?").await;
    portal.crash().await;
    ann.says("two").sees("A number").await;
    portal.refuse(3, "QUERY_LIMIT_EXCEEDED");
    let offer = ann.says("2").sees("2 × pizza").await;
    ann.presses(&offer, "Order").sees("Ordered: pizza").await;
    portal.redeliver().await;
    ann.sees_nothing_more().await;
    portal.advance(Duration::from_secs(3_600)).await;
    ann.sees("Was the pizza good?").await;
    assert_eq!(
        ann.transcript(),
        "Ann: pizza\nCourier: How many?\nAnn: two\nCourier: A number, please.\nAnn: 2\nCourier: 2 × pizza\n  [Order]\n\
         Courier: Ordered: pizza\nCourier: Was the pizza good?\n"
    );
}

#[tokio::test]
async fn a_person_who_says_something_at_once_is_answered_in_order() {
    let portal = TestPortal::with(App::new().bot(Echo)).await;
    let mut ann = portal.private("Ann", "echo");
    for number in 0..120 {
        ann.says(&number.to_string());
    }
    for number in 0..120 {
        assert_eq!(ann.sees("").await.text, number.to_string());
    }
}

struct Echo;

impl Bot for Echo {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }
}

#[tokio::test]
async fn the_clock_moves_only_when_it_is_told_to() {
    let portal = TestPortal::with(courier()).await;
    let mut ann = portal.private("Ann", "courier");
    ann.says("pizza").sees("How many?").await;
    ann.says("1").sees("1 × pizza").await;
    let before = portal.now();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(portal.now(), before);
    portal.advance(Duration::from_secs(3_590)).await;
    ann.sees_nothing_more().await;
    portal.advance(Duration::from_secs(10)).await;
    ann.sees("Was the pizza good?").await;
}

/// Answers what another thread computes.
struct Slow;

impl Bot for Slow {
    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        let (done, computed) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            let _ = done.send("computed");
        });
        // With a clock that jumps, the time would be over at once.
        let computed = tokio::time::timeout(Duration::from_secs(5), computed).await;
        cx.say(computed??);
        Ok(())
    }
}

#[tokio::test]
async fn the_clock_stands_still_while_a_handler_waits_for_something_outside() {
    let portal = TestPortal::with_settings(App::new().bot(Slow), |settings| {
        settings.handler_time = Duration::from_secs(600); // however slow the machine is
    })
    .await;
    let mut ann = portal.private("Ann", "slow");
    ann.says("?").sees("computed").await;
}

/// Answers after twenty seconds of the clock.
struct Sleepy;

impl Bot for Sleepy {
    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        tokio::time::sleep(Duration::from_secs(20)).await;
        cx.say("awake");
        Ok(())
    }
}

#[tokio::test]
async fn a_handler_that_waits_for_the_clock_gets_it() {
    let portal = TestPortal::with(App::new().bot(Sleepy)).await;
    let mut ann = portal.private("Ann", "sleepy");
    ann.says("?").sees("awake").await;
}

/// Keeps its count in itself, which is wrong.
struct Forgetful(AtomicU32);

impl Bot for Forgetful {
    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        cx.say(format!("{}", self.0.fetch_add(1, Ordering::Relaxed) + 1));
        Ok(())
    }
}

#[tokio::test]
async fn a_turn_that_runs_twice_shows_what_a_bot_keeps_besides_its_state() {
    let portal = TestPortal::with(App::new().bot(Forgetful(AtomicU32::new(0)))).await;
    let mut ann = portal.private("Ann", "forgetful");
    assert_eq!(ann.says("count").sees("").await.text, "1");
    portal.run_twice();
    assert_eq!(ann.says("count").sees("").await.text, "3");
}

async fn deal_added(event: HookEvent) -> Result {
    let id = event.to_json()["data"]["FIELDS"]["ID"].clone();
    let deal: Value = event.call("crm.deal.get").with("ID", id).await?;
    event
        .call::<Value>("im.message.add")
        .with("DIALOG_ID", 1)
        .with(
            "MESSAGE",
            format!("A deal: {}", deal["TITLE"].as_str().unwrap_or_default()),
        )
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_hook_reads_what_the_test_answers() {
    let app = App::new().bot(Echo).hook("ONCRMDEALADD", deal_added);
    let portal = TestPortal::with(app).await;
    portal.answers(
        "crm.deal.get",
        |params| json!({ "ID": params["ID"], "TITLE": "Chairs" }),
    );
    portal.answers("im.message.add", |_| json!(12));
    portal
        .fires("ONCRMDEALADD", &json!({ "FIELDS": { "ID": 7 } }))
        .await;
    let sent = portal.calls("im.message.add");
    assert_eq!(sent[0]["request"]["MESSAGE"], "A deal: Chairs");
}

/// A bot of an open channel.
struct Desk;

impl Bot for Desk {
    fn profile(&self) -> Profile {
        Profile::new("desk", "Desk").serves_open_channels()
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(format!("heard: {}", message.text));
        Ok(())
    }
}

#[tokio::test]
async fn a_client_outside_talks_to_a_bot_of_an_open_channel() {
    let portal = TestPortal::with(App::new().bot(Desk)).await;
    let mut eve = portal.visitor("Eve", "desk");
    eve.says("Hello").sees("heard: Hello").await;
    assert!(
        eve.transcript()
            .ends_with("Eve: Hello\nDesk: heard: Hello\n"),
        "{}",
        eve.transcript()
    );
}

/// Fails with the text of the message.
struct Failing;

impl Bot for Failing {
    async fn message(&self, _: &mut Context, message: Message) -> Result {
        Err(Error::permanent(message.text))
    }
}

#[tokio::test]
#[should_panic = "1 dead letters at the end of the test, 0 expected"]
async fn a_dead_letter_that_was_not_expected_fails_the_test() {
    let portal = TestPortal::with(App::new().bot(Failing)).await;
    portal.private("Ann", "failing").says("broken");
    portal.settle().await;
}

#[tokio::test]
async fn an_expected_dead_letter_does_not() {
    let portal = TestPortal::with(App::new().bot(Failing)).await;
    portal.private("Ann", "failing").says("broken");
    portal.settle().await;
    portal.expects_dead_letters(1);
    portal.expects_failures(1);
}

#[tokio::test]
#[should_panic = "Ann waited in vain for `Goodbye`"]
async fn a_message_that_does_not_come_fails_the_test() {
    let portal = TestPortal::with(App::new().bot(Echo)).await;
    portal
        .private("Ann", "echo")
        .says("Hello")
        .sees("Goodbye")
        .await;
}

#[tokio::test]
async fn a_stop_and_a_new_version_keep_the_state() {
    let portal = TestPortal::with(courier).await;
    let mut ann = portal.private("Ann", "courier");
    ann.says("pizza").sees("How many?").await;
    portal.restart().await;
    portal.restart_as(courier).await;
    ann.says("3").sees("3 × pizza").await;
}

#[tokio::test]
async fn an_address_of_the_program_can_be_called() {
    #[imbot::libraries::poem::handler]
    fn greet(mut name: String) -> String {
        name.insert_str(0, "Hello, ");
        name
    }
    let app = || {
        let route = imbot::libraries::poem::Route::new();
        App::new().nest("/greet", route.at("/", imbot::libraries::poem::post(greet)))
    };
    let portal = TestPortal::with(app).await;
    let answer = portal.post("/greet", "text/plain", "Ann").await;
    assert_eq!(answer, (200, "Hello, Ann".to_owned()));
    portal.crash().await;
    assert_eq!(portal.post("/greet", "text/plain", "Ann").await.0, 200);
}
