//! A bot on a line with clients and operators, in v1 and v2, by webhook and by polling.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use imbot::emulator::{Arrival, Client as Visitor, NewLine};
use imbot::event::LineChat;
use imbot::portal::Plan;
use imbot::prelude::*;
use serde_json::Value;

use super::stage::{Desk, Setup, portal_without_limit, texts, until};

pub(super) const BORIS: u64 = 2;
const CLARA: u64 = 3;

/// How a bot's events are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    PostedV1,
    PostedV2,
    Polled,
}

pub(super) const MODES: [Mode; 3] = [Mode::PostedV1, Mode::PostedV2, Mode::Polled];

/// Greets, counts messages in a session, and does what clients ask for.
#[derive(Clone)]
struct Porter {
    code: &'static str,
    api: Api,
    /// Events that clients are not informed of.
    notes: Arc<Mutex<Vec<String>>>,
}

impl Porter {
    fn note(&self, what: String) {
        self.notes.lock().unwrap().push(what);
    }
}

impl Bot<u32> for Porter {
    fn profile(&self) -> Profile {
        let profile = Profile::new(self.code, self.code).api(self.api);
        profile.serves_open_channels()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("hours", "When people are there")]
    }

    async fn session_started(&self, cx: &mut Context<u32>, _: Option<SessionId>) -> Result {
        cx.state = 0;
        cx.say("Welcome");
        Ok(())
    }

    async fn session_finished(&self, cx: &mut Context<u32>, _: Session) -> Result {
        self.note(format!(
            "finished, {}",
            cx.language().unwrap_or("no language")
        ));
        Ok(())
    }

    async fn join(&self, cx: &mut Context<u32>, _: Join) -> Result {
        cx.whisper("joined");
        Ok(())
    }

    /// If the portal has removed the bot already, it refuses the note.
    async fn taken_over(&self, cx: &mut Context<u32>, by: TakenOver) -> Result {
        self.note(format!("{by:?}"));
        cx.whisper("taken over");
        Ok(())
    }

    async fn command(&self, cx: &mut Context<u32>, _: Command) -> Result {
        cx.say("nine to five");
        Ok(())
    }

    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        cx.state += 1;
        let words: Vec<&str> = message.text.split(' ').collect();
        if words[0] == "boom" {
            Err("the answers are away")?;
        }
        cx.say(format!("{}: {}", cx.state, message.text));
        match words[..] {
            ["people"] => {
                cx.whisper("they want you");
                cx.to_operator();
            }
            ["line", line, then] => cx.transfer(LineId(line.parse()?), then == "leave"),
            ["person", user, then] => cx.transfer(UserId(user.parse()?), then == "leave"),
            ["bye"] => cx.finish(),
            ["crm"] => {
                let LineChat { in_crm, crm, .. } = cx.line().ok_or("no line")?;
                let leads: Vec<_> = crm.iter().filter(|it| it.kind == "LEAD").collect();
                cx.say(format!("in CRM: {in_crm}, leads: {}", leads.len()));
            }
            _ => {}
        }
        Ok(())
    }
}

/// A portal with a line for the bot `porter` and its client, and one for another bot, `usher`.
pub(super) struct Stage {
    pub(super) desk: Desk,
    notes: Arc<Mutex<Vec<String>>>,
    line: u64,
    other: u64,
}

impl Stage {
    pub(super) async fn on(mode: Mode) -> Self {
        let api = if mode == Mode::PostedV1 {
            Api::V1
        } else {
            Api::V2
        };
        let notes = Arc::default();
        let bot = |code| Porter {
            code,
            api,
            notes: Arc::clone(&notes),
        };
        let app = App::new().bot(bot("porter")).bot(bot("usher"));
        let portal = portal_without_limit().await;
        let desk = match mode {
            Mode::Polled => Desk::polling_with(|config| config.attempts = 1, app, portal).await,
            Mode::PostedV1 | Mode::PostedV2 => {
                let setup = Setup::with_settings_at(portal, app, |config, _| {
                    (config.attempts, config.plan) = (1, Plan::OnPremise);
                });
                setup.await.into_desk()
            }
        };
        let bot = |code| desk.portal.bot(code).unwrap();
        let support = NewLine::new("Support").queue(&[BORIS]).bot(bot("porter"));
        let sales = NewLine::new("Sales").queue(&[CLARA]).bot(bot("usher"));
        let [line, other] = [support, sales].map(|line| desk.portal.add_line(line));
        Self {
            desk,
            notes,
            line,
            other,
        }
    }

