//! Bots without a public address: registered through an inbound webhook, with polled events.

use std::sync::Arc;
use std::time::Duration;

use imbot::emulator::Emulator;
use imbot::engine::{Mode, Step};
use imbot::event::BotId;
use imbot::portal::methods::imbot_v2;
use imbot::portal::{CommandInfo, Plan};
use imbot::prelude::*;
use imbot::store::{Memory, Store};
use imbot::{Config, serve};
use tokio::time::Instant;

use super::stage::{ANN, Desk, Echo, PATIENCE, POLL, portal_without_limit, texts, until};

/// A portal without a limit: these tests poll more often than usual.
async fn portal() -> Emulator {
    portal_without_limit().await
}

impl Desk {
    /// A program that polls a portal, just started.
    async fn polling(app: App, portal: impl Into<Arc<Emulator>>) -> Self {
        Self::polling_every(POLL, app, portal).await
    }

    async fn polling_every(seconds: f64, app: App, portal: impl Into<Arc<Emulator>>) -> Self {
        let change =
            |config: &mut Config| (config.poll_quick, config.poll_slow) = (seconds, seconds);
        Self::polling_with(change, app, portal).await
    }

    /// The same with other settings.
    pub(super) async fn polling_with(
        change: impl FnOnce(&mut Config),
        app: App,
        portal: impl Into<Arc<Emulator>>,
    ) -> Self {
        let portal = portal.into();
        let mut config = Config::polling(&portal);
        (config.poll_quick, config.poll_slow) = (POLL, POLL);
        config.plan = Plan::OnPremise;
        change(&mut config);
        let engine = app.engine(&config).unwrap();
        let served = Arc::clone(&engine);
        tokio::spawn(async move { serve::poll(served, std::future::pending(), PATIENCE).await });
        engine.start().await.unwrap();
        assert!(engine.reconcile().await.is_empty(), "no portal refuses");
        Self { portal, engine }
    }

    /// Stops the program, and returns its portal.
    async fn stop(self) -> Arc<Emulator> {
        assert!(self.engine.stop(PATIENCE).await);
        self.portal
    }
}

/// Counts messages in its state, and reports the count.
struct Counter;

impl Bot<u32> for Counter {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("reset", "Starts again").in_language("de", "Beginnt von vorn", ""),
            CommandSpec::new("press", "A button").hidden(),
        ]
    }

    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        cx.state += 1;
        let button = Button::command("Press", "press", "it");
        cx.say(format!("{}: {}", cx.state, message.text))
            .keyboard(Keyboard::new().row([button]));
        Ok(())
    }

    async fn command(&self, cx: &mut Context<u32>, command: Command) -> Result {
        cx.state = 0;
        cx.say(format!("{} {}", command.name, command.params));
        Ok(())
    }

    async fn join(&self, cx: &mut Context<u32>, _: Join) -> Result {
        cx.say("hello");
        Ok(())
    }
}

#[tokio::test]
async fn a_bot_talks_without_a_public_address() {
    let desk = Desk::polling(App::new().bot(Counter), portal().await).await;
    desk.portal
        .open(ANN, desk.portal.bot("counter").unwrap())
        .unwrap();
    desk.receives("counter", &["hello"]).await;
    desk.write("counter", "one");
    desk.write("counter", "two");
    desk.receives("counter", &["hello", "1: one", "2: two"])
        .await;
    desk.write("counter", "/reset now");
    desk.receives("counter", &["hello", "1: one", "2: two", "reset now"])
        .await;
    let id = desk.messages_of("counter")[1]["id"].as_u64().unwrap();
    desk.portal.press(ANN, id, 0).unwrap();
    until("the press", || {
        texts(&desk.messages_of("counter")).last() == Some(&"press it")
    })
    .await;
}

#[tokio::test]
async fn in_a_group_the_bots_own_mention_is_removed() {
    let desk = Desk::polling(App::new().bot(Counter), portal().await).await;
    let bot = desk.portal.bot("counter").unwrap();
    let group = desk.portal.group(ANN, "Lunch", &[bot]).unwrap();
    let said = || {
        let mut messages = desk.portal.history(ANN, &group);
        messages.retain(|message| message["author"] == bot);
        texts(&messages)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    until("the greeting", || said() == ["hello"]).await;
    desk.portal.send(ANN, &group, "not for you").unwrap();
    let mention = format!("[USER={bot}]Counter[/USER], soup");
    desk.portal.send(ANN, &group, &mention).unwrap();
    until("the answer", || said() == ["hello", "1: soup"]).await;
}

#[tokio::test]
async fn messages_to_a_stopped_program_are_answered_at_its_next_start() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let app = || App::new().bot(Counter).shared_store(Arc::clone(&store));
    let desk = Desk::polling(app(), portal().await).await;
    desk.write("counter", "here");
    desk.receives("counter", &["hello", "1: here"]).await;
    let portal = desk.stop().await;
    let bot = portal.bot("counter").unwrap().to_string();
    portal.send(ANN, &bot, "anybody?").unwrap();
    // The last page was stored and not confirmed, so it comes again, and is recognised.
    let desk = Desk::polling(app(), portal).await;
    desk.receives("counter", &["hello", "1: here", "2: anybody?"])
        .await;
    desk.write("counter", "good");
    desk.receives("counter", &["hello", "1: here", "2: anybody?", "3: good"])
        .await;
}

