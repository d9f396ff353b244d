//! An outside messenger connected to a line: from client to bot to operator and back, over HTTP.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use imbot::Config;
use imbot::emulator::NewLine;
use imbot::engine::{Mode, Step};
use imbot::prelude::*;
use serde_json::Value;

use super::stage::{Setup, until};

const BORIS: u64 = 2;

/// A messenger outside: the messages it received, and how it fails.
#[derive(Clone, Default)]
struct Outside {
    shown: Arc<Mutex<Vec<String>>>,
    channels: Arc<Mutex<Option<Channels>>>,
    /// The outcomes of the clients' messages.
    passed: Arc<Mutex<Vec<InboundReceipt>>>,
    /// Number of messages that fail before one is delivered.
    away: Arc<AtomicU32>,
    next: Arc<AtomicU32>,
}

impl Outside {
    fn note(&self, what: String) {
        self.shown.lock().unwrap().push(what);
    }

    fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }

    /// A client sends a message.
    async fn says(&self, chat: &str, id: u32, text: &str) -> bool {
        let client = Client::new(format!("of-{chat}")).name("Eve");
        let message = InboundMessage::new(chat, client, id).text(text);
        self.channel().inbound(message).await.unwrap()
    }

    fn channel(&self) -> Channel {
        let channels = self.channels.lock().unwrap();
        channels.as_ref().unwrap().all().pop().unwrap()
    }

    async fn shows(&self, expected: &[&str]) {
        until(&format!("{expected:?} outside"), || {
            self.shown() == expected
        })
        .await;
    }
}

impl Connector for Outside {
    fn profile(&self) -> ConnectorProfile {
        ConnectorProfile::new("pigeons", "Pigeons")
    }

    async fn outbound(&self, _: &Channel, message: OutboundMessage) -> Result<Receipt> {
        let fails = |left: u32| left.checked_sub(1);
        if self
            .away
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails)
            .is_ok()
        {
            return Err("the pigeons sleep")?;
        }
        if message.text().contains("blocked?") {
            return Err(tell("the client has blocked us"));
        }
        self.note(format!(
            "{}: {}",
            message.chat,
            message.text().replace(" \n", " ")
        ));
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(Receipt::several([
            format!("p{number}"),
            format!("q{number}"),
        ]))
    }

    async fn edited(&self, _: &Channel, message: OutboundMessage) -> Result {
        self.note(format!("edited {:?}", message.outside_ids));
        Ok(())
    }

    async fn deleted(&self, _: &Channel, message: OutboundMessage) -> Result {
        self.note(format!("deleted {:?}", message.outside_ids));
        Ok(())
    }

    async fn inbound_receipt(&self, _: &Channel, passed: InboundReceipt) -> Result {
        self.passed.lock().unwrap().push(passed);
        Ok(())
    }

    async fn started(&self, _: &Channel, session: imbot::event::Session) -> Result {
        self.note(format!("started {}", session.outside_chat));
        Ok(())
    }

    async fn finished(&self, _: &Channel, session: imbot::event::Session) -> Result {
        self.note(format!("finished {}", session.outside_chat));
        Ok(())
    }

    async fn deactivated(&self, channel: &Channel) -> Result {
        self.note(format!("off line {}", channel.line()));
        Ok(())
    }

    async fn settings(&self, channel: &Channel) -> Result<String> {
        Ok(format!("<p>pigeons of line {}</p>", channel.line()))
    }

    async fn run(&self, channels: Channels) {
        *self.channels.lock().unwrap() = Some(channels);
    }
}

/// A bot on the line, which hands over on request.
struct Desk;

impl Bot<u32> for Desk {
    fn profile(&self) -> Profile {
        Profile::new("desk", "Desk").serves_open_channels()
    }

    async fn session_started(&self, cx: &mut Context<u32>, _: Option<SessionId>) -> Result {
        cx.say("Welcome");
        Ok(())
    }

    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        cx.state += 1;
        let line = cx.line().ok_or("no line")?;
        cx.say(format!(
            "{} of {}: {}",
            cx.state, line.outside_chat, message.text
        ));
        if message.text == "people" {
            cx.whisper("they want you");
            cx.to_operator();
        }
        Ok(())
    }

    async fn session_finished(&self, cx: &mut Context<u32>, _: Session) -> Result {
        cx.state = 0;
        Ok(())
    }
}

