//! Events about messages to a client: `ONIMCONNECTORMESSAGE*` for the connector,
//! `ONOPENLINEMESSAGE*` for all who subscribed.
//!
//! The latter are about "messages to the client through non-livechat connectors"
//! (protocol/server-behaviour.md 6.1).

use serde_json::{Map, Value, json};

use super::connector;
use crate::emulator::clock::{iso, timestamp};
use crate::emulator::events::Tokens;
use crate::emulator::events::params::{append, flag};
use crate::emulator::picture;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::World;
use crate::emulator::world::access::Owner;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::file::File;
use crate::emulator::world::line::connector::Connector;
use crate::emulator::world::line::connector::UserCode;
use crate::emulator::world::message::Message;

impl Transaction<'_> {
    /// Sends a connector a message to deliver to its client.
    pub(crate) fn announce_outgoing(
        &mut self,
        provider: &Connector,
        user_code: &UserCode,
        chat: &Chat,
        message: &Message,
    ) {
        let body = body(self.world, provider, message);
        let item = json!({ "im": im(message), "message": body, "chat": { "id": user_code.chat } });
        self.fire_to_connector("ADD", provider, user_code, &[item]);
        let item_for_lines = json!({
            "connector": connector(user_code),
            "chat": { "id": chat.id },
            "message": {
                "id": message.id,
                "date": iso(timestamp(message.date)),
                "text": message.text,
                "files": files(self.world, message),
                "attach": message.rich.attach,
                "system": flag(message.system),
                "user_id": message.author,
            },
        });
        if provider.app.is_some() {
            let data = json!({ "DATA": [item_for_lines] });
            self.fire_to_all_with("ONOPENLINEMESSAGEADD", &data, Tokens::OfSession);
        }
    }

    /// Sends a connector the new text of a message. `message[id]` is a list.
    pub(crate) fn announce_outgoing_edit(
        &mut self,
        provider: &Connector,
        user_code: &UserCode,
        message: &Message,
    ) {
        let text = signed(self.world, provider, message, "[br] ");
        let item = json!({
            "im": im(message),
            "message": { "id": message.refs.outside.ids, "text": text },
            "chat": { "id": user_code.chat },
        });
        self.fire_to_connector("UPDATE", provider, user_code, &[item]);
        self.fire_to_lines("UPDATE", provider, user_code, message);
    }

    /// Sends a connector a deletion: an item for each id outside.
    pub(crate) fn announce_outgoing_deletion(
        &mut self,
        provider: &Connector,
        user_code: &UserCode,
        message: &Message,
    ) {
        let ids = message.refs.outside.ids.iter();
        let items = ids.map(|id| {
            json!({ "im": im(message), "message": { "id": id }, "chat": { "id": user_code.chat } })
        });
        let items: Vec<Value> = items.collect();
        self.fire_to_connector("DELETE", provider, user_code, &items);
        self.fire_to_lines("DELETE", provider, user_code, message);
    }

    fn fire_to_connector(
        &mut self,
        end: &str,
        provider: &Connector,
        user_code: &UserCode,
        items: &[Value],
    ) {
        let data = json!({
            "CONNECTOR": user_code.connector,
            "LINE": user_code.line,
            "MESSAGES": items,
        });
        if let Some(app) = provider.app.clone() {
            let (event, owner) = (format!("ONIMCONNECTORMESSAGE{end}"), Owner::App(app));
            self.fire(&event, &owner, Tokens::WithoutRefresh, |_| data.clone());
        }
    }

    fn fire_to_lines(
        &mut self,
        end: &str,
        provider: &Connector,
        user_code: &UserCode,
        message: &Message,
    ) {
        let id = message.refs.outside.ids.first();
        let item =
            json!({ "im": im(message), "message": { "id": id }, "chat": { "id": user_code.chat } });
        let data =
            json!({ "CONNECTOR": user_code.connector, "LINE": user_code.line, "DATA": [item] });
        if provider.app.is_some() {
            let event = format!("ONOPENLINEMESSAGE{end}");
            self.fire_to_all_with(&event, &data, Tokens::OfSession);
        }
    }
}

fn im(message: &Message) -> Value {
    json!({ "chat_id": message.chat, "message_id": message.id })
}

/// Returns `message` of an outgoing message. An attachment is sent as it is, and again as text.
fn body(world: &World, provider: &Connector, message: &Message) -> Value {
    let mut body = Map::new();
    let text = signed(world, provider, message, " [br]");
    append(
        &mut body,
        json!({ "user_id": message.author, "text": text }),
    );
    append(&mut body, json!({ "files": files(world, message) }));
    if let Some(attach) = &message.rich.attach {
        let old = json!([attach.to_string()]);
        append(
            &mut body,
            json!({ "attachments": [attach], "attachments_old": old }),
        );
    }
    body.into()
}

/// Returns the text after the author's name, unless the connector wants no names, or there is no
/// author or text.
///
/// The samples break the line behind the name in two ways: ` [br]` in a new message, `[br] ` in an
/// edit.
fn signed(world: &World, provider: &Connector, message: &Message, line_break: &str) -> String {
    let speaker = world.users.get(&message.author);
    match speaker.filter(|_| provider.options.signature && !message.text.is_empty()) {
        Some(user) => format!("[b]{}:[/b]{line_break}{}", user.name(), message.text),
        None => message.text.clone(),
    }
}

fn files(world: &World, message: &Message) -> Vec<Value> {
    let ids = message.refs.files.iter();
    ids.filter_map(|id| world.files.get(*id))
        .map(|one| file(world, one))
        .collect()
}

fn file(world: &World, file: &File) -> Value {
    let link = file.address(world);
    let bytes = file.content.len();
    let mut shown = json!({
        "name": file.name,
        "type": file.kind(),
        "mime": file.media_type(),
        "link": link,
        "downloadLink": link,
        "size": bytes,
        "sizef": format!("{:.2} KB", f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1024.0),
    });
    if let Some((width, height)) = picture::size(&file.content) {
        (shown["width"], shown["height"]) = (width.into(), height.into());
    }
    shown
}
