//! Conversations, keys and calls as they stand in the tables: numbers to find them by, texts that an operator can read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Fault;
use crate::event::{Api, BotId, DialogId, MemberId};
use crate::store::{CallId, Conversation, EventId, OrderingKey, Redelivery, ReminderId};

const PLACES: u64 = 1 << 16;

/// A call's number in its table.
pub(super) fn call_number(id: CallId) -> u64 {
    id.event.0 * PLACES + u64::from(id.index)
}

/// The call with a number.
pub(super) fn call_id(number: u64) -> CallId {
    let (event, index) = split(number);
    CallId { event, index }
}

/// A reminder's number in its table.
pub(super) fn reminder_number(id: ReminderId) -> u64 {
    id.event.0 * PLACES + u64::from(id.index)
}

fn split(number: u64) -> (EventId, u16) {
    let index = u16::try_from(number % PLACES).expect("a remainder of 65536 fits into 16 bits");
    (EventId(number / PLACES), index)
}

/// What all keys on a portal begin with. A `/` in its name, which no portal has, would be ambiguous.
pub(super) fn portal(portal: &MemberId) -> String {
    let name = portal.as_str();
    if name.contains(['/', '%']) {
        return format!("{}/", name.replace('%', "%25").replace('/', "%2F"));
    }
    format!("{name}/")
}

/// As `portal/bot/dialog`.
pub(super) fn conversation(key: &Conversation) -> String {
    let Conversation {
        portal: id,
        bot,
        dialog,
    } = key;
    format!("{}{bot}/{dialog}", portal(id))
}

/// A chat's as `portal/bot/dialog`, a hook's as `portal/hook/name`, the application's as `portal/application`.
pub(super) fn key(key: &OrderingKey) -> String {
    match key {
        OrderingKey::Chat(key) => conversation(key),
        OrderingKey::Hook { portal: id, hook } => format!("{}hook/{hook}", portal(id)),
        OrderingKey::Application(id) => format!("{}application", portal(id)),
    }
}

/// The key that a text stands for.
pub(super) fn read_key(text: &str) -> Result<OrderingKey, Fault> {
    let key = || {
        let (portal, rest) = text.split_once('/')?;
        let portal = match portal.contains('%') {
            true => MemberId::new(portal.replace("%2F", "/").replace("%25", "%")),
            false => MemberId::new(portal),
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
    key().ok_or_else(|| not_understood("lane", text))
}

/// The conversation that a text stands for.
pub(super) fn read_conversation(text: &str) -> Result<Conversation, Fault> {
    match read_key(text)? {
        OrderingKey::Chat(key) => Ok(key),
        _ => Err(not_understood("conversation", text)),
    }
}

pub(super) fn redelivery(redelivery: Redelivery) -> &'static str {
    match redelivery {
        Redelivery::AtLeastOnce => "resend",
        Redelivery::AtMostOnce => "skip",
        Redelivery::Deduplicated => "once",
    }
}

pub(super) fn read_redelivery(text: &str) -> Result<Redelivery, Fault> {
    match text {
        "resend" => Ok(Redelivery::AtLeastOnce),
        "skip" => Ok(Redelivery::AtMostOnce),
        "once" => Ok(Redelivery::Deduplicated),
        _ => Err(not_understood("doubt", text)),
    }
}

pub(super) fn api(api: Api) -> &'static str {
    match api {
        Api::V1 => "V1",
        Api::V2 => "V2",
    }
}

pub(super) fn read_api(text: &str) -> Result<Api, Fault> {
    match text {
        "V1" => Ok(Api::V1),
        "V2" => Ok(Api::V2),
        _ => Err(not_understood("api", text)),
    }
}

/// A value of ours as JSON. Ours have text keys and no numbers that JSON lacks.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own values can be written as JSON")
}

pub(super) fn read_json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::Text {
        table,
        text: error.to_string(),
    })
}

fn not_understood(table: &'static str, text: &str) -> Fault {
    Fault::Text {
        table,
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::store::sqlite::text::*;

    #[test]
    fn a_lane_reads_back_as_it_was() {
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
            assert_eq!(read_key(&key(&own)).unwrap(), own);
        }
    }

    #[test]
    fn a_call_reads_back_as_it_was() {
        for (event, index) in [(1, 0), (1, u16::MAX), (1 << 40, 3)] {
            let id = CallId {
                event: EventId(event),
                index,
            };
            assert_eq!(call_id(call_number(id)), id);
        }
    }
}
