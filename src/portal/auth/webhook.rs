//! Inbound webhooks: one address that holds all it takes to call a portal.
//!
//! Page `local-integrations/local-webhooks.md`: a person makes it in the portal's developer resources; it acts as that
//! person, within the scopes chosen there, until it is deleted.

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::event::{MemberId, UserId};
use crate::store::{Access, Installation, Webhook};

/// An address is not that of an inbound webhook. The address itself is not told: it is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is no address at all.
    #[error("it does not read as an address; {EXAMPLE}")]
    NotAnAddress,
    /// It has another path.
    #[error("the path is not /rest/USER/CODE/; {EXAMPLE}")]
    NotAWebhook,
}

const EXAMPLE: &str = "an inbound webhook looks like https://example.bitrix24.com/rest/1/abc123/ and is made on the \
                       portal under Developer resources, Other, Inbound webhook";

/// The portal behind the address of an inbound webhook, such as `https://example.bitrix24.com/rest/1/abc123/`. What
/// follows the code, such as a method to try it with, is passed over.
///
/// Such a portal is known by its host, since nothing tells its `member_id`. What tells our bots from those of other
/// programs is made from the code, so it is the same at every start.
///
/// # Errors
/// See [`AddressError`].
pub fn inbound(address: &str) -> Result<Installation, AddressError> {
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
    let bot_token = Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("imbot {host} {code}").as_bytes(),
    );
    let bot_token = bot_token.simple().to_string();
    Ok(Installation {
        endpoint: format!("{}://{host}/rest/", url.scheme()),
        portal: MemberId::new(host),
        application_token: format!("custom{bot_token}").into(),
        access: Access::Webhook(Webhook {
            user,
            code: SecretString::from(code.to_owned()),
            bot_token: bot_token.into(),
        }),
    })
}

/// Adds what a call about bots needs without an application: the token that the bots were registered with.
///
/// It stands in `fields` of `imbot.v2.Bot.register`, at the top of the other calls (bots-v2, section 2); the first
/// generation calls it `CLIENT_ID`.
pub(in crate::portal) fn name_bots(
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
    fn an_address_is_all_it_takes() {
        for address in [
            "https://example.bitrix24.com/rest/7/abc123/",
            " https://example.bitrix24.com/rest/7/abc123\n",
            "https://example.bitrix24.com/rest/7/abc123/profile.json",
        ] {
            let portal = inbound(address).unwrap();
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
    fn other_addresses_are_told_what_one_looks_like_and_are_not_quoted() {
        for address in [
            "example.bitrix24.com",
            "https://example.bitrix24.com/",
            "https://example.bitrix24.com/rest/secret/",
            "https://example.bitrix24.com/rest/one/secret/",
            "https://example.bitrix24.com/stream/7/secret/",
        ] {
            let error = inbound(address).unwrap_err().to_string();
            assert!(
                error.contains("/rest/1/abc123/") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
