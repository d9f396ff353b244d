//! A bot asks the portal who caused a posted event, which each person who opened the application
//! can forge.

use std::sync::{Arc, Mutex};

use imbot::Config;
use imbot::handler::{BotKind, Contradiction, SenderCheck, Unverifiable};
use imbot::prelude::*;
use serde_json::{Value, json};

use super::stage::{ANN, Desk, POLL, Setup, until};

/// An ordinary person.
const CLARA: u64 = 3;

/// What the portal answered, for each turn: `Err` if it could not be reached.
type Checks = Arc<Mutex<Vec<Result<SenderCheck, String>>>>;

/// Asks who caused each event.
struct Cashier {
    api: Api,
    kind: BotKind,
    checks: Checks,
}

impl Cashier {
    fn new(api: Api, kind: BotKind) -> (Self, Checks) {
        let checks = Checks::default();
        let cashier = Self {
            api,
            kind,
            checks: Arc::clone(&checks),
        };
        (cashier, checks)
    }

    async fn check(&self, cx: &Context) -> Result {
        let check = cx.verified_sender().await;
        let seen = match &check {
            Ok(check) => Ok(check.clone()),
            Err(error) => Err(error.to_string()),
        };
        self.checks.lock().unwrap().push(seen);
        check.map(|_| ())
    }
}

impl Bot for Cashier {
    fn profile(&self) -> Profile {
        Profile::new("cashier", "Cashier")
            .api(self.api)
            .kind(self.kind)
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("pay", "Pays")]
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        if message.text == "button" {
            let keyboard = Keyboard::new().row([Button::command("Pay", "pay", "7")]);
            cx.say(Draft::from("Pay?").keyboard(keyboard));
            return Ok(());
        }
        self.check(cx).await
    }

    async fn command(&self, cx: &mut Context, _: Command) -> Result {
        self.check(cx).await
    }

    async fn edited(&self, cx: &mut Context, _: Message) -> Result {
        self.check(cx).await
    }
}

async fn installed(api: Api, kind: BotKind) -> (Setup, Checks) {
    let (cashier, checks) = Cashier::new(api, kind);
    (Setup::installed(App::new().bot(cashier)).await, checks)
}

/// Waits for the answer to the next event, and returns it.
async fn next(checks: &Checks) -> Result<SenderCheck, String> {
    until("the check", || !checks.lock().unwrap().is_empty()).await;
    checks.lock().unwrap().remove(0)
}

fn verified(user: u64) -> Result<SenderCheck, String> {
    Ok(SenderCheck::Verified(UserId(user)))
}

fn refuted(why: Contradiction) -> Result<SenderCheck, String> {
    Ok(SenderCheck::Refuted(why))
}

/// A forged v1 event: Clara knows the application's token, since she opened the application, and
/// has an access token of her own.
async fn forge(setup: &Setup, dialog: &str, sender: u64, id: u64, text: &str, token: &str) {
    let bot = setup.portal.bot("cashier").unwrap();
    let portal = setup.engine.store().portals().await.unwrap().remove(0);
    let body = json!({
        "event": "ONIMBOTMESSAGEADD",
        "data": {
            "BOT": { (bot.to_string()): { "BOT_ID": bot, "BOT_CODE": "cashier" } },
            "PARAMS": {
                "MESSAGE": text, "MESSAGE_ID": id, "DIALOG_ID": dialog, "FROM_USER_ID": sender,
                "AUTHOR_ID": sender, "CHAT_TYPE": "P",
            },
            "USER": { "ID": sender, "NAME": "Somebody" },
        },
        "ts": 1,
        "auth": {
            "member_id": portal.portal,
            "application_token": secrecy::ExposeSecret::expose_secret(&portal.application_token),
            "access_token": token,
            "user_id": sender,
        },
    });
    assert_eq!(setup.post(&body).await, 200);
}

/// The access token of a person, from the frame of the application.
async fn token_of(setup: &Setup, user: u64) -> String {
    let fields = super::trust::frame(setup, user).await;
    fields["AUTH_ID"].clone()
}

#[tokio::test]
async fn the_true_sender_of_a_message_a_command_and_an_edit_is_confirmed() {
    for (api, kind) in [
        (Api::V2, BotKind::Bot),
        (Api::V2, BotKind::Supervisor),
        (Api::V1, BotKind::Bot),
    ] {
        let (setup, checks) = installed(api, kind).await;
        let message = setup.write("cashier", "pay 7");
        assert_eq!(next(&checks).await, verified(ANN), "{api:?} {kind:?}");
        setup.portal.edit(ANN, message, "pay 8").unwrap();
        assert_eq!(next(&checks).await, verified(ANN), "{api:?} {kind:?}");
        setup.write("cashier", "/pay 9");
        assert_eq!(next(&checks).await, verified(ANN), "{api:?} {kind:?}");
        let bot = setup.portal.bot("cashier").unwrap();
        let group = setup.portal.group(ANN, "Group", &[CLARA, bot]).unwrap();
        let mention = format!("[USER={bot}]Cashier[/USER], pay 10");
        setup.portal.send(CLARA, &group, &mention).unwrap();
        assert_eq!(next(&checks).await, verified(CLARA), "{api:?} {kind:?}");
    }
}