#[tokio::test]
async fn two_bots_of_a_program_are_polled_at_the_same_time() {
    let desk = Desk::polling(App::new().bot(Counter).bot(Echo), portal().await).await;
    desk.write("echo", "hi");
    desk.write("counter", "hi");
    desk.receives("echo", &["hi"]).await;
    desk.receives("counter", &["hello", "1: hi"]).await;
    assert_eq!(desk.engine.polled().len(), 2);
    let polls = || desk.traffic("imbot.v2.event.get").len();
    let (before, start) = (polls(), Instant::now());
    tokio::time::sleep(Duration::from_millis(400)).await;
    let most = start.elapsed().as_secs_f64() / POLL + 2.0;
    assert!(((polls() - before) as f64) < most, "they take turns");
}

/// A later version of [`Counter`] with the same code.
struct Grown;

impl Bot for Grown {
    fn profile(&self) -> Profile {
        Profile::new("counter", "Grown")
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("press", "A button, for everybody").everywhere(),
            CommandSpec::new("again", "Once more"),
        ]
    }
}

#[tokio::test]
async fn bots_and_commands_are_reconciled_at_each_start() {
    let desk = Desk::polling(App::new().bot(Counter), portal().await).await;
    let id = BotId(desk.portal.bot("counter").unwrap());
    let update = Step::UpdateBot {
        bot: "counter".to_owned(),
        id,
    };
    let portal = desk.engine.portal(&desk.engine.portals()[0]).unwrap();
    let again = desk.engine.register(&portal, Mode::DryRun).await.unwrap();
    assert_eq!(
        again,
        std::slice::from_ref(&update),
        "a second time there is nothing to do"
    );

    let grown = Desk::polling(App::new().bot(Grown), desk.stop().await).await;
    let names = |list: Vec<CommandInfo>| {
        let mut names: Vec<_> = list
            .iter()
            .map(|one| (one.name().to_owned(), one.common))
            .collect();
        names.sort();
        names
    };
    let commands = portal.run(imbot_v2::CommandList::new(id)).await.unwrap();
    let commands = names(commands.commands);
    assert_eq!(
        commands,
        [
            ("again".to_owned(), false),
            ("imbotpress".to_owned(), false),
            ("press".to_owned(), true)
        ]
    );
    assert_eq!(
        grown.portal.bot("counter"),
        Some(id.0),
        "it is the same bot"
    );
    let engine = &grown.engine;
    assert_eq!(
        engine.register(&portal, Mode::DryRun).await.unwrap(),
        [update]
    );

    let remove = Step::RemoveBot {
        bot: "counter".to_owned(),
        id,
    };
    assert_eq!(
        engine.unregister(&portal, Mode::DryRun).await.unwrap(),
        std::slice::from_ref(&remove)
    );
    assert_eq!(grown.portal.bot("counter"), Some(id.0));
    assert_eq!(
        engine.unregister(&portal, Mode::Apply).await.unwrap(),
        [remove]
    );
    assert_eq!(grown.portal.bot("counter"), None);
    assert_eq!(engine.unregister(&portal, Mode::Apply).await.unwrap(), []);
}

#[tokio::test]
async fn a_dry_run_lists_all_steps_and_does_nothing() {
    let emulated = portal().await;
    let engine = App::new()
        .bot(Counter)
        .engine(&Config::polling(&emulated))
        .unwrap();
    engine.load_portals().await.unwrap();
    let portal = engine.portal(&engine.portals()[0]).unwrap();
    let plan = engine.register(&portal, Mode::DryRun).await.unwrap();
    let text: Vec<String> = plan.iter().map(Step::to_string).collect();
    assert_eq!(
        text,
        [
            "register the bot counter",
            "add /reset to the bot counter",
            "add /press to the bot counter",
            "add /imbotpress to the bot counter",
        ]
    );
    assert_eq!(emulated.bot("counter"), None);
}