struct Stage {
    setup: Setup,
    outside: Outside,
    line: u64,
}

impl Stage {
    /// A line with a bot and the connector.
    async fn set() -> Self {
        let outside = Outside::default();
        let setup = Setup::installed(App::new().bot(Desk).connector(outside.clone())).await;
        let bot = setup.portal.bot("desk").unwrap();
        let line = setup
            .portal
            .add_line(NewLine::new("Support").queue(&[BORIS]).bot(bot));
        let stage = Self {
            setup,
            outside,
            line,
        };
        stage.join().await;
        stage
    }

    async fn join(&self) -> String {
        let opened = self
            .setup
            .portal
            .open_settings(1, "pigeons", self.line)
            .await;
        opened.unwrap().body
    }

    /// The portal's chat with a client.
    fn chat(&self, outside: &str) -> u64 {
        let user = format!("of-{outside}");
        let chat = self
            .setup
            .portal
            .line_chat("pigeons", self.line, outside, &user);
        chat.expect("a chat")
    }

    fn answers(&self, outside: &str) {
        self.setup.portal.answer(BORIS, self.chat(outside)).unwrap();
    }

    fn operator_says(&self, outside: &str, text: &str) -> u64 {
        let dialog = format!("chat{}", self.chat(outside));
        self.setup.portal.send(BORIS, &dialog, text).unwrap()
    }

    /// The state of a message, as operators see it.
    fn state(&self, outside: &str, message: u64) -> Value {
        let history = self.setup.portal.line_history(self.chat(outside));
        let found = history.into_iter().find(|it| it["id"] == message);
        found.expect("the message")["outside"].clone()
    }
}

#[tokio::test]
async fn a_client_talks_to_the_bot_then_to_an_operator_and_to_the_bot_again() {
    let stage = Stage::set().await;
    let outside = &stage.outside;
    assert!(outside.says("loft", 1, "hi").await);
    outside
        .shows(&[
            "started loft",
            "loft: Desk: Welcome",
            "loft: Desk: 1 of loft: hi",
        ])
        .await;
    outside.says("loft", 2, "people").await;
    until("the bot's last word", || outside.shown().len() == 4).await;
    assert_eq!(
        outside.shown()[3],
        "loft: Desk: 2 of loft: people",
        "no whisper goes out"
    );
    until("Boris to be asked", || {
        stage.setup.portal.session(stage.chat("loft"))["operator"] == BORIS
    })
    .await;
    stage.answers("loft");
    stage.operator_says("loft", "I am Boris");
    until("Boris outside", || outside.shown().len() == 5).await;
    assert!(
        outside.shown()[4].ends_with("I am Boris"),
        "{:?}",
        outside.shown()
    );
    outside.says("loft", 3, "thanks").await;
    until("Boris to read it", || {
        let history = stage.setup.portal.line_history(stage.chat("loft"));
        history.iter().any(|message| message["text"] == "thanks")
    })
    .await;
    stage
        .setup
        .portal
        .finish(BORIS, stage.chat("loft"))
        .unwrap();
    until("the end", || {
        outside.shown().contains(&"finished loft".to_owned())
    })
    .await;
    outside.says("loft", 4, "one more").await;
    let expected = [
        "started loft",
        "loft: Desk: Welcome",
        "loft: Desk: 1 of loft: one more",
    ];
    until("the bot again", || {
        outside.shown().ends_with(&expected.map(str::to_owned))
    })
    .await;
}

#[tokio::test]
async fn a_delivered_message_can_be_edited_and_deleted() {
    let stage = Stage::set().await;
    stage.outside.says("loft", 1, "hi").await;
    until("the bot", || stage.outside.shown().len() == 3).await;
    stage.answers("loft");
    let message = stage.operator_says("loft", "Guten Tag");
    until("it to be delivered", || {
        stage.state("loft", message)["state"] == "delivered"
    })
    .await;
    assert_eq!(
        stage.state("loft", message)["ids"],
        serde_json::json!(["p2", "q2"])
    );
    stage.setup.portal.edit(BORIS, message, "Good day").unwrap();
    until("the edit", || {
        stage
            .outside
            .shown()
            .contains(&"edited [\"p2\", \"q2\"]".to_owned())
    })
    .await;
    stage.setup.portal.delete(BORIS, message).unwrap();
    until("the deletion", || {
        stage
            .outside
            .shown()
            .iter()
            .any(|it| it.starts_with("deleted"))
    })
    .await;
}