    fn set(&self, name: &str, value: &str) -> &Self {
        self.desk.portal.set_line(self.line, name, value).unwrap();
        self
    }

    /// A client of the first line.
    pub(super) fn visitor(&self, id: &str) -> Visitor {
        Visitor {
            line: self.line,
            id: id.to_owned(),
            name: "Eve".to_owned(),
        }
    }

    /// The client writes.
    fn says(&self, text: &str) -> Arrival {
        let eve = self.visitor("eve");
        self.desk.portal.client_says(&eve, text).unwrap()
    }

    /// The messages that a client has received from bots.
    pub(super) fn received_by(&self, visitor: &Visitor) -> Vec<Value> {
        let bots = ["porter", "usher"].map(|code| self.desk.portal.bot(code));
        let mut seen = self.desk.portal.client_sees(visitor);
        seen.retain(|message| bots.contains(&message["author"].as_u64()));
        seen
    }

    /// Waits until the client has received exactly these messages.
    async fn receives(&self, expected: &[&str]) {
        let eve = self.visitor("eve");
        until(&format!("{expected:?}"), || {
            texts(&self.received_by(&eve)) == expected
        })
        .await;
    }

    /// Waits until all events so far are handled: a message of another client is answered after
    /// them.
    pub(super) async fn settles(&self) {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let marker = self.visitor(&format!("marker {number}"));
        self.desk.portal.client_says(&marker, "mark").unwrap();
        until("the mark", || texts(&self.received_by(&marker)).len() == 2).await;
        until("the program to rest", || {
            self.desk.engine.waiting() == (0, 0)
        })
        .await;
    }

    /// Waits as well, and asserts that the client has received exactly these messages and that the
    /// portal has refused no call.
    async fn stays_at(&self, expected: &[&str]) {
        self.settles().await;
        assert_eq!(texts(&self.received_by(&self.visitor("eve"))), expected);
        assert_eq!(self.dead().await, [""; 0]);
    }

    /// The errors of dead letters.
    async fn dead(&self) -> Vec<String> {
        let dead = self
            .desk
            .engine
            .store()
            .dead_letters(None, 9)
            .await
            .unwrap();
        dead.into_iter().map(|dead| dead.error).collect()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }

    /// Notes that operators see and the client does not.
    fn whispers(&self, chat: u64) -> Vec<String> {
        let mut said = self.desk.portal.line_history(chat);
        said.retain(|message| message["outside"]["state"] == "silent");
        texts(&said).into_iter().map(str::to_owned).collect()
    }

    fn operator_says(&self, chat: u64, text: &str) {
        let dialog = format!("chat{chat}");
        self.desk.portal.send(BORIS, &dialog, text).unwrap();
    }

    fn has_bot(&self, chat: u64) -> bool {
        let session = self.desk.portal.session(chat);
        let members = session["members"].as_array().unwrap();
        let bot = self.desk.portal.bot("porter").unwrap();
        members.iter().any(|member| *member == bot)
    }
}

#[tokio::test]
async fn a_bot_greets_once_per_session() {
    for mode in MODES {
        let stage = Stage::on(mode).await;
        let chat = stage.says("hi").chat;
        stage.says("there");
        stage.receives(&["Welcome", "1: hi", "2: there"]).await;
        assert_eq!(
            stage.whispers(chat),
            ["joined"],
            "{mode:?}: after the greeting"
        );
        stage.desk.portal.finish(BORIS, chat).unwrap();
        stage.says("again");
        let all = ["Welcome", "1: hi", "2: there", "Welcome", "1: again"];
        stage.receives(&all).await;
        stage.stays_at(&all).await;
        // A portal with an inbound webhook gets no events of sessions.
        let expected: &[&str] = if mode == Mode::Polled {
            &[]
        } else {
            &["finished, en"]
        };
        assert_eq!(stage.notes(), expected, "{mode:?}");
    }
}

