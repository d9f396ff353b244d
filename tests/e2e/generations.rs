//! Both generations of the bot platform, and both ways to events, on one portal.

use imbot::portal::BotInfo;
use imbot::prelude::*;

use super::stage::{Setup, until};

/// Repeats what it hears, as a bot of this generation whose events come this way.
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

/// The parrot as its owner is told of it.
async fn info(road: &Setup) -> BotInfo {
    let portal = road.engine.portal(&road.engine.portals()[0]).unwrap();
    portal.find_bot("parrot").await.unwrap().unwrap()
}

#[tokio::test]
async fn an_application_polls_where_its_bot_says_so() {
    let road = Setup::to(App::new().bot(Parrot(Api::V2, Some(EventMode::Fetch)))).await;
    assert_eq!(info(&road).await.event_mode.as_deref(), Some("fetch"));
    road.tell("parrot", "hi");
    road.tell("parrot", "/repeat that");
    road.hears("parrot", &["hi", "that"]).await;
    assert!(
        road.traffic("ONIMBOTV2MESSAGEADD").is_empty(),
        "nothing is posted"
    );
}

#[tokio::test]
async fn a_bot_that_changes_its_way_to_events_hears_each_once() {
    let road = Setup::to(App::new().bot(Parrot(Api::V2, None))).await;
    road.tell("parrot", "posted");
    road.hears("parrot", &["posted"]).await;
    let fetching = road
        .again(App::new().bot(Parrot(Api::V2, Some(EventMode::Fetch))))
        .await;
    fetching.tell("parrot", "fetched");
    fetching.hears("parrot", &["posted", "fetched"]).await;
    // A command is posted to whoever was subscribed before, and it is in the log, too.
    fetching.tell("parrot", "/repeat once");
    fetching.tell("parrot", "last");
    fetching
        .hears("parrot", &["posted", "fetched", "once", "last"])
        .await;
}

#[tokio::test]
async fn a_bot_that_moves_to_the_second_generation_keeps_its_chats_and_answers_once() {
    let app = || App::new().bot(Parrot(Api::V1, None));
    moves(Setup::to(app()).await).await;
    let road = moves(Setup::of_both_formats(app()).await).await;
    let posted = |name| !road.traffic(name).is_empty();
    assert!(posted("ONIMBOTMESSAGEADD") && posted("ONIMBOTV2MESSAGEADD"));
}

async fn moves(first: Setup) -> Setup {
    first.tell("parrot", "first");
    first.hears("parrot", &["first"]).await;
    let id = first.portal.bot("parrot");
    let second = first.again(App::new().bot(Parrot(Api::V2, None))).await;
    assert_eq!(second.portal.bot("parrot"), id);
    second.tell("parrot", "second");
    second.tell("parrot", "/repeat third");
    second.tell("parrot", "last");
    second
        .hears("parrot", &["first", "second", "third", "last"])
        .await;
    until("everything to be told", || {
        second.engine.waiting() == (0, 0)
    })
    .await;
    assert_eq!(second.said("parrot").len(), 4);
    second
}