#[tokio::test]
async fn an_invalid_webhook_is_reported() {
    let emulated = portal().await;
    let wrong = emulated.webhook_url().replace("/rest/1/", "/rest/1/no");
    let mut config = Config::polling(&emulated);
    config.portal = vec![wrong.into()];
    let engine = App::new().bot(Echo).engine(&config).unwrap();
    engine.start().await.unwrap();
    let refused = engine.reconcile().await;
    let [(_, error)] = &refused[..] else {
        panic!("{refused:?}")
    };
    assert!(error.is_access_revoked(), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("webhook") && !text.contains("/rest/"),
        "{text}"
    );
    assert!(engine.polled().is_empty());
}

#[tokio::test]
async fn a_bot_removed_on_the_portal_is_no_longer_polled() {
    let desk = Desk::polling(App::new().bot(Echo), portal().await).await;
    let portal = desk.engine.portal(&desk.engine.portals()[0]).unwrap();
    desk.engine.unregister(&portal, Mode::Apply).await.unwrap();
    until("the end of polling", || desk.engine.polled().is_empty()).await;
}

/// Repeats messages, and makes the portal lose the answer to that call.
struct Unlucky(Arc<Emulator>);

impl Bot for Unlucky {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        self.0.swallow(1);
        cx.say(message.text);
        Ok(())
    }
}

#[tokio::test]
async fn a_message_with_a_lost_answer_is_shown_once() {
    // Slow polling, so that it is not the answer to a poll that is lost.
    let portal = Arc::new(portal().await);
    let app = App::new().bot(Unlucky(Arc::clone(&portal)));
    let desk = Desk::polling_every(0.3, app, Arc::clone(&portal)).await;
    desk.write("unlucky", "hi");
    until("a second try", || desk.sent(Api::V2).len() == 2).await;
    desk.receives("unlucky", &["hi"]).await;
}

