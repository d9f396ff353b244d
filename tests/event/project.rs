//! The decoder's output, in the terms of the fixtures.

use imbot::event::{
    Api, AppEvent, Auth, BotRef, ChatEvent, ChatEventKind, Command, CommandFrom, DecodeError,
    Delivery, Event, Message, Node, Page, Source, User,
};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

pub(super) fn page_facts(page: &Page) -> Value {
    let events: Vec<Value> = page
        .events
        .iter()
        .map(|event| delivery_facts(event).unwrap())
        .collect();
    json!({ "api": "v2", "delivery": "fetch", "next_offset": page.next_offset, "has_more": page.has_more, "events": events })
}

pub(super) fn delivery_facts(delivery: &Delivery) -> Result<Value, DecodeError> {
    let auth = delivery.auth()?;
    let mut facts = Map::new();
    let mut put = |key: &str, value: Value| facts.insert(key.to_owned(), value);
    put(
        "delivery",
        json!(if delivery.source == Source::Fetch {
            "fetch"
        } else {
            "webhook"
        }),
    );
    put(
        "event",
        json!(
            delivery
                .at(&["event"])
                .or(delivery.at(&["type"]))
                .and_then(Node::text)
        ),
    );
    put("event_code", json!(delivery.name));
    put("event_handler_id", json!(delivery.handler_id));
    put("event_id", json!(delivery.event_id));
    put("ts", json!(delivery.ts));
    put("date", json!(delivery.date));
    put("auth", auth_facts(&auth));
    put(
        "can_verify_by_application_token",
        json!(auth.application_token.is_some()),
    );
    put("data", delivery.data().map_or(Value::Null, Node::to_json));
    let events = delivery.events()?;
    put("api", json!(api(delivery, &events[0])));
    facts.extend(event_facts(delivery, &events)?);
    Ok(Value::Object(facts))
}

fn api(delivery: &Delivery, event: &Event) -> &'static str {
    use imbot::event::Category;
    match (delivery.api(), event, delivery.category) {
        (Some(Api::V1), ..) => "v1",
        (Some(Api::V2), ..) => "v2",
        (_, Event::App(_), _) | (.., Category::Application) => "app",
        (.., Category::Connectors) => "connector",
        (.., Category::OpenChannels) => "openlines",
        _ => "other",
    }
}

fn auth_facts(auth: &Auth) -> Value {
    json!({
        "domain": auth.domain, "member_id": auth.member_id, "client_endpoint": auth.client_endpoint,
        "server_endpoint": auth.server_endpoint, "status": auth.status, "user_id": auth.user_id, "scope": auth.scope,
        "expires": auth.expires, "expires_in": auth.expires_in,
        "application_token": auth.application_token.as_ref().map(ExposeSecret::expose_secret),
        "has_access_token": auth.access_token.is_some(), "has_refresh_token": auth.refresh_token.is_some(),
    })
}

fn event_facts(delivery: &Delivery, events: &[Event]) -> Result<Map<String, Value>, DecodeError> {
    let facts = match &events[0] {
        Event::Removed(bot) => {
            let bot_facts = bot_facts(delivery, bot)?;
            json!({ "deleted_bot": { "id": bot.id, "code": bot.code }, "bot": bot_facts, "dialog_id": null, "user": null })
        }
        Event::Chat(event) if delivery.api() == Some(Api::V1) => v1_facts(delivery, event, events)?,
        Event::Chat(event) => v2_facts(delivery, event)?,
        Event::App(AppEvent::Settings { reason, values }) => {
            json!({ "settings": { "reason": reason, "values": values } })
        }
        _ => json!({}),
    };
    Ok(facts.as_object().unwrap().clone())
}

/// A bot with its tokens in the delivery.
fn bot_facts(delivery: &Delivery, bot: &BotRef) -> Result<Value, DecodeError> {
    let raw = |key| delivery.at(&["data", "bot", key]).and_then(Node::text);
    let auth = delivery.bot_auth(bot)?;
    let token = auth
        .as_ref()
        .and_then(|auth| auth.application_token.as_ref());
    Ok(json!({
        "id": bot.id, "code": bot.code, "has_access_token": auth.is_some(), "type": raw("type"),
        "event_mode": raw("eventMode"), "auth_application_token": token.map(ExposeSecret::expose_secret),
    }))
}