#[tokio::test]
async fn who_presses_a_button_is_confirmed_by_the_tokens_of_the_event() {
    let (setup, checks) = installed(Api::V2, BotKind::Bot).await;
    setup.write("cashier", "button");
    setup.receives("cashier", &["Pay?"]).await;
    let message = setup.messages_of("cashier")[0]["id"].as_u64().unwrap();
    setup.portal.press(ANN, message, 0).unwrap();
    assert_eq!(next(&checks).await, verified(ANN));
}

#[tokio::test]
async fn a_forged_sender_is_refuted() {
    let (setup, checks) = installed(Api::V2, BotKind::Bot).await;
    let dialog = setup.dialog("cashier");
    let of_ann = setup.write("cashier", "hello");
    assert_eq!(next(&checks).await, verified(ANN));
    let of_clara = setup.portal.send(CLARA, &dialog, "mine").unwrap();
    assert_eq!(next(&checks).await, verified(CLARA));
    let token = token_of(&setup, CLARA).await;
    let ann = ANN.to_string();

    // An invented message of Ann, and Clara's own message as one of Ann.
    forge(&setup, &ann, ANN, 999_999, "pay 7", &token).await;
    assert_eq!(next(&checks).await, refuted(Contradiction::NoMessage));
    forge(&setup, &ann, ANN, of_clara + 1_000, "mine", &token).await;
    assert_eq!(next(&checks).await, refuted(Contradiction::NoMessage));
    // In a group, where both are.
    let bot = setup.portal.bot("cashier").unwrap();
    let group = setup.portal.group(ANN, "Group", &[CLARA, bot]).unwrap();
    let in_group = setup.portal.send(CLARA, &group, "nobody is asked").unwrap();
    forge(&setup, &group, ANN, in_group, "nobody is asked", &token).await;
    let expected = Contradiction::OtherAuthor(Some(UserId(CLARA)));
    assert_eq!(next(&checks).await, refuted(expected));
    let in_group = setup.portal.send(ANN, &group, "nobody either").unwrap();
    forge(&setup, &group, ANN, in_group, "pay 7", &token).await;
    assert_eq!(next(&checks).await, refuted(Contradiction::OtherText));
    // Clara's message in Ann's private chat.
    forge(&setup, &ann, CLARA, in_group + 1_000, "mine", &token).await;
    assert_eq!(next(&checks).await, refuted(Contradiction::OtherChat));
    // With invented tokens.
    forge(&setup, &ann, ANN, of_ann + 2_000, "hello", "invented").await;
    let unknown = next(&checks).await.unwrap();
    assert!(matches!(unknown, SenderCheck::Unknown(_)), "{unknown:?}");
    assert_eq!(unknown.verified(), None);
}

/// A forged v1 event about a message of a group, with other values than the portal's.
async fn forge_about(setup: &Setup, group: &str, id: u64, event: &str, params: Value, token: &str) {
    let bot = setup.portal.bot("cashier").unwrap();
    let portal = setup.engine.store().portals().await.unwrap().remove(0);
    let mut data = json!({
        "BOT": { (bot.to_string()): { "BOT_ID": bot, "BOT_CODE": "cashier" } },
        "COMMAND": { "7": {
            "BOT_ID": bot, "BOT_CODE": "cashier", "COMMAND_ID": 7, "MESSAGE_ID": id,
            "COMMAND_CONTEXT": "TEXTAREA", "COMMAND": "pay", "COMMAND_PARAMS": params["COMMAND"],
        } },
        "PARAMS": {
            "MESSAGE_ID": id, "DIALOG_ID": group, "FROM_USER_ID": ANN, "AUTHOR_ID": ANN,
            "CHAT_TYPE": "C",
        },
        "USER": { "ID": ANN, "NAME": "Somebody" },
    });
    for key in ["MESSAGE", "MESSAGE_ORIGINAL"] {
        data["PARAMS"][key] = params[key].clone();
    }
    let body = json!({
        "event": event, "data": data, "ts": 1,
        "auth": {
            "member_id": portal.portal,
            "application_token": secrecy::ExposeSecret::expose_secret(&portal.application_token),
            "access_token": token, "user_id": ANN,
        },
    });
    assert_eq!(setup.post(&body).await, 200);
}

