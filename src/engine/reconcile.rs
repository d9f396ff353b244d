//! Bringing a portal into step with the program: bots, their commands, and the events that hooks are for.
//!
//! What is missing is registered, what differs is updated, and commands and bindings of ours that nobody wants any more
//! are removed. Doing it twice changes nothing. A bot that is on the portal and not in the program stays, since its private
//! chats would go with it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::time::sleep;

use super::Engine;
use super::install::causes;
use super::poll::PAUSE_MAX;
use super::retry::pause;
use crate::event::{Api, BotId, BotRef, Category, MemberId, catalogue};
use crate::handler::{AnyBot, CommandSpec, EventMode, Pattern};
use crate::portal::{BotFields, CommandFields, CommandInfo, Error, NewBot, NewCommand, Portal};
use crate::store::Access;

/// Events of the application's own life that it must hear of.
const OWN: &[&str] = &["ONAPPUNINSTALL", "ONAPPUPDATE"];

/// How many portals are brought into step at once.
const AT_ONCE: usize = 16;

/// What a portal lacks, or has too much.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A bot is registered.
    RegisterBot {
        /// Its code.
        bot: String,
    },
    /// A bot is given its profile and the way to its events anew: the portal does not tell what it has.
    UpdateBot {
        /// Its code.
        bot: String,
        /// Its number.
        id: BotId,
    },
    /// A command is registered.
    AddCommand {
        /// The bot's code.
        bot: String,
        /// The command's name.
        command: String,
    },
    /// A command is changed.
    ChangeCommand {
        /// The bot's code.
        bot: String,
        /// The command's name.
        command: String,
    },
    /// A command that the bot does not know any more is removed.
    RemoveCommand {
        /// The bot's code.
        bot: String,
        /// The command's name.
        command: String,
    },
    /// A bot is removed, and its private chats with it.
    RemoveBot {
        /// Its code.
        bot: String,
        /// Its number.
        id: BotId,
    },
    /// An event is bound, for a hook.
    Bind {
        /// Its name.
        event: String,
    },
    /// An event that no hook is for any more is unbound.
    Unbind {
        /// Its name.
        event: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::RegisterBot { bot } => write!(f, "register the bot {bot}"),
            Step::UpdateBot { bot, id } => write!(f, "update the bot {bot} ({id})"),
            Step::AddCommand { bot, command } => write!(f, "add /{command} to the bot {bot}"),
            Step::ChangeCommand { bot, command } => write!(f, "change /{command} of the bot {bot}"),
            Step::RemoveCommand { bot, command } => {
                write!(f, "remove /{command} from the bot {bot}")
            }
            Step::RemoveBot { bot, id } => {
                write!(f, "remove the bot {bot} ({id}) and its private chats")
            }
            Step::Bind { event } => write!(f, "bind {event}"),
            Step::Unbind { event } => write!(f, "unbind {event}"),
        }
    }
}

/// Whether steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are only told.
    DryRun,
    /// They are taken.
    Apply,
}

/// What was found on a portal, and what is done about it.
struct Reconciliation<'e> {
    engine: &'e Engine,
    portal: &'e Portal,
    mode: Mode,
    steps: Vec<Step>,
}

impl Engine {
    /// Brings a portal into step, or only tells what would be done, and tells the steps.
    ///
    /// # Errors
    /// The portal's refusal; the steps before it are done.
    pub async fn register(&self, portal: &Portal, mode: Mode) -> Result<Vec<Step>, Error> {
        let mut work = Reconciliation::new(self, portal, mode);
        for bot in &self.bots {
            work.bot(bot.as_ref()).await?;
        }
        work.bindings().await?;
        Ok(work.steps)
    }

    /// Removes the bots of this program from a portal, and with them their private chats, or only tells what would be
    /// removed.
    ///
    /// # Errors
    /// The portal's refusal; the steps before it are done.
    pub async fn unregister(&self, portal: &Portal, mode: Mode) -> Result<Vec<Step>, Error> {
        let mut work = Reconciliation::new(self, portal, mode);
        for bot in &self.bots {
            work.remove(bot.as_ref()).await?;
        }
        Ok(work.steps)
    }

    /// Brings all portals into step that are known, and begins to poll for the bots whose events are polled. When it
    /// returns, each has been tried once: it tells the portals that refused for good. Those that could not be reached are
    /// tried again beside.
    pub async fn reconcile(self: &Arc<Self>) -> Vec<(MemberId, Error)> {
        let portals: Vec<Portal> = self
            .portals
            .iter()
            .map(|known| known.portal.clone())
            .collect();
        let tries = portals.into_iter().map(async |portal| {
            let error = self.bring_into_step(&portal).await.err()?;
            if error.may_pass_later() {
                self.reconcile_later(portal);
                return None;
            }
            Some((portal.id().clone(), error))
        });
        stream::iter(tries)
            .buffer_unordered(AT_ONCE)
            .filter_map(async |refused| refused)
            .collect()
            .await
    }