#[tokio::test]
async fn a_zero_hands_over_to_an_operator_whether_the_bot_stays_or_not() {
    for mode in MODES {
        for left in ["queue", "close"] {
            let stage = Stage::on(mode).await;
            let chat = stage.set("WELCOME_BOT_LEFT", left).says("hi").chat;
            stage.receives(&["Welcome", "1: hi"]).await;
            stage.says("0");
            stage.says("anybody?");
            stage.stays_at(&["Welcome", "1: hi"]).await;
            assert_eq!(stage.desk.portal.session(chat)["operator"], BORIS);
            assert_eq!(stage.has_bot(chat), left == "close");
            let whispers = stage.whispers(chat);
            assert_eq!(whispers.contains(&"taken over".to_owned()), left == "close");
            assert_eq!(stage.notes(), ["ByClient"], "{mode:?}");
        }
    }
}

#[tokio::test]
async fn an_operators_message_silences_the_bot_until_it_is_added_again_and_a_whisper_does_not() {
    for mode in MODES {
        let stage = Stage::on(mode).await;
        for round in 1..=2 {
            let chat = stage.says("hi").chat;
            let before = (round - 1) * 4;
            let received = || stage.received_by(&stage.visitor("eve")).len() - before;
            until("the greeting", || received() == 2).await;
            stage.desk.portal.join(BORIS, chat).unwrap();
            stage
                .desk
                .portal
                .whisper(BORIS, chat, "who is it?")
                .unwrap();
            stage.says("still there?");
            until("an answer", || received() == 3).await;
            stage.operator_says(chat, "I am Boris");
            stage.says("good");
            stage.settles().await;
            assert_eq!(received(), 3, "{mode:?}, session {round}");
            let bot = stage.desk.portal.bot("porter").unwrap();
            another_second(mode).await;
            let brought = stage.desk.portal.transfer_to_bot(BORIS, chat, bot);
            brought.unwrap();
            stage.says("and you?");
            until(&format!("the bot again, {mode:?}, session {round}"), || {
                received() == 4
            })
            .await;
            stage.desk.portal.finish(BORIS, chat).unwrap();
            another_second(mode).await;
        }
        let one = ["Welcome", "1: hi", "2: still there?", "3: and you?"];
        stage.stays_at(&[one, one].concat()).await;
    }
}

/// Waits for the next second: posted joins within one second count as one.
async fn another_second(mode: Mode) {
    if mode == Mode::Polled {
        return;
    }
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let second = now().as_secs();
    until("another second", || now().as_secs() > second).await;
}

#[tokio::test]
async fn a_bot_hands_over_to_the_target_it_names_and_stays_or_leaves() {
    for mode in MODES {
        for (to, then) in [
            ("line", "leave"),
            ("line", "stay"),
            ("person", "leave"),
            ("person", "stay"),
        ] {
            let stage = Stage::on(mode).await;
            // By default the portal removes a line's bot when an operator takes over.
            stage.set("WELCOME_BOT_LEFT", "close");
            let number = if to == "line" { stage.other } else { CLARA };
            let wish = format!("{to} {number} {then}");
            let chat = stage.says(&wish).chat;
            let answer = format!("1: {wish}");
            stage.receives(&["Welcome", &answer]).await;
            until("Clara", || {
                stage.desk.portal.session(chat)["operator"] == CLARA
            })
            .await;
            stage.says("hello?");
            stage.stays_at(&["Welcome", &answer]).await;
            assert_eq!(stage.has_bot(chat), then == "stay", "{mode:?}: {wish}");
            assert_eq!(stage.notes(), [""; 0], "it was the bot's own wish");
        }
    }
}

#[tokio::test]
async fn a_whisper_is_visible_to_operators_only() {
    for mode in MODES {
        let stage = Stage::on(mode).await;
        let chat = stage.says("people").chat;
        until("Boris", || {
            stage.desk.portal.session(chat)["operator"] == BORIS
        })
        .await;
        stage.stays_at(&["Welcome", "1: people"]).await;
        assert_eq!(
            stage.whispers(chat),
            ["joined", "they want you"],
            "{mode:?}"
        );
    }
}

#[tokio::test]
async fn a_bot_ends_a_session_and_greets_in_the_next() {
    for mode in MODES {
        let stage = Stage::on(mode).await;
        let first = stage.says("bye");
        until("the end", || {
            stage.desk.portal.session(first.chat)["closed"] == true
        })
        .await;
        let second = stage.says("hi again");
        assert_ne!(first.session, second.session);
        let all = ["Welcome", "1: bye", "Welcome", "1: hi again"];
        stage.receives(&all).await;
        stage.stays_at(&all).await;
    }
}