#[tokio::test]
async fn other_words_than_the_persons_are_refuted_wherever_the_event_has_them() {
    let (setup, checks) = installed(Api::V1, BotKind::Bot).await;
    let bot = setup.portal.bot("cashier").unwrap();
    let group = setup.portal.group(ANN, "Group", &[CLARA, bot]).unwrap();
    let token = token_of(&setup, CLARA).await;
    let other_text = || refuted(Contradiction::OtherText);
    // The portal sends none of these to the bot: they have neither a mention nor a command of it.
    for (said, event, params, expected) in [
        // The portal's original beside a forged text.
        (
            "[USER=3]Clara[/USER] no, thanks",
            "ONIMBOTMESSAGEADD",
            json!({ "MESSAGE": "pay 7", "MESSAGE_ORIGINAL": "[USER=3]Clara[/USER] no, thanks" }),
            other_text(),
        ),
        (
            "[USER=3]Clara[/USER] pay 8",
            "ONIMBOTMESSAGEADD",
            json!({ "MESSAGE": "pay 8", "MESSAGE_ORIGINAL": "[USER=3]Clara[/USER] pay 8" }),
            verified(ANN),
        ),
        // Another command than the one of the line.
        (
            "/roll 9",
            "ONIMCOMMANDADD",
            json!({ "MESSAGE": "/roll 9", "COMMAND": "1000" }),
            other_text(),
        ),
        (
            "do not pay 10",
            "ONIMCOMMANDADD",
            json!({ "MESSAGE": "do not pay 10", "COMMAND": "10" }),
            other_text(),
        ),
    ] {
        let id = setup.portal.send(ANN, &group, said).unwrap();
        forge_about(&setup, &group, id, event, params, &token).await;
        assert_eq!(next(&checks).await, expected, "{said}");
    }
}

#[tokio::test]
async fn a_command_among_other_lines_is_confirmed() {
    for api in [Api::V1, Api::V2] {
        let (setup, checks) = installed(api, BotKind::Bot).await;
        setup.write("cashier", "/pay 7\nthank you");
        assert_eq!(next(&checks).await, verified(ANN), "{api:?}");
        setup.write("cashier", "please\n/pay 8");
        assert_eq!(next(&checks).await, verified(ANN), "{api:?}");
    }
}

#[tokio::test]
async fn a_supervisor_refutes_a_message_of_another_chat() {
    let (setup, checks) = installed(Api::V2, BotKind::Supervisor).await;
    let bot = setup.portal.bot("cashier").unwrap();
    let group = setup.portal.group(ANN, "Group", &[bot]).unwrap();
    setup.write("cashier", "hello");
    assert_eq!(next(&checks).await, verified(ANN));
    let in_group = setup.portal.send(ANN, &group, "pay 7").unwrap();
    assert_eq!(next(&checks).await, verified(ANN));
    // Posted again as if Ann had written it in her private chat, without usable tokens. The event
    // has the id of a message that exists, so it is no repeat only because its chat is another one.
    forge(&setup, &ANN.to_string(), ANN, in_group, "pay 7", "").await;
    assert_eq!(next(&checks).await, refuted(Contradiction::NoMessage));
}

#[tokio::test]
async fn a_deleted_message_is_refuted() {
    let (setup, checks) = installed(Api::V2, BotKind::Bot).await;
    let message = setup.write("cashier", "pay 7");
    assert_eq!(next(&checks).await, verified(ANN));
    setup.portal.delete(ANN, message).unwrap();
    let token = token_of(&setup, ANN).await;
    let bot = setup.portal.bot("cashier").unwrap();
    let group = setup.portal.group(ANN, "Group", &[bot]).unwrap();
    let in_group = setup.portal.send(ANN, &group, "pay 7").unwrap();
    setup.portal.delete(ANN, in_group).unwrap();
    forge(&setup, &group, ANN, in_group, "pay 7", &token).await;
    assert_eq!(next(&checks).await, refuted(Contradiction::NoMessage));
}

#[tokio::test]
async fn while_the_portal_cannot_be_reached_the_turn_fails_and_is_retried() {
    let (setup, checks) = installed(Api::V2, BotKind::Bot).await;
    setup.write("cashier", "warm up");
    assert_eq!(next(&checks).await, verified(ANN));
    setup.portal.answer_html(1, 502);
    setup.write("cashier", "pay 7");
    let failed = next(&checks).await;
    assert!(failed.is_err(), "{failed:?}");
    assert_eq!(next(&checks).await, verified(ANN));
}

#[tokio::test]
async fn a_polled_event_is_confirmed_without_a_call() {
    let portal = super::stage::portal().await;
    let (cashier, checks) = Cashier::new(Api::V2, BotKind::Bot);
    let mut config = Config::polling(&portal);
    (config.poll_quick, config.poll_slow) = (POLL, POLL);
    let engine = App::new().bot(cashier).engine(&config).unwrap();
    engine.start().await.unwrap();
    assert!(engine.reconcile().await.is_empty());
    let portal = Arc::new(portal);
    let desk = Desk { portal, engine };
    desk.write("cashier", "pay 7");
    assert_eq!(next(&checks).await, verified(ANN));
    for method in [
        "im.dialog.messages.get",
        "imbot.v2.chat.message.get",
        "profile",
    ] {
        assert_eq!(desk.traffic(method), Vec::<Value>::new(), "{method}");
    }
}

#[tokio::test]
async fn an_event_without_tokens_is_unknown_to_an_ordinary_bot() {
    let (setup, checks) = installed(Api::V2, BotKind::Bot).await;
    forge(&setup, &ANN.to_string(), ANN, 999_999, "pay 7", "").await;
    let expected = SenderCheck::Unknown(Unverifiable::NoAccess);
    assert_eq!(next(&checks).await, Ok(expected));
}
