//! Bots and their commands, by the generation that the profile names.

use super::{Reconciliation, Step};
use crate::event::{Api, BotId};
use crate::handler::{AnyBot, CommandSpec, EventMode};
use crate::portal::{BotFields, CommandFields, CommandInfo, Error, NewBot, NewCommand};

impl Reconciliation<'_> {
    /// Brings a bot and its commands into step. Nothing comes back where it is not registered.
    pub(super) async fn bot(&mut self, bot: &dyn AnyBot) -> Result<Option<BotId>, Error> {
        match self.engine.event_mode(bot) {
            None => self.bot_of_the_first(bot).await,
            Some(mode) => self.bot_of_the_second(bot, mode).await,
        }
    }

    /// `imbot.register` tells neither whether there was a bot nor what commands it has, so all is said again.
    async fn bot_of_the_first(&mut self, bot: &dyn AnyBot) -> Result<Option<BotId>, Error> {
        let profile = bot.profile();
        let Some(url) = &self.engine.options.handler_url else {
            return Err(Error::unusable(
                "imbot.register",
                "a bot of the first generation gets its events by webhook, and this program has no public address",
            ));
        };
        let flag = |yes| if yes { 'Y' } else { 'N' };
        let name = profile.code().to_owned();
        if !self.step(Step::RegisterBot { bot: name }) {
            return Ok(None);
        }
        let fields = BotFields {
            code: profile.code().to_owned(),
            kind: profile.kind_letter(),
            openline: flag(profile.is_for_open_channels()),
            event_handler: url.clone(),
            properties: profile.properties().clone(),
        };
        let id = self.portal.register_bot(&fields).await?;
        for command in bot.commands() {
            let fields = CommandFields {
                bot_id: id,
                command: command.name().to_owned(),
                common: flag(command.is_common()),
                hidden: flag(command.is_hidden()),
                extranet_support: flag(command.is_for_extranet()),
                lang: command.lang(),
                event_command_add: url.clone(),
            };
            self.portal.register_command(&fields).await?;
        }
        Ok(Some(id))
    }

    async fn bot_of_the_second(
        &mut self,
        bot: &dyn AnyBot,
        mode: EventMode,
    ) -> Result<Option<BotId>, Error> {
        let profile = bot.profile();
        let code = profile.code().to_owned();
        let new = NewBot {
            kind: profile.kind_word(),
            event_mode: match mode {
                EventMode::Webhook => "webhook",
                EventMode::Fetch => "fetch",
            },
            webhook_url: self
                .engine
                .options
                .handler_url
                .clone()
                .filter(|_| mode == EventMode::Webhook),
            is_support_openline: profile.is_for_open_channels(),
            properties: profile.properties_v2(),
            code: code.clone(),
        };
        let id = match self.portal.find_bot(&code).await? {
            Some(found) => {
                let id = found.id;
                if self.step(Step::UpdateBot { bot: code, id }) {
                    self.portal.update(id, &new).await?;
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
                self.portal.register(&new).await?.id
            }
        };
        self.commands(bot, id).await?;
        Ok(Some(id))
    }

    async fn commands(&mut self, bot: &dyn AnyBot, id: BotId) -> Result<(), Error> {
        let code = bot.profile().code();
        let found = self.portal.commands(id).await?;
        for wanted in bot.commands() {
            let is_this = |found: &&CommandInfo| found.name() == wanted.name();
            let new = described(wanted);
            match found.iter().find(is_this) {
                None => {
                    if self.step(add(code, wanted)) {
                        self.portal.add_command(id, &new).await?;
                    }
                }
                Some(found) if found.is_like(&new) => {}
                Some(found) => {
                    let (bot, command) = (code.to_owned(), wanted.name().to_owned());
                    if self.step(Step::ChangeCommand { bot, command }) {
                        self.portal.change_command(id, found.id, &new).await?;
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
                self.portal.remove_command(id, stray.id).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn remove(&mut self, bot: &dyn AnyBot) -> Result<(), Error> {
        let profile = bot.profile();
        let found = match profile.on_api() {
            Api::V1 => self.portal.find_bot_of_the_first(profile.code()).await?,
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
            Api::V1 => self.portal.unregister_bot(id).await,
            Api::V2 => self.portal.unregister(id).await,
        }
    }
}

fn add(bot: &str, command: &CommandSpec) -> Step {
    Step::AddCommand {
        bot: bot.to_owned(),
        command: command.name().to_owned(),
    }
}

/// A command as the second generation wants it described.
fn described(command: &CommandSpec) -> NewCommand {
    NewCommand {
        command: command.name().to_owned(),
        title: command.titles(),
        params: command.all_params(),
        common: command.is_common(),
        hidden: command.is_hidden(),
        extranet_support: command.is_for_extranet(),
    }
}
