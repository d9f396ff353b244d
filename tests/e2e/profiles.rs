//! What a bot's profile and its commands say reaches the portal, at the first start and after each
//! change.

use imbot::engine::Mode;
use imbot::event::BotId;
use imbot::handler::{BotBackground, BotColor};
use imbot::portal::methods::imbot_v2;
use imbot::prelude::*;
use serde_json::{Value, json};

use super::stage::Setup;

/// A bot of this profile and these commands.
struct Described(Profile, Vec<CommandSpec>);

impl Bot for Described {
    fn profile(&self) -> Profile {
        self.0.clone()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        self.1.clone()
    }
}

fn app(profile: Profile, commands: &[CommandSpec]) -> App {
    App::new().bot(Described(profile, commands.to_vec()))
}

fn profile() -> Profile {
    Profile::new("painter", "Painter")
}

impl Setup {
    /// The bot and its user, as the portal shows them to the owner.
    async fn painter(&self) -> (Value, Value) {
        let portal = self.engine.portal(&self.engine.portals()[0]).unwrap();
        let params = json!({ "botId": self.portal.bot("painter").unwrap() });
        let found: Value = portal.call("imbot.v2.Bot.get", &params).await.unwrap();
        (found["bot"].clone(), found["users"][0].clone())
    }

    /// The changes of commands that a program with this application would make now.
    async fn command_steps(&self) -> Vec<String> {
        let portal = self.engine.portal(&self.engine.portals()[0]).unwrap();
        let plan = self.engine.register(&portal, Mode::DryRun).await.unwrap();
        let steps = plan.iter().map(ToString::to_string);
        steps.filter(|step| step.contains('/')).collect()
    }

    /// The title and the parameters of the command that the portal shows.
    async fn shown(&self) -> (Value, Value) {
        let portal = self.engine.portal(&self.engine.portals()[0]).unwrap();
        let id = BotId(self.portal.bot("painter").unwrap());
        let list = portal.run(imbot_v2::CommandList::new(id)).await.unwrap();
        let command = list.commands.into_iter().next().unwrap();
        (command.title, command.params)
    }
}

#[tokio::test]
async fn a_colour_has_the_name_of_the_bots_api() {
    for api in [Api::V1, Api::V2] {
        let setup = Setup::installed(app(profile().api(api).color(BotColor::Mint), &[])).await;
        assert_eq!(setup.painter().await.1["color"], "#4ba984", "{api:?}");
        let blue = profile().api(api).color(BotColor::LightBlue);
        let setup = setup.restart(app(blue, &[])).await;
        assert_eq!(setup.painter().await.1["color"], "#4ba5c3", "{api:?}");
    }
}

#[tokio::test]
async fn settings_of_a_v2_profile_reach_the_portal_and_are_removed_with_it() {
    let full = profile()
        .last_name("Roberts")
        .work_position("Paints")
        .hidden()
        .without_reactions()
        .background(BotBackground::Teal);
    let setup = Setup::installed(app(full, &[])).await;
    let (bot, user) = setup.painter().await;
    assert_eq!(
        (&bot["isHidden"], &bot["isReactionsEnabled"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(bot["backgroundId"], "teal");
    assert_eq!(user["lastName"], "Roberts");

    let setup = setup.restart(app(profile(), &[])).await;
    let (bot, user) = setup.painter().await;
    assert_eq!(
        (&bot["isHidden"], &bot["isReactionsEnabled"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(bot["backgroundId"], Value::Null);
    assert_eq!(user["lastName"], "");
    assert_eq!(user["workPosition"], "");
}

#[tokio::test]
async fn changed_titles_and_parameters_of_a_command_reach_the_portal() {
    let before = CommandSpec::new("paint", "Paints").params("<what>");
    let setup = Setup::installed(app(profile(), &[before])).await;
    assert_eq!(setup.shown().await, (json!("Paints"), json!("<what>")));
    assert_eq!(setup.command_steps().await, [""; 0]);
    let after = CommandSpec::new("paint", "Paints well").params("<what> <colour>");
    let setup = setup.restart(app(profile(), &[after])).await;
    assert_eq!(
        setup.shown().await,
        (json!("Paints well"), json!("<what> <colour>"))
    );
    assert_eq!(setup.command_steps().await, [""; 0]);
}

#[tokio::test]
async fn a_command_changed_on_the_portal_is_changed_back() {
    let command = || CommandSpec::new("paint", "Paints");
    let setup = Setup::installed(app(profile(), &[command()])).await;
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let id = BotId(setup.portal.bot("painter").unwrap());
    let list = portal.run(imbot_v2::CommandList::new(id)).await.unwrap();
    let change = imbot_v2::CommandUpdate::new(id, list.commands[0].id);
    let change = change.title(json!({ "en": "OLD TITLE" }));
    portal.run(change).await.unwrap();
    assert_eq!(
        setup.command_steps().await,
        ["change /paint of the bot painter"]
    );
    setup.engine.register(&portal, Mode::Apply).await.unwrap();
    assert_eq!(setup.shown().await.0, "Paints");
}

#[tokio::test]
async fn translations_of_a_command_are_added_and_removed() {
    let in_german = CommandSpec::new("paint", "Paints").in_language("de", "Malt", "");
    let in_spanish = CommandSpec::new("paint", "Paints").in_language("la", "Pinta", "");
    let setup = Setup::installed(app(profile(), &[in_german])).await;
    let setup = setup.restart(app(profile(), &[in_spanish])).await;
    let updates = setup.traffic("imbot.v2.command.update");
    let [update] = &updates[..] else {
        panic!("{updates:?}")
    };
    assert_eq!(
        update["request"]["fields"]["title"],
        json!({ "en": "Paints", "la": "Pinta", "de": null })
    );
    assert_eq!(setup.command_steps().await, [""; 0]);
}

#[tokio::test]
async fn changed_and_removed_commands_of_a_v1_bot_reach_the_portal() {
    let v1 = || profile().api(Api::V1);
    let before = [
        CommandSpec::new("paint", "Paints").in_language("de", "Malt", ""),
        CommandSpec::new("wash", "Washes"),
    ];
    let setup = Setup::installed(app(v1(), &before)).await;
    let after = [CommandSpec::new("paint", "Paints well")];
    let setup = setup.restart(app(v1(), &after)).await;
    let updates = setup.traffic("imbot.command.update");
    let last = &updates.last().unwrap()["request"]["FIELDS"];
    assert_eq!(
        last["LANG"],
        json!([{ "LANGUAGE_ID": "en", "TITLE": "Paints well", "PARAMS": "" }])
    );
    assert_eq!(setup.traffic("imbot.command.unregister").len(), 1);
    let count = updates.len();
    let setup = setup.restart(app(v1(), &after)).await;
    assert_eq!(setup.traffic("imbot.command.update").len(), count);
}
