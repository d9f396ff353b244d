//! Inbound webhooks: one address that is enough to call a portal.
//!
//! Page `b24restdocs: local-integrations/local-webhooks.md`: a user creates it in the portal's
//! developer resources; it acts as that user, within the scopes chosen there, until it is deleted.

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::event::{MemberId, UserId};
use crate::store::{Access, Installation, Webhook};

/// The address is not that of an inbound webhook. It is not quoted, since it is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is not a URL.
    #[error("not a URL; {EXAMPLE}")]
    NotAnAddress,
    /// It has another path.
    #[error("the path is not /rest/USER/CODE/; {EXAMPLE}")]
    NotAWebhook,
}

const EXAMPLE: &str = "an inbound webhook looks like https://example.bitrix24.com/rest/1/abc123/ and is made on the \
                       portal under Developer resources, Other, Inbound webhook";

/// Returns the portal behind the address of an inbound webhook, such as
/// `https://example.bitrix24.com/rest/1/abc123/`. Anything after the code, such as a method, is
/// ignored.
///
/// Such a portal is identified by the host that it has first, since its `member_id` is not known;
/// the store keeps that name when the portal is renamed. The token that identifies our bots is
/// derived from the code alone, so it is the same at every start and under every host.
///
/// # Errors
/// - [`AddressError::NotAnAddress`]: it is not a URL with a host.
/// - [`AddressError::NotAWebhook`]: its path is not that of an inbound webhook.
pub fn inbound_webhook(address: &str) -> Result<Installation, AddressError> {
    let url = Url::parse(address.trim()).map_err(|_| AddressError::NotAnAddress)?;
    let host = url.host_str().ok_or(AddressError::NotAnAddress)?;
    let mut path = url.path_segments().into_iter().flatten();
    let (Some("rest"), Some(user), Some(code)) = (path.next(), path.next(), path.next()) else {
        return Err(AddressError::NotAWebhook);
    };
    let user: UserId = user.parse().map_err(|_| AddressError::NotAWebhook)?;
    if code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(AddressError::NotAWebhook);
    }
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let webhook = Webhook {
        user,
        code: SecretString::from(code.to_owned()),
        bot_token: bot_token(code),
    };
    Ok(Installation::new(
        MemberId::new(host.clone()),
        format!("{}://{host}/rest/", url.scheme()),
        application_token(&webhook.bot_token),
        Access::Webhook(webhook),
    ))
}

/// Returns the token of the bots that a webhook with this code registers.
fn bot_token(code: &str) -> SecretString {
    derive(&format!("imbot {code}"))
}

/// Returns the token that version 0.1 made: a portal that is renamed would get another one.
fn bot_token_of_host(host: &str, code: &str) -> SecretString {
    derive(&format!("imbot {host} {code}"))
}

fn derive(text: &str) -> SecretString {
    let token = Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes());
    token.simple().to_string().into()
}

/// Returns the token that the events of bots with this token carry
/// (protocol/server-behaviour.md 3.2).
fn application_token(bot_token: &SecretString) -> SecretString {
    format!("custom{}", bot_token.expose_secret()).into()
}

impl Installation {
    /// Returns the same installation with each other token that the bots of this inbound webhook
    /// may have been registered with: that of the code, and those of an earlier version, which
    /// depend on the portal's host. Empty for an application.
    pub(crate) fn with_other_bot_tokens(&self) -> Vec<Self> {
        let Access::Webhook(hook) = &self.access else {
            return Vec::new();
        };
        let code = hook.code.expose_secret();
        let hosts = self.hosts().into_iter().rev();
        let of_hosts = hosts.map(|host| bot_token_of_host(&host, code));
        let is_other =
            |token: &SecretString| token.expose_secret() != hook.bot_token.expose_secret();
        let tokens = [bot_token(code)].into_iter().chain(of_hosts);
        let with = |bot_token: SecretString| {
            let mut other = self.clone();
            other.application_token = application_token(&bot_token);
            let hook = hook.clone();
            other.access = Access::Webhook(Webhook { bot_token, ..hook });
            other
        };
        tokens.filter(is_other).map(with).collect()
    }
}