    /// Tries a portal again and again that could not be reached.
    fn reconcile_later(self: &Arc<Self>, portal: Portal) {
        let (weak, stopped) = (Arc::downgrade(self), self.stopped.clone());
        self.tasks.spawn(async move {
            for failures in 1.. {
                let wait = pause(failures.into(), failures).min(PAUSE_MAX);
                if stopped.run_until_cancelled(sleep(wait)).await.is_none() {
                    return;
                }
                let Some(engine) = weak.upgrade() else { return };
                match engine.bring_into_step(&portal).await {
                    Err(error) if error.may_pass_later() => {}
                    _ => return,
                }
            }
        });
    }

    /// Brings a portal into step. Each failure is logged; the others go on.
    pub(super) async fn bring_into_step(self: &Arc<Self>, portal: &Portal) -> Result<(), Error> {
        let mut first = Ok(());
        let mut work = Reconciliation::new(self, portal, Mode::Apply);
        for bot in &self.bots {
            match work.bot(bot.as_ref()).await {
                Ok(Some(id)) => {
                    let code = bot.profile().code().to_owned();
                    tracing::info!(portal = %portal.id(), bot = code, bot.id = %id, "the bot is registered");
                    if self.event_mode(bot.as_ref()) == Some(EventMode::Fetch) {
                        self.begin_to_poll(portal.clone(), BotRef { id, code });
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(portal = %portal.id(), bot = bot.profile().code(), error = %causes(&error), "the bot is not registered");
                    first = first.and(Err(error));
                }
            }
        }
        if let Err(error) = work.bindings().await {
            tracing::error!(portal = %portal.id(), error = %causes(&error), "the hooks' events are not bound");
            first = first.and(Err(error));
        }
        first
    }
}

impl<'e> Reconciliation<'e> {
    fn new(engine: &'e Engine, portal: &'e Portal, mode: Mode) -> Reconciliation<'e> {
        Reconciliation {
            engine,
            portal,
            mode,
            steps: Vec::new(),
        }
    }

    /// Notes a step, and says whether it is to be done.
    fn step(&mut self, step: Step) -> bool {
        tracing::debug!(portal = %self.portal.id(), "{step}");
        self.steps.push(step);
        self.mode == Mode::Apply
    }

    /// Brings a bot and its commands into step. Nothing comes back where it is not registered.
    async fn bot(&mut self, bot: &dyn AnyBot) -> Result<Option<BotId>, Error> {
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

    async fn remove(&mut self, bot: &dyn AnyBot) -> Result<(), Error> {
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

    /// Brings the bindings of our address into step with the hooks. Only applications have any.
    async fn bindings(&mut self) -> Result<(), Error> {
        let is_application = matches!(self.portal.access().await, Access::Tokens(_));
        let Some(url) = self
            .engine
            .options
            .handler_url
            .clone()
            .filter(|_| is_application)
        else {
            if !self.engine.hooks.is_empty() {
                tracing::warn!(portal = %self.portal.id(), "no events are bound for the hooks: that takes an application (client id and secret) with a public address");
            }
            return Ok(());
        };
        let ours = |name: &str| {
            !matches!(
                catalogue::category(name),
                Category::Bots | Category::Messenger
            )
        };
        let bound: BTreeSet<String> = self
            .portal
            .bindings()
            .await?
            .into_iter()
            .filter(|binding| binding.handler == url && ours(&binding.event))
            .map(|binding| binding.event.to_ascii_uppercase())
            .collect();
        let wanted = self.wanted().await?;
        let mut missing: Vec<&str> = wanted.difference(&bound).map(String::as_str).collect();
        let mut stray: Vec<&str> = bound.difference(&wanted).map(String::as_str).collect();
        missing.retain(|event| {
            self.step(Step::Bind {
                event: (*event).to_owned(),
            })
        });
        stray.retain(|event| {
            self.step(Step::Unbind {
                event: (*event).to_owned(),
            })
        });
        let mut refused = self.portal.bind(&missing, &url).await?;
        refused.extend(self.portal.unbind(&stray, &url).await?);
        for (event, error) in refused {
            tracing::warn!(portal = %self.portal.id(), event, error, "the event is not bound");
        }
        Ok(())
    }

    /// The names of the events that hooks are for. Only patterns need the portal's own list.
    async fn wanted(&self) -> Result<BTreeSet<String>, Error> {
        let mut wanted: BTreeSet<String> = OWN.iter().map(|name| (*name).to_owned()).collect();
        let (names, patterns): (Vec<_>, Vec<_>) = self
            .engine
            .hooks
            .iter()
            .map(|hook| &hook.pattern)
            .partition(|pattern| matches!(pattern, Pattern::Name(_)));
        wanted.extend(names.into_iter().filter_map(|pattern| match pattern {
            Pattern::Name(name) => Some(name.clone()),
            _ => None,
        }));
        if !patterns.is_empty() {
            let fits = |name: &String| {
                let category = catalogue::category(name);
                category != Category::Bots
                    && category != Category::Messenger
                    && patterns
                        .iter()
                        .any(|pattern| pattern.matches(name, category))
            };
            let offered = self.portal.event_names().await?;
            wanted.extend(
                offered
                    .iter()
                    .map(|name| name.to_ascii_uppercase())
                    .filter(fits),
            );
        }
        Ok(wanted)
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
