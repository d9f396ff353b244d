//! `imbot.v2.File.*` and `im.v2.File.*`: files in chats, of bots and of people.
//! protocol/bots-v2.md 7.6 and protocol/bots-v2.md 8.
//!
//! An upload is a message. A download is a link to `/rest/download.json` on the portal that works
//! once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::access::denied;
use super::registration::text;
use crate::emulator::actions::{Author, Draft};
use crate::emulator::objects;
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::call::{Answer, Call, Method, method};
use crate::emulator::world::chat::Chat;
use crate::emulator::world::dialog::{Address, parse};
use crate::emulator::world::file::File;
use crate::emulator::world::message::Refs;

pub(super) const METHODS: &[Method] = &[
    method("imbot.v2.file.upload", "imbot", upload_as_bot),
    method("imbot.v2.file.download", "imbot", download_as_bot),
    method("im.v2.file.upload", "im", upload),
    method("im.v2.file.download", "im", download),
];

/// Maximum size of a decoded file, in bytes: 100 MB.
const BYTES_MAX: usize = 100 * 1024 * 1024;

fn upload_as_bot(call: &mut Call<'_, '_>) -> Answer {
    call.act_as_own_bot()?;
    let (name, content) = read(&call.content(), BYTES_MAX)?;
    let chat = call.dialog()?;
    let (file, message) = keep(call, &chat, name, content);
    let shown = objects::file(call.tx.world, &file);
    Ok(sent(call, &chat, &shown, message))
}

fn upload(call: &mut Call<'_, '_>) -> Answer {
    let (name, content) = read(&call.content(), BYTES_MAX)?;
    let chat = dialog_of_user(call)?;
    let (file, message) = keep(call, &chat, name, content);
    let shown = objects::full_file(call.tx.world, &file);
    Ok(sent(call, &chat, &shown, message))
}

/// Returns the chat of a person; a missing chat and one without access have different errors.
fn dialog_of_user(call: &mut Call<'_, '_>) -> Result<Chat, Refusal> {
    let dialog_id = call.text_of("dialogId").unwrap_or_default();
    let world = &call.tx.world;
    let exists = match parse(&dialog_id) {
        Some(Address::Chat(chat)) => world.chats.contains_key(&chat),
        Some(Address::User(user)) => world.users.contains_key(&user),
        None => false,
    };
    if exists {
        call.dialog()
    } else {
        Err(Refusal::new("CHAT_NOT_FOUND", "Chat not found"))
    }
}

/// Returns name and content; a blank name and blank content are the same error.
fn read(fields: &Map<String, Value>, bytes_max: usize) -> Result<(String, Bytes), Refusal> {
    let (Some(name), Some(content)) = (text(fields, "name"), text(fields, "content")) else {
        let text = "File name or content is empty";
        return Err(Refusal::new("FILE_EMPTY", text));
    };
    let plain: String = content.split_ascii_whitespace().collect();
    let content = STANDARD
        .decode(plain)
        .map_err(|_| Refusal::new("FILE_INVALID_CONTENT", "Invalid base64 content"))?;
    if content.len() > bytes_max {
        return Err(Refusal::new("FILE_TOO_LARGE", "File is too large"));
    }
    Ok((name, content.into()))
}

/// Stores the file and posts it to the chat.
fn keep(call: &mut Call<'_, '_>, chat: &Chat, name: String, content: Bytes) -> (File, u64) {
    let author = call.tx.user;
    let date = call.tx.world.clock.millis();
    let file = call.tx.world.files.keep(File {
        id: 0,
        chat: chat.id,
        author,
        name,
        content,
        source: String::new(),
        date,
    });
    let refs = Refs {
        files: vec![file.id],
        ..Refs::default()
    };
    let said = text(&call.content(), "message").unwrap_or_default();
    let draft = Draft {
        refs,
        ..Draft::text(Author::User(author), said.trim())
    };
    let message = call.tx.say(chat.id, draft);
    (file, message)
}

fn sent(call: &Call<'_, '_>, chat: &Chat, file: &Value, message: u64) -> super::Reply {
    let dialog = call.tx.world.dialog_id(call.tx.user, chat);
    json!({ "file": file, "messageId": message, "chatId": chat.id, "dialogId": dialog }).into()
}

fn download_as_bot(call: &mut Call<'_, '_>) -> Answer {
    call.act_as_own_bot()?;
    let file = file(call)?;
    let text = "No permission to download the file";
    let refusal = || Refusal::new("FILE_ACCESS_ERROR", text);
    call.tx.my_chat(file.chat).map_err(|_| refusal())?;
    Ok(link(call, "imbot", file.id))
}

fn download(call: &mut Call<'_, '_>) -> Answer {
    let chat = dialog_of_user(call).map_err(|_| denied())?;
    let file = file(call)?;
    if file.chat != chat.id {
        return Err(not_found());
    }
    Ok(link(call, "im", file.id))
}

fn file(call: &Call<'_, '_>) -> Result<File, Refusal> {
    let id = call.id_of("fileId").unwrap_or(0);
    call.tx.world.files.get(id).cloned().ok_or_else(not_found)
}

/// Returns the link in the form that the documentation shows for OAuth callers.
fn link(call: &mut Call<'_, '_>, scope: &str, file: u64) -> super::Reply {
    let token = call.tx.world.files.link(file);
    let endpoint = call.tx.world.endpoint();
    json!({ "downloadUrl": format!("{endpoint}download.json?token={scope}%7C{token}") }).into()
}

fn not_found() -> Refusal {
    Refusal::new("FILE_NOT_FOUND", "File not found")
}

#[cfg(test)]
mod tests {
    use crate::emulator::rest::v2::files::*;

    #[test]
    fn a_file_has_a_name_and_a_content_of_some_size() {
        let cases = [
            (
                json!({ "name": "a.txt", "content": "aGVsbG8=" }),
                Ok("hello"),
            ),
            (
                json!({ "name": "a.txt", "content": "aGVs\nbG8=" }),
                Ok("hello"),
            ),
            (
                json!({ "name": " ", "content": "aGVsbG8=" }),
                Err("FILE_EMPTY"),
            ),
            (json!({ "name": "a.txt", "content": "" }), Err("FILE_EMPTY")),
            (
                json!({ "name": "a.txt", "content": "data:text/plain;base64,aA==" }),
                Err("FILE_INVALID_CONTENT"),
            ),
            (
                json!({ "name": "a.txt", "content": "bG9uZ2Vy" }),
                Err("FILE_TOO_LARGE"),
            ),
        ];
        for (fields, expected) in cases {
            let found = read(fields.as_object().expect("a map"), 5);
            let found = found
                .map(|(_, content)| content)
                .map_err(|refusal| refusal.code().to_owned());
            let expected = expected.map(Bytes::from).map_err(str::to_owned);
            assert_eq!(found, expected, "{fields}");
        }
    }
}