#[tokio::test]
async fn messages_for_an_unreachable_messenger_wait_in_order_and_other_chats_continue() {
    let stage = Stage::set().await;
    stage.outside.says("loft", 1, "hi").await;
    stage.outside.says("barn", 1, "hi").await;
    until("both", || stage.outside.shown().len() == 6).await;
    stage.answers("loft");
    stage.answers("barn");
    stage.outside.away.store(2, Ordering::Relaxed);
    let first = stage.operator_says("loft", "one");
    until("the pigeons to sleep", || {
        stage.outside.away.load(Ordering::Relaxed) < 2
    })
    .await;
    stage.operator_says("loft", "two");
    assert_eq!(stage.state("loft", first)["state"], "sending");
    until("both in order", || {
        let shown = stage.outside.shown();
        shown.len() == 8 && shown[6].ends_with("one") && shown[7].ends_with("two")
    })
    .await;
}

#[tokio::test]
async fn a_message_that_arrives_twice_from_outside_is_passed_on_once() {
    let stage = Stage::set().await;
    assert!(stage.outside.says("loft", 7, "hi").await);
    assert!(!stage.outside.says("loft", 7, "hi").await);
    assert!(stage.outside.says("barn", 7, "another chat").await);
    until("both", || stage.outside.shown().len() == 6).await;
    assert_eq!(stage.setup.traffic("imconnector.send.messages").len(), 2);
}

#[tokio::test]
async fn text_of_clients_is_neither_code_nor_markup() {
    let stage = Stage::set().await;
    stage
        .outside
        .says(
            "loft",
            1,
            "[b]<script>alert(1)</script>[/b] [send=/x]y[/send]",
        )
        .await;
    until("the bot", || stage.outside.shown().len() == 3).await;
    let shown = &stage.outside.shown()[2];
    assert!(
        shown.ends_with("[b]<script>alert(1)</script>[/b] [send=/x]y[/send]"),
        "{shown}"
    );
}

#[tokio::test]
async fn deleting_a_line_during_a_session_is_reported_and_breaks_nothing() {
    let stage = Stage::set().await;
    stage.outside.says("loft", 1, "hi").await;
    until("the bot", || stage.outside.shown().len() == 3).await;
    stage.setup.portal.delete_line(stage.line).unwrap();
    let off = format!("off line {}", stage.line);
    until("the end of the line", || {
        stage.outside.shown().contains(&off)
    })
    .await;
    assert!(
        stage
            .outside
            .channels
            .lock()
            .unwrap()
            .as_ref()
            .unwrap()
            .all()
            .is_empty()
    );
}

#[tokio::test]
async fn a_message_to_a_deleted_line_is_a_dead_letter_with_the_portals_error() {
    let stage = Stage::set().await;
    let channel = stage.outside.channel();
    stage
        .setup
        .portal
        .switch_off("pigeons", stage.line)
        .unwrap();
    let message = InboundMessage::new("loft", Client::new("of-loft"), 1).text("anybody?");
    channel.inbound(message).await.unwrap();
    let store = Arc::clone(stage.setup.engine.store());
    let end = tokio::time::Instant::now() + super::stage::PATIENCE;
    while store.dead_letters(None, 9).await.unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < end, "it does not rest");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let dead = store.dead_letters(None, 9).await.unwrap();
    assert!(
        dead[0].error.contains("NOT_ACTIVE_LINE"),
        "{}",
        dead[0].error
    );
    let passed = stage.outside.passed.lock().unwrap().pop().unwrap();
    assert_eq!(
        (passed.chat.as_str(), passed.message.as_str()),
        ("loft", "1")
    );
    assert!(passed.refused.unwrap().contains("NOT_ACTIVE_LINE"));
}

#[tokio::test]
async fn a_connector_is_informed_that_the_portal_accepted_a_clients_message() {
    let stage = Stage::set().await;
    stage.outside.says("loft", 7, "hi").await;
    until("the tick", || {
        !stage.outside.passed.lock().unwrap().is_empty()
    })
    .await;
    let passed = stage.outside.passed.lock().unwrap().pop().unwrap();
    assert_eq!(
        (
            passed.chat.as_str(),
            passed.message.as_str(),
            passed.refused
        ),
        ("loft", "7", None)
    );
    let channels = stage.outside.channels.lock().unwrap();
    let address = channels.as_ref().unwrap().address();
    assert_eq!(address.as_deref(), Some(stage.setup.handler.as_str()));
}

