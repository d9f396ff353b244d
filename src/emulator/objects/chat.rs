//! `Chat`, as one of its members sees it.

use serde_json::{Value, json};

use crate::emulator::clock::{iso, timestamp};
use crate::emulator::world::World;
use crate::emulator::world::chat::{Chat, ChatType};
use crate::emulator::world::color;

/// Returns a chat as events print it: without `role` and `muteList`, which depend on the viewer.
///
/// `dialogId` is the viewer's id for it. A private dialog has no name, as in the documentation's
/// sample of `ONIMBOTV2CONTEXTGET`.
pub(crate) fn chat(world: &World, viewer: u64, chat: &Chat) -> Value {
    json!({
        "id": chat.id,
        "dialogId": world.dialog_id(viewer, chat),
        "name": chat.title,
        "type": word(chat),
        "messageType": chat.kind.letter(),
        "owner": chat.owner,
        "color": color::hex(&chat.color),
        "avatar": "",
        "description": chat.description,
        "extranet": false,
        "containsCollaber": false,
        "entityType": chat.entity_type,
        "entityId": chat.entity_id,
        "entityData1": chat.entity_data[0],
        "entityData2": chat.entity_data[1],
        "entityData3": chat.entity_data[2],
        "entityLink": {},
        "diskFolderId": null,
        "permissions": permissions(chat),
        "parentChatId": 0,
        "parentMessageId": 0,
        "isNew": false,
        "textFieldEnabled": chat.text_field,
        "backgroundId": null,
    })
}

/// Returns a chat as methods print it: with the fields that depend on the viewer, and with counts.
pub(crate) fn chat_in_answer(world: &World, viewer: u64, shown: &Chat) -> Value {
    let last = shown.messages.back().copied();
    let read = shown.read.get(&viewer).copied();
    let managers: Vec<u64> = shown.managers.iter().copied().collect();
    let more = json!({
            "role": role(shown, viewer),
            "muteList": [],
            "dateCreate": iso(timestamp(shown.created)),
            "lastMessageId": last,
            "lastId": read,
            "managerList": managers,
            "messageCount": shown.messages.len(),
            "userCounter": shown.members.len(),
            "unreadId": 0,
            "lastMessageViews": { "messageId": last, "firstViewers": [], "countOfViewers": 0 },
            "markedId": 0,
            "public": "",
    });
    let mut answer = chat(world, viewer, shown);
    for (key, value) in more.as_object().into_iter().flatten() {
        answer[key] = value.clone();
    }
    answer
}

fn role(chat: &Chat, viewer: u64) -> &'static str {
    match () {
        () if chat.owner == viewer => "owner",
        () if chat.managers.contains(&viewer) => "manager",
        () if chat.has(viewer) => "member",
        () => "none",
    }
}

fn word(chat: &Chat) -> &'static str {
    match chat.kind {
        ChatType::Line => "lines",
        _ if chat.is_line() => "lines",
        ChatType::Private => "private",
        ChatType::Group => "chat",
        ChatType::Open => "open",
    }
}

/// Returns the lowest role for each action; empty for private dialogs.
fn permissions(chat: &Chat) -> Value {
    if chat.is_private() {
        return json!({});
    }
    json!({
        "manageUsersAdd": "member",
        "manageUsersDelete": "manager",
        "manageUi": "member",
        "manageSettings": "owner",
        "manageMessages": "member",
        "manageMessagesAutoDelete": "manager",
        "manageGuestInvites": "manager",
        "manageDelete": "owner",
        "canPost": "member",
    })
}
