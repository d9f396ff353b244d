//! `File`, attached to a message.

use serde_json::{Value, json};

use crate::emulator::clock::{iso, timestamp};
use crate::emulator::picture;
use crate::emulator::world::World;
use crate::emulator::world::file::File;

/// Returns a file as `imbot.v2.File.upload` prints it.
pub(crate) fn file(world: &World, file: &File) -> Value {
    let author = world.users.get(&file.author).map(|user| user.name());
    json!({
        "id": file.id,
        "chatId": file.chat,
        "date": iso(timestamp(file.date)),
        "type": file.kind(),
        "name": file.name,
        "extension": file.extension(),
        "size": file.content.len(),
        "image": image(file),
        "authorId": file.author,
        "authorName": author.unwrap_or_default(),
        "isTranscribable": false,
        "isVideoNote": false,
        "isVoiceNote": false,
    })
}

/// Returns a file as `im.v2.File.upload` and v1 events print it: with addresses for a person who is
/// logged in.
pub(crate) fn full_file(world: &World, shown: &File) -> Value {
    let address = shown.address(world);
    let mut full = file(world, shown);
    full["status"] = "done".into();
    full["progress"] = 100.into();
    full["urlPreview"] = "".into();
    full["urlShow"] = address.clone().into();
    full["urlDownload"] = address.into();
    full["viewerAttrs"] =
        json!({ "viewer": "", "objectId": shown.id.to_string(), "title": shown.name });
    full["mediaUrl"] = json!({ "preview": { "250": "" } });
    full
}

/// Returns width and height of a picture, `false` for other files.
fn image(file: &File) -> Value {
    let size = (file.kind() == "image").then(|| picture::size(&file.content));
    match size.flatten() {
        Some((width, height)) => json!({ "width": width, "height": height }),
        None => false.into(),
    }
}