#[tokio::test]
async fn another_process_polling_for_the_same_bot_is_reported() {
    let portal = Arc::new(portal().await);
    let one = Desk::polling(App::new().bot(Echo), Arc::clone(&portal)).await;
    for number in 0..5 {
        one.write("echo", &number.to_string());
    }
    until("the answers", || one.messages_of("echo").len() == 5).await;
    let found = |desk: &Desk| desk.engine.counts().competing_polls.get();
    assert_eq!(found(&one), 0, "there is nobody else yet");
    // It has its own store, and so knows nothing of the first.
    let other = Desk::polling(App::new().bot(Echo), portal).await;
    let end = Instant::now() + PATIENCE;
    while found(&other) == 0 {
        assert!(Instant::now() < end, "the other process is found");
        other.write("echo", "who gets this?");
        // Not in step with the polls, so that not always the same of the two is first.
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
}

#[tokio::test]
async fn a_program_on_the_same_store_is_not_a_rival() {
    let portal = Arc::new(portal().await);
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let app = || App::new().bot(Echo).shared_store(Arc::clone(&store));
    let one = Desk::polling(app(), Arc::clone(&portal)).await;
    let other = Desk::polling(app(), portal).await;
    let mut expected = Vec::new();
    for number in 0..20 {
        let text = number.to_string();
        one.write("echo", &text);
        expected.push(text);
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        one.receives("echo", &expected).await; // answered once
    }
    for desk in [&one, &other] {
        assert_eq!(desk.engine.counts().competing_polls.get(), 0);
    }
}

#[tokio::test]
async fn portals_that_are_down_or_refuse_do_not_delay_others() {
    let mut config = Config::default();
    let mut portals = Vec::new();
    for _ in 0..10 {
        let portal = portal().await;
        config.portal.push(portal.webhook_url().into());
        config.allow_host.push(portal.address().to_string());
        portals.push(portal);
    }
    (config.poll_quick, config.poll_slow) = (POLL, POLL);
    config.plan = Plan::OnPremise;
    portals.remove(0).stop().await; // it is down
    let refusing = portals.remove(0);
    refusing.revoke_webhook();
    let engine = App::new().bot(Echo).engine(&config).unwrap();
    engine.start().await.unwrap();
    // The unreachable portal is called again and again for half a minute, which must not delay
    // others.
    let reconciling = Arc::clone(&engine);
    tokio::spawn(async move { reconciling.reconcile().await });
    let registered = || portals.iter().all(|portal| portal.bot("echo").is_some());
    until("the others", registered).await;
    for portal in portals {
        let desk = Desk {
            portal: Arc::new(portal),
            engine: Arc::clone(&engine),
        };
        desk.write("echo", "hi");
        desk.receives("echo", &["hi"]).await;
    }
    assert_eq!(engine.polled().len(), 8);
}

/// Repeats messages, with this API and these events.
struct Parrot(Api, Option<EventMode>);

impl Bot for Parrot {
    fn profile(&self) -> Profile {
        let profile = Profile::new("parrot", "Parrot").api(self.0);
        match self.1 {
            Some(mode) => profile.event_mode(mode),
            None => profile,
        }
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }
}

fn parrot(api: Api, mode: Option<EventMode>) -> App {
    App::new().bot(Parrot(api, mode))
}

/// A program that polled for its bot and is stopped, while three messages wait on the portal.
async fn stopped_with_waiting_messages() -> super::stage::Stopped {
    let polled = parrot(Api::V2, Some(EventMode::Fetch));
    let setup = super::stage::Setup::installed(polled).await;
    setup.write("parrot", "zero");
    setup.receives("parrot", &["zero"]).await;
    let stopped = setup.stop().await;
    let bot = stopped.portal.bot("parrot").unwrap().to_string();
    for text in ["one", "two", "three"] {
        stopped.portal.send(ANN, &bot, text).unwrap();
    }
    stopped
}

const ALL: [&str; 5] = ["zero", "one", "two", "three", "four"];

#[tokio::test]
async fn a_bot_whose_events_are_posted_from_now_on_answers_those_that_waited_to_be_polled() {
    for api in [Api::V2, Api::V1] {
        let stopped = stopped_with_waiting_messages().await;
        let setup = stopped.start(parrot(api, None)).await;
        setup.receives("parrot", &ALL[..4]).await;
        setup.write("parrot", ALL[4]);
        setup.receives("parrot", &ALL).await;
        // Once more after the change, and not at the next start.
        let names = |setup: &super::stage::Setup| {
            let traffic = setup.portal.traffic_log();
            let names = traffic.iter().filter_map(|entry| entry["name"].as_str());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let all = names(&setup);
        let changed = |name: &&String| name.ends_with("ot.update");
        let update = all.len() - all.iter().rev().position(|name| changed(&name)).unwrap();
        let polls = |names: &[String]| {
            let polls = names.iter().filter(|name| *name == "imbot.v2.event.get");
            polls.count()
        };
        assert!(
            polls(&all[..update]) > 0 && polls(&all[update..]) == 1,
            "{all:?}"
        );
        let again = setup.restart(parrot(api, None)).await;
        assert_eq!(polls(&names(&again)), polls(&all), "{api:?}");
    }
}

#[tokio::test]
async fn a_process_that_dies_while_its_bot_changes_from_polling_to_posting_loses_nothing() {
    for steps in 1..=8 {
        let stopped = stopped_with_waiting_messages().await;
        let portal = Arc::clone(&stopped.portal);
        let config = Config::emulated(&portal, &stopped.credentials, stopped.handler.as_str());
        let app = parrot(Api::V2, None).shared_store(Arc::clone(&stopped.store));
        let engine = app.engine(&config).unwrap();
        engine.start().await.unwrap();
        let calls = || portal.traffic_log().len();
        let before = calls();
        let reconciled = Arc::clone(&engine);
        let changing = tokio::spawn(async move { reconciled.reconcile().await });
        until("some calls", || {
            calls() >= before + steps || changing.is_finished()
        })
        .await;
        engine.stop(Duration::ZERO).await;
        changing.abort();
        drop(engine);
        let setup = stopped.start(parrot(Api::V2, None)).await;
        setup.receives("parrot", &ALL[..4]).await;
        setup.write("parrot", ALL[4]);
        setup.receives("parrot", &ALL).await;
    }
}

#[tokio::test]
async fn what_comes_while_a_bot_changes_is_polled_at_the_next_start_if_the_process_died() {
    let setup = super::stage::Setup::installed(parrot(Api::V2, None)).await;
    let (store, member) = (
        Arc::clone(setup.engine.store()),
        setup.engine.portals().remove(0),
    );
    let polls = |setup: &super::stage::Setup| setup.traffic("imbot.v2.event.get").len();
    assert_eq!(polls(&setup), 0);
    // The note that a change leaves until it is complete.
    let note = format!("changing {}", setup.portal.bot("parrot").unwrap());
    store
        .set_note(&member, &note, "to posting".to_owned())
        .await
        .unwrap();
    let setup = setup.restart(parrot(Api::V2, None)).await;
    assert_eq!(polls(&setup), 1);
    let setup = setup.restart(parrot(Api::V2, None)).await;
    assert_eq!(polls(&setup), 1, "the change is complete");
    setup.write("parrot", "posted");
    setup.receives("parrot", &["posted"]).await;
}

#[tokio::test]
async fn a_bot_that_is_polled_for_from_now_on_loses_nothing_that_is_posted_or_waits() {
    for api in [Api::V2, Api::V1] {
        let setup = super::stage::Setup::installed(parrot(api, None)).await;
        setup.write("parrot", "posted");
        let polled = parrot(Api::V2, Some(EventMode::Fetch));
        let setup = setup.restart(polled).await;
        setup.write("parrot", "polled");
        setup.receives("parrot", &["posted", "polled"]).await;
    }
}