/// Adds the token that the bots were registered with, which calls about bots need without an
/// application.
///
/// It is in `fields` of `imbot.v2.Bot.register`, and at the top level of the other calls
/// (protocol/bots-v2.md 2); v1 names it `CLIENT_ID`.
pub(in crate::portal) fn add_bot_token(
    method: &str,
    body: &mut Map<String, Value>,
    bot_token: &SecretString,
) {
    let bot_token = bot_token.expose_secret();
    let method = method.to_ascii_lowercase();
    if method == "imbot.v2.bot.register" {
        let fields = body.entry("fields").or_insert_with(|| json!({}));
        if let Some(fields) = fields.as_object_mut() {
            fields.entry("botToken").or_insert_with(|| bot_token.into());
        }
    } else if method.starts_with("imbot.v2.") {
        body.entry("botToken").or_insert_with(|| bot_token.into());
    } else if method.starts_with("imbot.") || method.starts_with("imopenlines.bot.") {
        body.entry("CLIENT_ID").or_insert_with(|| bot_token.into());
    }
}

#[cfg(test)]
mod tests {
    use crate::portal::auth::webhook::*;

    #[test]
    fn an_address_gives_portal_user_and_code() {
        for address in [
            "https://example.bitrix24.com/rest/7/abc123/",
            " https://example.bitrix24.com/rest/7/abc123\n",
            "https://example.bitrix24.com/rest/7/abc123/profile.json",
        ] {
            let portal = inbound_webhook(address).unwrap();
            assert_eq!(portal.portal.as_str(), "example.bitrix24.com");
            assert_eq!(portal.endpoint, "https://example.bitrix24.com/rest/");
            let Access::Webhook(hook) = portal.access else {
                panic!()
            };
            assert_eq!(
                (hook.user, hook.code.expose_secret()),
                (UserId(7), "abc123")
            );
            assert!(hook.bot_token.expose_secret().len() <= 40);
        }
    }

    #[test]
    fn the_token_of_the_bots_does_not_depend_on_the_host() {
        let token = |host: &str| {
            let portal = inbound_webhook(&format!("https://{host}/rest/7/abc123/")).unwrap();
            let Access::Webhook(hook) = portal.access else {
                panic!()
            };
            hook.bot_token.expose_secret().to_owned()
        };
        assert_eq!(token("old.bitrix24.com"), token("new.bitrix24.com"));
    }

    #[test]
    fn tokens_of_an_earlier_version_are_known_for_all_hosts_of_the_portal() {
        let mut portal = inbound_webhook("https://old.bitrix24.com/rest/7/abc123/").unwrap();
        portal.move_to("https://new.bitrix24.com/rest/");
        let others = portal.with_other_bot_tokens();
        let tokens: Vec<&str> = others
            .iter()
            .map(|other| match &other.access {
                Access::Webhook(hook) => hook.bot_token.expose_secret(),
                Access::Tokens(_) => panic!(),
            })
            .collect();
        let expected =
            ["new.bitrix24.com", "old.bitrix24.com"].map(|host| bot_token_of_host(host, "abc123"));
        assert_eq!(tokens, expected.each_ref().map(ExposeSecret::expose_secret));
        assert!(others.iter().zip(tokens).all(|(other, token)| {
            other.application_token.expose_secret() == format!("custom{token}")
        }));
    }

    #[test]
    fn the_error_for_another_address_shows_an_example_and_does_not_quote_it() {
        for address in [
            "example.bitrix24.com",
            "https://example.bitrix24.com/",
            "https://example.bitrix24.com/rest/secret/",
            "https://example.bitrix24.com/rest/one/secret/",
            "https://example.bitrix24.com/stream/7/secret/",
        ] {
            let error = inbound_webhook(address).unwrap_err().to_string();
            assert!(
                error.contains("/rest/1/abc123/") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
