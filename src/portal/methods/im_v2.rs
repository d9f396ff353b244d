//! Events and files of the calling user (`im.v2.*`). Pages `api-reference/chats`, scope `im`.

use serde_json::Value;

use super::Success;
use super::imbot_v2::{Download, Upload};
use crate::event::DialogId;

methods! {
    /// Keeps the user's events for the application, for a day each. Calling it again has no effect.
    EventSubscribe "im.v2.Event.subscribe" () [] -> Success;

    /// Stops keeping the user's events.
    EventUnsubscribe "im.v2.Event.unsubscribe" () [] -> Success;

    /// Returns the user's events, at most 1000 (default 100), and confirms those before the offset.
    EventGet "im.v2.Event.get" () [offset: u64 = "offset", limit: u64 = "limit"] -> Value;

    /// Sends a file of at most 100 MB, in base64, in a message of its own.
    ///
    /// Errors: `FILE_EMPTY`, `FILE_INVALID_CONTENT`, `FILE_TOO_LARGE`, `CHAT_NOT_FOUND`,
    /// `ACCESS_DENIED`, ….
    FileUpload "im.v2.File.upload"
        (dialog: DialogId = "dialogId", name: String = "fields.name", content: String = "fields.content")
        [message: String = "fields.message"] -> Upload;

    /// Returns an address from which a file can be read once.
    ///
    /// Errors: `FILE_NOT_FOUND`, `ACCESS_DENIED`.
    FileDownload "im.v2.File.download" (dialog: DialogId = "dialogId", file: u64 = "fileId") [] -> Download;
}