fn v1_facts(
    delivery: &Delivery,
    event: &ChatEvent,
    events: &[Event],
) -> Result<Value, DecodeError> {
    let (mut bots, mut commands) = (Vec::new(), Vec::new());
    for event in events {
        let Event::Chat(event) = event else {
            unreachable!()
        };
        let bot = event.bot.as_ref().unwrap();
        let facts = bot_facts(delivery, bot)?;
        match &event.kind {
            ChatEventKind::Command(command) => commands.push(json!({
                "id": command.id, "command": command.name, "params": command.params, "message_id": command.message,
                "context": context(command), "bot_id": bot.id, "bot_code": bot.code,
                "has_access_token": facts["has_access_token"],
            })),
            _ => bots.push(facts),
        }
    }
    for list in [&mut bots, &mut commands] {
        list.sort_by_key(|item| item["id"].as_u64());
    }
    let mut facts = json!({
        "bots": bots, "commands": commands, "dialog_id": event.dialog, "is_group": event.dialog.is_group(),
        "language": event.language, "chat_type": event.chat.kind.letter(), "message_type": event.chat.kind.letter(),
        "chat_id": event.chat.id, "from_user_id": event.from, "to_user_id": event.to_user, "author_id": event.author,
        "to_chat_id": event.to_chat, "user": event.user.as_ref().map(user_facts),
        "chat_entity": event.chat.entity.as_ref().map(|entity| json!({
            "type": entity.kind, "id": entity.id, "data_1": entity.data[0], "data_2": entity.data[1], "data_3": entity.data[2],
        })),
    });
    let said = match &event.kind {
        ChatEventKind::Message(message) | ChatEventKind::Edited(message) => json!({
            "message_id": message.id, "text": message.raw_text(), "text_original": message.original,
            "mentions": message.mentions, "system": message.system, "reply_to": message.reply_to,
            "uuid": message.uuid, "files": message.files,
        }),
        ChatEventKind::Deleted(deleted) => {
            json!({ "message_id": deleted.id, "text": deleted.notice, "text_original": null, "mentions": [], "system": null })
        }
        ChatEventKind::Command(command) => json!({
            "message_id": command.message, "text": command.text, "text_original": null, "mentions": [],
            "system": delivery.at(&["data", "PARAMS", "SYSTEM"]).and_then(Node::flag), "bots_in_chat": command.bots_in_chat,
        }),
        ChatEventKind::Join(join) => json!({ "join": {
            "bot_id": event.bot.as_ref().unwrap().id, "user_id": join.user,
            "access_history": join.access_history.map(u8::from), "silent": join.silent,
        }}),
        ChatEventKind::Opened(context) => json!({ "context": context }),
        _ => json!({}),
    };
    facts
        .as_object_mut()
        .unwrap()
        .extend(said.as_object().unwrap().clone());
    Ok(facts)
}

fn context(command: &Command) -> &str {
    match &command.from {
        CommandFrom::Text => "TEXTAREA",
        CommandFrom::Keyboard => "KEYBOARD",
        CommandFrom::Menu => "MENU",
        CommandFrom::Other(word) => word,
        _ => unreachable!(),
    }
}

fn user_facts(user: &User) -> Value {
    json!({
        "id": user.id, "name": user.name, "first_name": user.first_name, "last_name": user.last_name,
        "work_position": user.work_position, "gender": user.gender, "is_bot": user.is_bot, "bot": user.is_bot,
        "is_connector": user.is_connector, "connector": user.is_connector, "is_network": user.is_network,
        "is_extranet": user.is_extranet, "extranet": user.is_extranet, "active": user.active,
        "departments": user.departments, "type": user.kind,
    })
}

fn v2_facts(delivery: &Delivery, event: &ChatEvent) -> Result<Value, DecodeError> {
    let chat = &event.chat;
    let entity = chat.entity.as_ref();
    let bot = event
        .bot
        .as_ref()
        .map(|bot| bot_facts(delivery, bot))
        .transpose()?;
    let mut facts = json!({
        "bot": bot, "dialog_id": event.dialog, "is_group": event.dialog.is_group(), "language": event.language,
        "chat": {
            "id": chat.id, "type": delivery.at(&["data", "chat", "type"]).and_then(Node::text), "name": chat.title,
            "owner": chat.owner, "kind": chat.kind, "entity_type": entity.map(|entity| &entity.kind), "entity_id": entity.map(|entity| &entity.id),
            "entity_data_1": entity.map(|entity| &entity.data[0]), "entity_data_2": entity.map(|entity| &entity.data[1]),
        },
        "user": event.user.as_ref().map(user_facts),
    });
    assert_eq!(
        chat.kind.letter().is_some(),
        facts["chat"]["type"].is_string(),
        "a documented type has a name"
    );
    let said = match &event.kind {
        ChatEventKind::Message(message) | ChatEventKind::Edited(message) => {
            json!({ "message": message_facts(event, message) })
        }
        ChatEventKind::Deleted(deleted) => json!({ "message_id": deleted.id }),
        ChatEventKind::Command(command) => json!({
            "command": {
                "id": command.id, "command": format!("/{}", command.name), "params": command.params,
                "context": context(command).to_lowercase(),
            },
            "message": raw_message(delivery),
        }),
        ChatEventKind::Opened(context) => json!({ "context": context }),
        ChatEventKind::Reaction(reaction) => json!({
            "reaction": reaction.reaction, "action": if reaction.added { "add" } else { "delete" },
            "message": raw_message(delivery),
        }),
        _ => json!({}),
    };
    facts
        .as_object_mut()
        .unwrap()
        .extend(said.as_object().unwrap().clone());
    Ok(facts)
}

fn message_facts(event: &ChatEvent, message: &Message) -> Value {
    json!({
        "id": message.id, "text": message.raw_text(), "chat_id": event.chat.id, "author_id": event.author,
        "is_system": message.system, "viewed_by_others": message.viewed_by_others, "date": message.date,
        "reply_to": message.reply_to, "forwarded": message.forwarded, "uuid": message.uuid,
        "files": message.files.iter().map(|file| file.id).collect::<Vec<_>>(),
    })
}

/// The message of a command or a reaction: bots need its id only, so the rest stays in the tree.
fn raw_message(delivery: &Delivery) -> Value {
    let node = |key| delivery.at(&["data", "message", key]);
    let number = |key| node(key).and_then(|node| node.number::<u64>().unwrap());
    json!({
        "id": number("id"), "chat_id": number("chatId"), "author_id": number("authorId"),
        "text": node("text").and_then(Node::text), "is_system": node("isSystem").and_then(Node::flag),
        "viewed_by_others": node("viewedByOthers").and_then(Node::flag), "date": node("date").and_then(Node::text),
    })
}