#[tokio::test]
async fn after_a_restart_the_lines_are_known_and_waiting_messages_are_passed_on() {
    let stage = Stage::set().await;
    let Stage {
        setup,
        outside,
        line,
    } = stage;
    let channel = outside.channel();
    let again = Outside::default();
    let setup = setup
        .restart(App::new().bot(Desk).connector(again.clone()))
        .await;
    let stage = Stage {
        setup,
        outside: again,
        line,
    };
    assert_eq!(stage.outside.channel().line(), LineId(line));
    let late = InboundMessage::new("loft", Client::new("of-loft"), 1).text("hi");
    assert!(
        channel.inbound(late).await.is_err(),
        "the earlier program is gone"
    );
    stage.outside.says("loft", 1, "hi").await;
    until("the bot", || stage.outside.shown().len() == 3).await;
}

#[tokio::test]
async fn the_settings_page_shows_the_line_and_opens_for_the_portal_only() {
    let stage = Stage::set().await;
    let page = stage.join().await;
    assert!(
        page.contains("Connected to line") && page.contains("pigeons of line"),
        "{page}"
    );
    let url = format!("{}connectors/pigeons", stage.setup.handler);
    let options = format!("{{\"CONNECTOR\":\"pigeons\",\"LINE\":{}}}", stage.line);
    let form = [
        ("PLACEMENT", "SETTING_CONNECTOR"),
        ("PLACEMENT_OPTIONS", options.as_str()),
        ("member_id", stage.setup.engine.portals()[0].as_str()),
        ("APPLICATION_TOKEN", "00000000000000000000000000000000"),
        ("AUTH_ID", "11111111111111111111111111111111"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let post = async |form: &[(String, String)]| {
        let request = reqwest::Client::new().post(&url).form(form);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(&form).await, 403);
    // Each person who opened the application knows its token, but has no tokens of another person.
    let activated = || stage.setup.traffic("imconnector.activate").len();
    let before = activated();
    let query = format!("connector=pigeons&line={}&as=3", stage.line);
    let frame = super::trust::frame_at(&stage.setup, &query).await;
    let mut form: Vec<_> = frame.into_iter().collect();
    assert_eq!(post(&form).await, 200, "with the rights of the person");
    assert_eq!(activated(), before + 1);
    for (name, value) in &mut form {
        if name == "AUTH_ID" {
            "1".repeat(64).clone_into(value);
        }
    }
    assert_eq!(post(&form).await, 403);
    assert_eq!(activated(), before + 1);
}

#[tokio::test]
async fn a_registered_connector_needs_no_reconciliation() {
    let stage = Stage::set().await;
    let portal = stage.setup.engine.portals().remove(0);
    let portal = stage.setup.engine.portal(&portal).unwrap();
    let plan = async || {
        let plan = stage.setup.engine.register(&portal, Mode::DryRun).await;
        plan.unwrap()
            .iter()
            .map(Step::to_string)
            .collect::<Vec<_>>()
    };
    assert!(!plan().await.iter().any(|step| step.contains("pigeons")));
    let removed = stage.setup.engine.unregister(&portal, Mode::Apply).await;
    removed.unwrap();
    assert!(plan().await.iter().any(|step| step.contains("pigeons")));
}

#[tokio::test]
async fn with_an_inbound_webhook_a_connector_is_neither_registered_nor_removed() {
    let emulated = super::stage::portal().await;
    let app = App::new().bot(Desk).connector(Outside::default());
    let engine = app.engine(&Config::polling(&emulated)).unwrap();
    engine.load_portals().await.unwrap();
    let portal = engine.portal(&engine.portals()[0]).unwrap();
    engine.register(&portal, Mode::Apply).await.unwrap();
    engine.unregister(&portal, Mode::Apply).await.unwrap();
    assert_eq!(emulated.bot("desk"), None);
}

#[tokio::test]
async fn operators_read_in_the_chat_why_a_message_was_not_delivered_and_the_client_does_not() {
    let stage = Stage::set().await;
    stage.outside.says("loft", 1, "hi").await;
    until("the bot", || stage.outside.shown().len() == 3).await;
    stage.answers("loft");
    stage.operator_says("loft", "are we blocked?");
    let notices = || {
        let mut history = stage.setup.portal.line_history(stage.chat("loft"));
        history.retain(|message| {
            let text = message["text"].as_str().unwrap_or_default();
            text == "Not delivered to the client: the client has blocked us"
        });
        history
    };
    until("the notice", || notices().len() == 1).await;
    stage.operator_says("loft", "one more");
    until("the next message", || stage.outside.shown().len() == 4).await;
    stage.setup.settles().await;
    assert!(stage.outside.shown()[3].ends_with("one more"));
    assert_eq!(notices().len(), 1);
    assert_eq!(
        notices()[0]["author"],
        0,
        "it is a system message, written with the operator's own authorisation"
    );
}

#[tokio::test]
async fn a_bots_message_that_is_not_delivered_is_shown_to_operators_as_well() {
    let stage = Stage::set().await;
    stage.outside.says("loft", 1, "blocked?").await;
    until("the greeting", || stage.outside.shown().len() == 2).await;
    let chat = || stage.setup.portal.line_history(stage.chat("loft"));
    until("the notice", || {
        let is_notice = |text: &str| text.ends_with("the client has blocked us");
        chat()
            .iter()
            .any(|message| message["text"].as_str().is_some_and(is_notice))
    })
    .await;
    stage.setup.settles().await;
    let expected = ["started loft", "loft: Desk: Welcome"];
    assert_eq!(stage.outside.shown(), expected);
}

#[tokio::test]
async fn the_portals_own_texts_stay_on_the_portal() {
    let stage = Stage::set().await;
    stage.outside.says("loft", 1, "hi").await;
    until("the bot", || stage.outside.shown().len() == 3).await;
    let portal = stage.setup.engine.portals().remove(0);
    let portal = stage.setup.engine.portal(&portal).unwrap();
    let params = serde_json::json!({
        "CHAT_ID": stage.chat("loft"), "NAME": "DEFAULT", "MESSAGE": "automatic",
    });
    let method = "imopenlines.bot.session.message.send";
    portal.call::<bool>(method, &params).await.unwrap();
    stage.outside.says("loft", 2, "and?").await;
    until("the bot again", || stage.outside.shown().len() == 4).await;
    assert!(
        !stage
            .outside
            .shown()
            .iter()
            .any(|it| it.contains("automatic")),
        "{:?}",
        stage.outside.shown()
    );
    let registered = &stage.setup.traffic("imconnector.register")[0]["request"];
    assert_eq!(registered["NEED_SYSTEM_MESSAGES"], false);
}

#[tokio::test]
async fn a_client_named_by_a_phone_number_is_named_by_the_portal() {
    let stage = Stage::set().await;
    let client = Client::new("of-loft").name("+49 30 1234-56");
    let message = InboundMessage::new("loft", client, 1).text("hi");
    stage.outside.channel().inbound(message).await.unwrap();
    until("the bot", || stage.outside.shown().len() == 3).await;
    let sent = &stage.setup.traffic("imconnector.send.messages")[0]["request"];
    assert!(sent["MESSAGES"][0]["user"].get("name").is_none(), "{sent}");
}

#[tokio::test]
async fn what_an_employee_answered_outside_is_theirs_and_silences_the_bot() {
    let stage = Stage::set().await;
    stage.outside.says("loft", 1, "hi").await;
    until("the bot", || stage.outside.shown().len() == 3).await;
    let client = Client::new("of-loft").name("Eve");
    let message = InboundMessage::new("loft", client, 2).text("Boris here, by phone");
    let channel = stage.outside.channel();
    channel
        .inbound(message.by_employee(UserId(BORIS)))
        .await
        .unwrap();
    let by_boris = || {
        let history = stage.setup.portal.line_history(stage.chat("loft"));
        history
            .iter()
            .any(|it| it["text"] == "Boris here, by phone" && it["author"] == BORIS)
    };
    until("Boris in the chat", by_boris).await;
    stage.setup.settles().await;
    stage.outside.says("loft", 3, "thanks").await;
    until("the client's answer", || {
        let history = stage.setup.portal.line_history(stage.chat("loft"));
        history.iter().any(|it| it["text"] == "thanks")
    })
    .await;
    stage.setup.settles().await;
    assert_eq!(
        stage.outside.shown().len(),
        3,
        "{:?}",
        stage.outside.shown()
    );
}
