//! Bots and their commands, through the API (v1 or v2) that the profile names.
//!
//! v1 does not list commands, and v2 lists their titles in the portal's language only. So what was
//! registered is noted in the store, and compared at the next reconciliation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Mode, Reconciliation, Step};
use crate::event::{Api, BotId, BotRef, CommandId};
use crate::handler::{AnyBot, CommandSpec, EventMode};
use crate::portal::methods::{YesNo, imbot, imbot_v2};
use crate::portal::{CommandInfo, Error};

/// The commands of a bot, by name, as they were registered.
type Registered = BTreeMap<String, RegisteredCommand>;

/// A command as it was registered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct RegisteredCommand {
    /// Its id, in v1 only: there it cannot be found otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<CommandId>,
    /// Its titles by language.
    title: Map<String, Value>,
    /// Its parameters by language.
    params: Map<String, Value>,
}

impl RegisteredCommand {
    fn of(command: &CommandSpec, id: Option<CommandId>) -> Self {
        RegisteredCommand {
            id,
            title: command.titles(),
            params: command.all_params(),
        }
    }
}

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
        let before = self.registered(&code).await;
        if !self.step(Step::RegisterBot { bot: code.clone() }) {
            for (command, _) in strays(&before, bot) {
                self.step(remove(&code, command));
            }
            return Ok(None);
        }
        let properties = profile.properties_v1();
        let register = imbot::Register::new(code.clone(), url.clone(), properties.clone())
            .kind(profile.kind_letter())
            .openline(profile.is_for_open_channels());
        let id = self.portal.run(register).await?;
        let as_bot = BotRef {
            id,
            code: code.clone(),
        };
        let was_polled = self.was_polled(id).await?;
        self.before_posting(&as_bot, was_polled).await?;
        if was_polled {
            // v1 has no event mode: without this the portal would go on keeping the events.
            let update = imbot_v2::BotUpdate::new(id).event_mode("webhook");
            self.portal.run(update.webhook_url(url.clone())).await?;
        }
        // `imbot.register` ignores the two handlers for plain bots, and everything for a code that
        // exists. The update sets both (protocol/bots-v1.md 6).
        let fields = json!({
            "EVENT_HANDLER": url,
            "EVENT_MESSAGE_UPDATE": url,
            "EVENT_MESSAGE_DELETE": url,
            "PROPERTIES": profile.with_removals(properties),
        });
        self.portal.run(imbot::Update::new(id, fields)).await?;
        self.after_change_to_posting(&as_bot).await?;
        let mut registered = Registered::new();
        for command in bot.commands() {
            let register =
                imbot::CommandRegister::new(id, command.name(), url.clone(), command.lang())
                    .common(command.is_common())
                    .hidden(command.is_hidden())
                    .extranet_support(command.is_for_extranet());
            let known = self.portal.run(register).await?;
            let now = RegisteredCommand::of(command, Some(known));
            if before.get(command.name()) != Some(&now) {
                // A command that exists is returned unchanged (protocol/server-behaviour.md 3.6).
                let fields = json!({
                    "LANG": command.lang(),
                    "HIDDEN": YesNo(command.is_hidden()),
                    "EXTRANET_SUPPORT": YesNo(command.is_for_extranet()),
                });
                self.portal
                    .run(imbot::CommandUpdate::new(known, fields))
                    .await?;
            }
            registered.insert(command.name().to_owned(), now);
        }
        for (command, stray) in strays(&before, bot) {
            self.step(remove(&code, command));
            let Some(stray) = stray.id else { continue };
            match self.portal.run(imbot::CommandUnregister::new(stray)).await {
                Err(error) if !error.is("COMMAND_ID_ERROR") => return Err(error),
                _ => {}
            }
        }
        self.note(&code, &before, &registered).await;
        Ok(Some(id))
    }

    /// Returns the commands of a bot as they were registered last.
    async fn registered(&self, bot: &str) -> Registered {
        let store = &self.engine.options.store;
        match store.note(self.portal.id(), &note_name(bot)).await {
            // A note that cannot be read is replaced.
            Ok(note) => note
                .and_then(|note| serde_json::from_str(&note).ok())
                .unwrap_or_default(),
            Err(error) => {
                tracing::warn!(portal = %self.portal.id(), bot, %error, "the registered commands cannot be read from the store; they are sent again");
                Registered::new()
            }
        }
    }

    /// Notes the commands of a bot, if they have changed.
    async fn note(&self, bot: &str, before: &Registered, now: &Registered) {
        if self.mode == Mode::DryRun || before == now {
            return;
        }
        let note = json!(now).to_string();
        let store = &self.engine.options.store;
        if let Err(error) = store
            .set_note(self.portal.id(), &note_name(bot), note)
            .await
        {
            tracing::warn!(portal = %self.portal.id(), bot, %error, "the registered commands cannot be stored; they are sent again at the next start");
        }
    }

    async fn bot_v2(&mut self, bot: &dyn AnyBot, mode: EventMode) -> Result<Option<BotId>, Error> {
        let profile = bot.profile();
        let code = profile.code().to_owned();
        let properties = profile.properties_v2();
        let is_posted = mode == EventMode::Webhook;
        let (mode, url) = match mode {
            EventMode::Webhook => ("webhook", self.engine.options.handler_url.clone()),
            EventMode::Fetch => ("fetch", None),
        };
        let openline = profile.is_for_open_channels();
        let id = match self.portal.find_bot(&code).await? {
            Some(found) => {
                let id = found.id;
                self.posts_to_bots |= is_posted;
                self.binds_later |= is_posted && found.event_mode.as_deref() != Some(mode);
                let bot = BotRef {
                    id,
                    code: code.clone(),
                };
                if self.step(Step::UpdateBot { bot: code, id }) {
                    let was_polled = found.event_mode.as_deref() == Some("fetch");
                    self.before_posting(&bot, is_posted && was_polled).await?;
                    let mut update = imbot_v2::BotUpdate::new(id)
                        .properties(profile.with_removals(properties))
                        .event_mode(mode)
                        .hidden(profile.is_hidden())
                        .reactions(profile.has_reactions())
                        .background(profile.background_id())
                        .openline(openline);
                    if let Some(url) = url {
                        update = update.webhook_url(url);
                    }
                    self.portal.run(update).await?;
                    if is_posted {
                        self.after_change_to_posting(&bot).await?;
                    }
                }
                id
            }
            None => {
                self.posts_to_bots |= is_posted;
                self.binds_later |= is_posted;
                if !self.step(Step::RegisterBot { bot: code.clone() }) {
                    for command in bot.commands() {
                        self.step(add(&code, command));
                    }
                    return Ok(None);
                }
                let mut register = imbot_v2::BotRegister::new(code, properties)
                    .kind(profile.kind_word())
                    .event_mode(mode)
                    .hidden(profile.is_hidden())
                    .reactions(profile.has_reactions())
                    .background(profile.background_id())
                    .openline(openline);
                if let Some(url) = url {
                    register = register.webhook_url(url);
                }
                self.portal.run(register).await?.bot.id
            }
        };
        if !is_posted {
            self.note_polled(id).await?;
        }
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
        let before = self.registered(code).await;
        let mut registered = Registered::new();
        for wanted in bot.commands() {
            let is_this = |found: &&CommandInfo| found.name() == wanted.name();
            let now = RegisteredCommand::of(wanted, None);
            let known = before.get(wanted.name());
            let (titles, params) = (now.title.clone(), now.params.clone());
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
                Some(found) if known == Some(&now) && is_same_command(found, wanted) => {}
                Some(found) => {
                    let (bot, command) = (code.to_owned(), wanted.name().to_owned());
                    if self.step(Step::ChangeCommand { bot, command }) {
                        let update = imbot_v2::CommandUpdate::new(id, found.id)
                            .title(with_removals(titles, known))
                            .params(params)
                            .common(wanted.is_common())
                            .hidden(wanted.is_hidden())
                            .extranet_support(wanted.is_for_extranet());
                        self.portal.run(update).await?;
                    }
                }
            }
            registered.insert(wanted.name().to_owned(), now);
        }
        for stray in found {
            if bot
                .commands()
                .iter()
                .any(|spec| spec.name() == stray.name())
            {
                continue;
            }
            if self.step(remove(code, stray.name())) {
                let remove = imbot_v2::CommandUnregister::new(id, stray.id);
                self.portal.run(remove).await?;
            }
        }
        self.note(code, &before, &registered).await;
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

