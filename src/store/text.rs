//! Keys, conversations and calls as they are stored in tables: as texts that an operator can read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::{Api, BotId, DialogId, MemberId};
use crate::store::{Conversation, ListScope, OrderingKey, Redelivery};

/// A stored text that cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{text}` in its table {table} cannot be read; was it changed by hand?")]
pub(super) struct TextError {
    /// The table or column.
    pub(super) table: &'static str,
    /// The text, or why it cannot be read.
    pub(super) text: String,
}

/// Returns the prefix of all keys on a portal. A `/` in its name would be ambiguous and is escaped,
/// although no portal has one.
pub(super) fn portal(portal: &MemberId) -> String {
    let name = portal.as_str();
    if name.contains(['/', '%']) {
        return format!("{}/", name.replace('%', "%25").replace('/', "%2F"));
    }
    format!("{name}/")
}

/// Returns `portal/bot/dialog`.
pub(super) fn conversation(key: &Conversation) -> String {
    let Conversation {
        portal: id,
        bot,
        dialog,
    } = key;
    format!("{}{bot}/{dialog}", portal(id))
}

/// Returns the first and the last text that the key of a part of a dialog, or of a person's own
/// state in it, can have: `portal/bot/dialog/27`. No outside chat of a connector has such.
pub(super) fn parts(key: &Conversation) -> (String, String) {
    if key.connector().is_some() {
        return (String::from("-"), String::new()); // nothing is between the two
    }
    let dialog = conversation(key);
    (format!("{dialog}/"), format!("{dialog}/{}", char::MAX))
}

/// Returns the first and the last text that a key in this scope can have, of those that come after
/// `after` and its parts.
pub(super) fn scope(scope: &ListScope, after: Option<&Conversation>) -> (String, String) {
    let (from, to) = match scope {
        ListScope::All => (String::new(), char::MAX.to_string()),
        // A number follows the portal's name, so hooks and the application are not included.
        ListScope::Portal(id) => (format!("{}0", portal(id)), format!("{}:", portal(id))),
        ListScope::Bot(id, bot) => {
            let bot = format!("{}{bot}/", portal(id));
            (bot.clone(), format!("{bot}{}", char::MAX))
        }
    };
    match after {
        Some(after) => (
            from.max(format!("{}/{}", conversation(after), char::MAX)),
            to,
        ),
        None => (from, to),
    }
}

/// Returns `portal/bot/dialog` for a chat, `portal/hook/name` for a hook, and `portal/application`.
pub(super) fn key(key: &OrderingKey) -> String {
    match key {
        OrderingKey::Chat(key) => conversation(key),
        OrderingKey::Hook { portal: id, hook } => format!("{}hook/{hook}", portal(id)),
        OrderingKey::Application(id) => format!("{}application", portal(id)),
    }
}

/// Parses an ordering key.
pub(super) fn parse_key(text: &str) -> Result<OrderingKey, TextError> {
    let key = || {
        let (portal, rest) = text.split_once('/')?;
        let portal = if portal.contains('%') {
            MemberId::new(portal.replace("%2F", "/").replace("%25", "%"))
        } else {
            MemberId::new(portal)
        };
        Some(match rest.split_once('/') {
            None if rest == "application" => OrderingKey::Application(portal),
            Some(("hook", hook)) => OrderingKey::Hook {
                portal,
                hook: hook.into(),
            },
            Some((bot, dialog)) => {
                let (bot, dialog) = (BotId(bot.parse().ok()?), DialogId::new(dialog));
                OrderingKey::Chat(Conversation {
                    portal,
                    bot,
                    dialog,
                })
            }
            None => return None,
        })
    };
    key().ok_or_else(|| unreadable("lane", text))
}

/// Parses a conversation.
pub(super) fn parse_conversation(text: &str) -> Result<Conversation, TextError> {
    match parse_key(text)? {
        OrderingKey::Chat(key) => Ok(key),
        _ => Err(unreadable("conversation", text)),
    }
}

pub(super) fn redelivery(redelivery: Redelivery) -> &'static str {
    match redelivery {
        Redelivery::AtLeastOnce => "resend",
        Redelivery::AtMostOnce => "skip",
        Redelivery::Deduplicated => "once",
    }
}

pub(super) fn parse_redelivery(text: &str) -> Result<Redelivery, TextError> {
    match text {
        "resend" => Ok(Redelivery::AtLeastOnce),
        "skip" => Ok(Redelivery::AtMostOnce),
        "once" => Ok(Redelivery::Deduplicated),
        _ => Err(unreadable("doubt", text)),
    }
}

pub(super) fn api(api: Api) -> &'static str {
    match api {
        Api::V1 => "V1",
        Api::V2 => "V2",
    }
}

pub(super) fn parse_api(text: &str) -> Result<Api, TextError> {
    match text {
        "V1" => Ok(Api::V1),
        "V2" => Ok(Api::V2),
        _ => Err(unreadable("api", text)),
    }
}

/// Returns one of our values as JSON. Our values have text keys and no numbers that JSON lacks.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own values can be written as JSON")
}

pub(super) fn parse_json<T: DeserializeOwned>(
    table: &'static str,
    text: &str,
) -> Result<T, TextError> {
    serde_json::from_str(text).map_err(|error| TextError {
        table,
        text: error.to_string(),
    })
}

fn unreadable(table: &'static str, text: &str) -> TextError {
    TextError {
        table,
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::store::text::*;

    #[test]
    fn an_ordering_key_is_parsed_back_to_itself() {
        let chat = |portal: &str, dialog: &str| {
            OrderingKey::Chat(Conversation {
                portal: MemberId::new(portal),
                bot: BotId(7),
                dialog: DialogId::from(dialog),
            })
        };
        for own in [
            chat("a1b2", "chat142"),
            chat("a/b%2F%25", "odd/dialog"),
            OrderingKey::Hook {
                portal: MemberId::new("p"),
                hook: "on/deal".into(),
            },
            OrderingKey::Hook {
                portal: MemberId::new("p"),
                hook: "7".into(),
            },
            OrderingKey::Application(MemberId::new("p/application")),
        ] {
            assert_eq!(parse_key(&key(&own)).unwrap(), own);
        }
    }
}
