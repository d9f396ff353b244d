//! Bots and their commands, through the API (v1 or v2) that the profile names.

use serde_json::{Map, Value, json};

use super::{Reconciliation, Step};
use crate::event::{Api, BotId};
use crate::handler::{AnyBot, CommandSpec, EventMode};
use crate::portal::methods::{imbot, imbot_v2};
use crate::portal::{CommandInfo, Error};

impl Reconciliation<'_> {
    /// Reconciles a bot and its commands. Returns its id; `None` if it is not registered.
    pub(super) async fn bot(&mut self, bot: &dyn AnyBot) -> Result<Option<BotId>, Error> {
        match self.engine.event_mode(bot) {
            None => self.bot_v1(bot).await,
            Some(mode) => self.bot_v2(bot, mode).await,
        }
    }

    /// `imbot.register` reports neither whether the bot existed nor its commands, so everything is
    /// sent again.
    async fn bot_v1(&mut self, bot: &dyn AnyBot) -> Result<Option<BotId>, Error> {
        let profile = bot.profile();
        let Some(url) = &self.engine.options.handler_url else {
            return Err(Error::unusable(
                "imbot.register",
                "a v1 bot gets its events by webhook, and this program has no public address",
            ));
        };
        let code = profile.code().to_owned();
        if !self.step(Step::RegisterBot { bot: code.clone() }) {
            return Ok(None);
        }
        let properties = Value::Object(profile.properties().clone());
        let register = imbot::Register::new(code, url.clone(), properties.clone())
            .kind(profile.kind_letter())
            .openline(profile.is_for_open_channels());
        let id = self.portal.run(register).await?;
        // `imbot.register` ignores the two handlers for plain bots, and everything for a code that
        // exists. The update sets both (protocol/bots-v1.md 6).
        let fields = json!({
            "EVENT_HANDLER": url,
            "EVENT_MESSAGE_UPDATE": url,
            "EVENT_MESSAGE_DELETE": url,
            "PROPERTIES": properties,
        });
        self.portal.run(imbot::Update::new(id, fields)).await?;
        for command in bot.commands() {
            let register =
                imbot::CommandRegister::new(id, command.name(), url.clone(), command.lang())
                    .common(command.is_common())
                    .hidden(command.is_hidden())
                    .extranet_support(command.is_for_extranet());
            self.portal.run(register).await?;
        }
        Ok(Some(id))
    }

    async fn bot_v2(&mut self, bot: &dyn AnyBot, mode: EventMode) -> Result<Option<BotId>, Error> {
        let profile = bot.profile();
        let code = profile.code().to_owned();
        let properties = Value::Object(profile.properties_v2());
        let (mode, url) = match mode {
            EventMode::Webhook => ("webhook", self.engine.options.handler_url.clone()),
            EventMode::Fetch => ("fetch", None),
        };
        let openline = profile.is_for_open_channels();
        let id = match self.portal.find_bot(&code).await? {
            Some(found) => {
                let id = found.id;
                if self.step(Step::UpdateBot { bot: code, id }) {
                    let mut update = imbot_v2::BotUpdate::new(id)
                        .properties(properties)
                        .event_mode(mode)
                        .openline(openline);
                    if let Some(url) = url {
                        update = update.webhook_url(url);
                    }
                    self.portal.run(update).await?;
                }
                id
            }
            None => {
                if !self.step(Step::RegisterBot { bot: code.clone() }) {
                    for command in bot.commands() {
                        self.step(add(&code, command));
                    }
                    return Ok(None);
                }
                let mut register = imbot_v2::BotRegister::new(code, properties)
                    .kind(profile.kind_word())
                    .event_mode(mode)
                    .openline(openline);
                if let Some(url) = url {
                    register = register.webhook_url(url);
                }
                self.portal.run(register).await?.bot.id
            }
        };
        self.commands(bot, id).await?;
        Ok(Some(id))
    }

    async fn commands(&mut self, bot: &dyn AnyBot, id: BotId) -> Result<(), Error> {
        let code = bot.profile().code();
        let found = self
            .portal
            .run(imbot_v2::CommandList::new(id))
            .await?
            .commands;
        for wanted in bot.commands() {
            let is_this = |found: &&CommandInfo| found.name() == wanted.name();
            let (titles, params) = (wanted.titles(), wanted.all_params());
            match found.iter().find(is_this) {
                None => {
                    if self.step(add(code, wanted)) {
                        let register = imbot_v2::CommandRegister::new(id, wanted.name())
                            .title(titles)
                            .params(params)
                            .common(wanted.is_common())
                            .hidden(wanted.is_hidden())
                            .extranet_support(wanted.is_for_extranet());
                        self.portal.run(register).await?;
                    }
                }
                Some(found) if is_same_command(found, wanted) => {}
                Some(found) => {
                    let (bot, command) = (code.to_owned(), wanted.name().to_owned());
                    if self.step(Step::ChangeCommand { bot, command }) {
                        let update = imbot_v2::CommandUpdate::new(id, found.id)
                            .title(titles)
                            .params(params)
                            .common(wanted.is_common())
                            .hidden(wanted.is_hidden())
                            .extranet_support(wanted.is_for_extranet());
                        self.portal.run(update).await?;
                    }
                }
            }
        }
        for stray in found {
            if bot
                .commands()
                .iter()
                .any(|spec| spec.name() == stray.name())
            {
                continue;
            }
            let (bot, command) = (code.to_owned(), stray.name().to_owned());
            if self.step(Step::RemoveCommand { bot, command }) {
                let remove = imbot_v2::CommandUnregister::new(id, stray.id);
                self.portal.run(remove).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn remove(&mut self, bot: &dyn AnyBot) -> Result<(), Error> {
        let profile = bot.profile();
        let found = match profile.on_api() {
            Api::V1 => self.portal.find_bot_v1(profile.code()).await?,
            Api::V2 => {
                let found = self.portal.find_bot(profile.code()).await?;
                found.map(|found| found.id)
            }
        };
        let Some(id) = found else { return Ok(()) };
        let bot = profile.code().to_owned();
        if !self.step(Step::RemoveBot { bot, id }) {
            return Ok(());
        }
        match profile.on_api() {
            Api::V1 => self.portal.run(imbot::Unregister::new(id)).await?,
            Api::V2 => self.portal.run(imbot_v2::BotUnregister::new(id)).await?,
        };
        Ok(())
    }
}

fn add(bot: &str, command: &CommandSpec) -> Step {
    Step::AddCommand {
        bot: bot.to_owned(),
        command: command.name().to_owned(),
    }
}

/// Returns true if a command is as the bot has it. Titles are compared if the portal returns them
/// by language.
fn is_same_command(found: &CommandInfo, wanted: &CommandSpec) -> bool {
    let is_same = |found: &Value, wanted: Map<String, Value>| match found {
        Value::Object(found) => *found == wanted,
        _ => true,
    };
    (found.common, found.hidden, found.extranet_support)
        == (
            wanted.is_common(),
            wanted.is_hidden(),
            wanted.is_for_extranet(),
        )
        && is_same(&found.title, wanted.titles())
        && is_same(&found.params, wanted.all_params())
}
