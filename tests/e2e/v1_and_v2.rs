//! v1 and v2, webhook and polling, on one portal.

use imbot::portal::BotInfo;
use imbot::prelude::*;

use super::stage::{Setup, until};

/// Repeats messages, as a bot with this API and this event mode.
struct Parrot(Api, Option<EventMode>);

impl Bot for Parrot {
    fn profile(&self) -> Profile {
        let profile = Profile::new("parrot", "Parrot").api(self.0);
        match self.1 {
            Some(mode) => profile.event_mode(mode),
            None => profile,
        }
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("repeat", "Repeats").params("<what>")]
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }

    async fn command(&self, cx: &mut Context, command: Command) -> Result {
        cx.say(command.params);
        Ok(())
    }
}

/// The bot, as its owner sees it.
async fn info(setup: &Setup) -> BotInfo {
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    portal.find_bot("parrot").await.unwrap().unwrap()
}

#[tokio::test]
async fn an_application_polls_for_a_bot_whose_profile_says_so() {
    let setup = Setup::installed(App::new().bot(Parrot(Api::V2, Some(EventMode::Fetch)))).await;
    assert_eq!(info(&setup).await.event_mode.as_deref(), Some("fetch"));
    setup.write("parrot", "hi");
    setup.write("parrot", "/repeat that");
    setup.receives("parrot", &["hi", "that"]).await;
    assert!(
        setup.traffic("ONIMBOTV2MESSAGEADD").is_empty(),
        "nothing is posted"
    );
}

#[tokio::test]
async fn a_bot_that_changes_its_event_mode_receives_each_event_once() {
    let setup = Setup::installed(App::new().bot(Parrot(Api::V2, None))).await;
    setup.write("parrot", "posted");
    setup.receives("parrot", &["posted"]).await;
    let fetching = setup
        .restart(App::new().bot(Parrot(Api::V2, Some(EventMode::Fetch))))
        .await;
    fetching.write("parrot", "fetched");
    fetching.receives("parrot", &["posted", "fetched"]).await;
    // A command is posted to the old subscription, and is in the bot's event log as well.
    fetching.write("parrot", "/repeat once");
    fetching.write("parrot", "last");
    fetching
        .receives("parrot", &["posted", "fetched", "once", "last"])
        .await;
}

#[tokio::test]
async fn a_bot_that_moves_from_v1_to_v2_keeps_its_chats_and_answers_once() {
    let app = || App::new().bot(Parrot(Api::V1, None));
    moves(Setup::installed(app()).await).await;
    let setup = moves(Setup::of_both_formats(app()).await).await;
    let posted = |name| !setup.traffic(name).is_empty();
    assert!(posted("ONIMBOTMESSAGEADD") && posted("ONIMBOTV2MESSAGEADD"));
}

async fn moves(first: Setup) -> Setup {
    first.write("parrot", "first");
    first.receives("parrot", &["first"]).await;
    let id = first.portal.bot("parrot");
    let second = first.restart(App::new().bot(Parrot(Api::V2, None))).await;
    assert_eq!(second.portal.bot("parrot"), id);
    second.write("parrot", "second");
    second.write("parrot", "/repeat third");
    second.write("parrot", "last");
    second
        .receives("parrot", &["first", "second", "third", "last"])
        .await;
    until("all events to be handled", || {
        second.engine.waiting() == (0, 0)
    })
    .await;
    assert_eq!(second.messages_of("parrot").len(), 4);
    second
}
