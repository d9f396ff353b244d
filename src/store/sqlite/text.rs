//! Keys, conversations and calls as they are stored in the tables: as numbers, and as texts that an
//! operator can read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Fault;
use crate::event::{Api, BotId, DialogId, MemberId};
use crate::store::{CallId, Conversation, EventId, OrderingKey, Redelivery, ReminderId};

/// Maximum number of calls, and of reminders, of an event.
const PER_EVENT: u64 = 1 << 16;

/// Returns the number of a call in its table.
pub(super) fn call_number(id: CallId) -> u64 {
    id.event.0 * PER_EVENT + u64::from(id.index)
}

/// Returns the call of a number.
pub(super) fn call_id(number: u64) -> CallId {
    let (event, index) = split(number);
    CallId { event, index }
}

/// Returns the number of a reminder in its table.
pub(super) fn reminder_number(id: ReminderId) -> u64 {
    id.event.0 * PER_EVENT + u64::from(id.index)
}

fn split(number: u64) -> (EventId, u16) {
    let index = u16::try_from(number % PER_EVENT).expect("a remainder of 65536 fits into 16 bits");
    (EventId(number / PER_EVENT), index)
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

/// Returns `portal/bot/dialog` for a chat, `portal/hook/name` for a hook, and `portal/application`.
pub(super) fn key(key: &OrderingKey) -> String {
    match key {
        OrderingKey::Chat(key) => conversation(key),
        OrderingKey::Hook { portal: id, hook } => format!("{}hook/{hook}", portal(id)),
        OrderingKey::Application(id) => format!("{}application", portal(id)),
    }
}

/// Parses an ordering key.
pub(super) fn parse_key(text: &str) -> Result<OrderingKey, Fault> {
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
pub(super) fn parse_conversation(text: &str) -> Result<Conversation, Fault> {
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

pub(super) fn parse_redelivery(text: &str) -> Result<Redelivery, Fault> {
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

pub(super) fn parse_api(text: &str) -> Result<Api, Fault> {
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

pub(super) fn parse_json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::Text {
        table,
        text: error.to_string(),
    })
}

fn unreadable(table: &'static str, text: &str) -> Fault {
    Fault::Text {
        table,
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::store::sqlite::text::*;

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

    #[test]
    fn the_number_of_a_call_gives_the_call_again() {
        for (event, index) in [(1, 0), (1, u16::MAX), (1 << 40, 3)] {
            let id = CallId {
                event: EventId(event),
                index,
            };
            assert_eq!(call_id(call_number(id)), id);
        }
    }
}