fn remove(bot: &str, command: &str) -> Step {
    Step::RemoveCommand {
        bot: bot.to_owned(),
        command: command.to_owned(),
    }
}

/// Returns the registered commands that the bot does not have any more.
fn strays<'r>(
    registered: &'r Registered,
    bot: &dyn AnyBot,
) -> impl Iterator<Item = (&'r str, &'r RegisteredCommand)> {
    let is_stray = |name: &str| !bot.commands().iter().any(|spec| spec.name() == name);
    let strays = registered.iter().filter(move |(name, _)| is_stray(name));
    strays.map(|(name, command)| (name.as_str(), command))
}

/// Returns the name of the note about a bot's commands.
fn note_name(bot: &str) -> String {
    format!("commands {bot}")
}

/// Adds a null for each language that the command had before and has no more: it removes the
/// translation (protocol/bots-v2.md 7.4).
fn with_removals(
    mut titles: Map<String, Value>,
    before: Option<&RegisteredCommand>,
) -> Map<String, Value> {
    let languages = before.into_iter().flat_map(|before| before.title.keys());
    for language in languages {
        titles.entry(language.as_str()).or_insert(Value::Null);
    }
    titles
}

/// Returns true if the portal shows a command as the bot has it: by language, or in one of its
/// languages.
fn is_same_command(found: &CommandInfo, wanted: &CommandSpec) -> bool {
    let (titles, params) = (wanted.titles(), wanted.all_params());
    let is_shown = |text: &Value, shown: &Value| match shown {
        Value::String(shown) => shown.is_empty() || text == shown,
        _ => true,
    };
    let has_texts = match (&found.title, &found.params) {
        (Value::Object(title), Value::Object(found)) => *title == titles && *found == params,
        (title, found) => titles
            .iter()
            .any(|(language, text)| is_shown(text, title) && is_shown(&params[language], found)),
    };
    has_texts
        && (found.common, found.hidden, found.extranet_support)
            == (
                wanted.is_common(),
                wanted.is_hidden(),
                wanted.is_for_extranet(),
            )
}
