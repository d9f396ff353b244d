//! Installations: believed only when the authorization server confirms them, then bots, commands and hooks are set up.
//!
//! Anybody can post an `ONAPPINSTALL`. What nobody can forge is a refresh token issued to our application: it is exchanged
//! at the configured server, and the portal and its address are taken from that answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::lanes::Next;
use super::{CLAIMS_MAX, Engine, INSTALLS_MAX, Options, Proof, Refused};
use crate::event::{Category, Delivery, catalogue};
use crate::handler::{AnyBot, Pattern};
use crate::portal::{BotFields, CommandFields, Error, Portal};
use crate::store::Installation;

/// Events of the application's own life that it must hear of.
const OWN: &[&str] = &["ONAPPUNINSTALL", "ONAPPUPDATE"];

/// An installation to be proven, and who waits to hear of it.
pub(super) struct Claim {
    proof: Proof,
    answer: oneshot::Sender<Result<(), Refused>>,
}

impl Engine {
    /// Takes in the claim of an installation event.
    pub(super) async fn claim(self: &Arc<Self>, delivery: &Delivery) -> Result<(), Refused> {
        let auth = delivery.auth()?;
        match (auth.member_id, auth.application_token, auth.refresh_token) {
            (Some(portal), Some(application_token), Some(refresh_token)) => {
                let proof = Proof {
                    portal,
                    application_token,
                    refresh_token,
                    event: Some(delivery.clone()),
                };
                self.install(proof).await
            }
            _ => Err(Refused::Unproven),
        }
    }

    /// Takes in the claim of an installation, from an event or an installation page. When it returns `Ok`, it is proven
    /// and written down; what the application needs on the portal is set up afterwards.
    ///
    /// # Errors
    /// [`Refused::Unproven`]; [`Refused::Full`] while [`INSTALLS_MAX`] are being proven; [`Refused::Unreachable`] if the
    /// authorization server is; [`Refused::Store`].
    pub async fn install(self: &Arc<Self>, proof: Proof) -> Result<(), Refused> {
        let is_full = self.installs.waiting() >= INSTALLS_MAX
            || self.installs.waiting_for(&proof.portal) >= CLAIMS_MAX;
        if is_full {
            return Err(Refused::Full);
        }
        let (answer, answered) = oneshot::channel();
        let portal = proof.portal.clone();
        self.installs.push(portal, Claim { proof, answer });
        answered.await.unwrap_or(Err(Refused::Full)) // the program stops
    }

    /// Proves an installation, answers, and sets it up.
    pub(super) async fn prove(self: Arc<Self>, claim: Claim) -> Next<Claim> {
        let Claim { mut proof, answer } = claim;
        let event = proof.event.take();
        let proven = self.believe(proof).await;
        let portal = proven.as_ref().ok().cloned();
        if let (Some(portal), Some(delivery)) = (&portal, event) {
            self.tell_hooks(portal, delivery).await;
        }
        answer.send(proven.map(drop)).ok(); // whoever asked may have gone
        if let Some(portal) = portal {
            self.set_up(&portal).await;
            self.set_ups.send_modify(|done| *done += 1);
        }
        Next::Done
    }

    /// Exchanges the refresh token, and writes the installation down if the answer is of the portal that it claims.
    async fn believe(&self, proof: Proof) -> Result<Portal, Refused> {
        let Options {
            application,
            http,
            store,
            ..
        } = &self.options;
        let grant = match application.refresh(http, &proof.refresh_token).await {
            Ok(grant) if grant.portal == proof.portal => grant,
            Ok(grant) => {
                tracing::warn!(claimed = %proof.portal, proven = %grant.portal, "an installation of another portal is not believed");
                return Err(Refused::Unproven);
            }
            Err(error) => {
                tracing::warn!(claimed = %proof.portal, error = %causes(&error), "an installation is not proven");
                return Err(match error.code() {
                    Some(_) => Refused::Unproven,
                    None => Refused::Unreachable,
                });
            }
        };
        let installation = Installation {
            portal: grant.portal,
            endpoint: grant.endpoint,
            application_token: proof.application_token,
            tokens: grant.tokens,
        };
        store.install(installation.clone()).await?;
        let portal = self.know(installation).await;
        tracing::info!(portal = %portal.id(), endpoint = portal.endpoint(), "installed");
        Ok(portal)
    }

    /// Registers bots and commands, and binds the events of hooks. Each failure is logged; the others go on.
    async fn set_up(&self, portal: &Portal) {
        for bot in &self.bots {
            if let Err(error) = self.register(portal, bot.as_ref()).await {
                tracing::error!(portal = %portal.id(), bot = bot.profile().code(), error = %causes(&error), "the bot is not registered");
            }
        }
        if let Err(error) = self.bind(portal).await {
            tracing::error!(portal = %portal.id(), error = %causes(&error), "the hooks' events are not bound");
        }
    }

    async fn register(&self, portal: &Portal, bot: &dyn AnyBot) -> Result<(), Error> {
        let (profile, url) = (bot.profile(), &self.options.handler_url);
        let flag = |yes| if yes { 'Y' } else { 'N' };
        let fields = BotFields {
            code: profile.code().to_owned(),
            kind: profile.kind_letter(),
            openline: flag(profile.is_for_open_channels()),
            event_handler: url.clone(),
            properties: profile.properties().clone(),
        };
        let id = portal.register_bot(&fields).await?;
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
            portal.register_command(&fields).await?;
        }
        tracing::info!(portal = %portal.id(), bot = profile.code(), bot.id = %id, "the bot is registered");
        Ok(())
    }

    /// Brings the bindings of our address into step with the hooks.
    async fn bind(&self, portal: &Portal) -> Result<(), Error> {
        let url = &self.options.handler_url;
        let ours = |name: &str| {
            !matches!(
                catalogue::category(name),
                Category::Bots | Category::Messenger
            )
        };
        let bound: BTreeSet<String> = portal
            .bindings()
            .await?
            .into_iter()
            .filter(|binding| binding.handler == *url && ours(&binding.event))
            .map(|binding| binding.event.to_ascii_uppercase())
            .collect();
        let wanted = self.wanted(portal).await?;
        let missing: Vec<&str> = wanted.difference(&bound).map(String::as_str).collect();
        let stray: Vec<&str> = bound.difference(&wanted).map(String::as_str).collect();
        let mut refused = portal.bind(&missing, url).await?;
        refused.extend(portal.unbind(&stray, url).await?);
        for (event, error) in refused {
            tracing::warn!(portal = %portal.id(), event, error, "the event is not bound");
        }
        Ok(())
    }

    /// The names of the events that hooks are for. Only patterns need the portal's own list.
    async fn wanted(&self, portal: &Portal) -> Result<BTreeSet<String>, Error> {
        let mut wanted: BTreeSet<String> = OWN.iter().map(|name| (*name).to_owned()).collect();
        let (names, patterns): (Vec<_>, Vec<_>) = self
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
            let offered = portal.event_names().await?;
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

/// An error with its causes, for a log line.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