/// The portal does not report that the bot's time has ended: a bot that may stay talks until an
/// operator writes.
#[tokio::test]
async fn a_bot_whose_time_has_ended_leaves_or_talks_until_an_operator_does() {
    for mode in MODES {
        for left in ["queue", "close"] {
            let stage = Stage::on(mode).await;
            let chat = stage.set("WELCOME_BOT_LEFT", left).says("hi").chat;
            stage.receives(&["Welcome", "1: hi"]).await;
            stage.desk.portal.end_bot_time(chat).unwrap();
            stage.says("anybody?");
            let received: &[&str] = match left {
                "close" => &["Welcome", "1: hi", "2: anybody?"],
                _ => &["Welcome", "1: hi"],
            };
            stage.stays_at(received).await;
            stage.operator_says(chat, "I am Boris");
            stage.says("good");
            stage.stays_at(received).await;
        }
    }
}

#[tokio::test]
async fn a_client_of_a_failing_bot_is_handed_over_to_an_operator() {
    for mode in MODES {
        let stage = Stage::on(mode).await;
        let chat = stage.says("hi").chat;
        stage.says("boom");
        until("Boris", || {
            stage.desk.portal.session(chat)["operator"] == BORIS
        })
        .await;
        stage.says("hello?");
        stage.settles().await;
        let received = stage.received_by(&stage.visitor("eve"));
        let [welcome, hi, sorry] = texts(&received)[..] else {
            panic!("{mode:?}: {received:?}")
        };
        assert_eq!([welcome, hi], ["Welcome", "1: hi"]);
        assert!(sorry.starts_with("Sorry"), "{sorry}");
        assert_eq!(stage.dead().await, ["the answers are away"]);
    }
}

#[tokio::test]
async fn two_bots_on_two_lines_receive_only_their_own_events() {
    for mode in MODES {
        let stage = Stage::on(mode).await;
        let on = |line| Visitor {
            line,
            ..stage.visitor("eve")
        };
        for line in [stage.line, stage.other] {
            stage.desk.portal.client_says(&on(line), "hi").unwrap();
            stage.desk.portal.client_says(&on(line), "people").unwrap();
        }
        let bot = |code| stage.desk.portal.bot(code).unwrap();
        for (line, bot) in [(stage.line, bot("porter")), (stage.other, bot("usher"))] {
            until("all answers", || stage.received_by(&on(line)).len() == 3).await;
            let received = stage.received_by(&on(line));
            assert_eq!(texts(&received), ["Welcome", "1: hi", "2: people"]);
            assert!(
                received.iter().all(|message| message["author"] == bot),
                "{mode:?}"
            );
        }
        stage.settles().await;
        assert_eq!(stage.dead().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_bot_knows_the_clients_crm_objects() {
    for mode in MODES {
        let stage = Stage::on(mode).await;
        stage.set("CRM_CREATE", "lead").says("crm");
        stage
            .receives(&["Welcome", "1: crm", "in CRM: true, leads: 1"])
            .await;
    }
}

/// A line may have its bot in a client's first session only, and operators may start sessions
/// themselves.
#[tokio::test]
async fn a_bot_says_nothing_in_a_session_without_it() {
    for mode in MODES {
        let stage = Stage::on(mode).await;
        let chat = stage.set("WELCOME_BOT_JOIN", "first").says("hi").chat;
        stage.receives(&["Welcome", "1: hi"]).await;
        stage.desk.portal.finish(BORIS, chat).unwrap();
        stage.says("again");
        stage.stays_at(&["Welcome", "1: hi"]).await;
        stage.desk.portal.finish(BORIS, chat).unwrap();
        stage.desk.portal.start_session(BORIS, chat).unwrap();
        stage.stays_at(&["Welcome", "1: hi"]).await;
    }
}

#[tokio::test]
async fn a_clients_command_is_attributed_to_the_client() {
    for mode in MODES {
        let stage = Stage::on(mode).await;
        stage.says("/hours");
        stage.receives(&["Welcome", "nine to five"]).await;
    }
}
