//! Fields that several events share: the acting user and the chat.

use serde_json::{Map, Value, json};

use crate::emulator::world::World;
use crate::emulator::world::chat::Chat;

/// The send flags of a message; events have all of them.
pub(super) const FLAGS: [(&str, &str); 11] = [
    ("PUSH", "Y"),
    ("PUSH_IMPORTANT", "N"),
    ("RECENT_SKIP_AUTHOR", "N"),
    ("CONVERT", "N"),
    ("SKIP_COMMAND", "N"),
    ("SKIP_COUNTER_INCREMENTS", "N"),
    ("SILENT_CONNECTOR", "N"),
    ("SKIP_CONNECTOR", "N"),
    ("IMPORTANT_CONNECTOR", "N"),
    ("NO_SESSION_OL", "N"),
    ("FAKE_RELATION", "0"),
];

/// Adds the fields of a JSON object to another, after the existing ones.
pub(in crate::emulator::events) fn append(fields: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        fields.extend(more);
    }
}

/// Returns `Y` or `N`.
pub(in crate::emulator::events) fn flag(yes: bool) -> &'static str {
    if yes { "Y" } else { "N" }
}

/// Returns `data[USER]` of command and join events; null, which is left out of the form, if there
/// is no user.
pub(super) fn user(world: &World, id: u64) -> Value {
    world.users.get(&id).map_or(Value::Null, |user| {
        json!({
            "ID": user.id,
            "NAME": user.name(),
            "FIRST_NAME": user.first_name,
            "LAST_NAME": user.last_name,
            "WORK_POSITION": user.position,
            "GENDER": user.gender,
        })
    })
}

/// Returns `data[USER]` of message events.
pub(super) fn full_user(world: &World, id: u64) -> Value {
    let mut fields = user(world, id);
    if let Value::Object(fields) = &mut fields {
        let is_guest = flag(world.is_guest(id));
        append(
            fields,
            json!({
                "IS_BOT": flag(world.is_bot(id)),
                "IS_CONNECTOR": is_guest,
                "IS_NETWORK": "N",
                "IS_EXTRANET": is_guest,
            }),
        );
    }
    fields
}

/// Returns the free fields of a chat that belongs to another object of the portal.
pub(super) fn entity_data(chat: &Chat) -> Value {
    let [one, two, three] = &chat.entity_data;
    json!({ "CHAT_ENTITY_DATA_1": one, "CHAT_ENTITY_DATA_2": two, "CHAT_ENTITY_DATA_3": three })
}

/// Returns the chat's type under both names, `MESSAGE_TYPE` and `CHAT_TYPE`.
pub(super) fn chat_types(chat: &Chat) -> Value {
    json!({ "CHAT_TYPE": chat.kind.letter(), "MESSAGE_TYPE": chat.kind.letter() })
}

/// Returns a map of ids to themselves, as in `MENTIONED_LIST` and `BOT_IN_CHAT`.
pub(super) fn ids(list: impl IntoIterator<Item = u64>) -> Value {
    list.into_iter()
        .map(|id| (id.to_string(), Value::from(id)))
        .collect::<Map<_, _>>()
        .into()
}
