//! Events and files of the person as whom the application acts (`im.v2.*`). Pages `api-reference/chats`, scope `im`.

use serde_json::Value;

use super::Success;
use super::imbot_v2::{Download, Upload};
use crate::event::DialogId;

methods! {
    /// Has the person's events kept for the application, for a day. Twice is once.
    EventSubscribe "im.v2.Event.subscribe" () [] -> Success;

    /// Has them kept no more.
    EventUnsubscribe "im.v2.Event.unsubscribe" () [] -> Success;

    /// Tells the person's events, at most 1000 (100), and confirms those before the offset.
    EventGet "im.v2.Event.get" () [offset: u64 = "offset", limit: u64 = "limit"] -> Value;

    /// Sends a file of at most 100 MB, in base64, in a message of its own.
    ///
    /// Errors: `FILE_EMPTY`, `FILE_INVALID_CONTENT`, `FILE_TOO_LARGE`, `CHAT_NOT_FOUND`, `ACCESS_DENIED`, ….
    FileUpload "im.v2.File.upload"
        (dialog: DialogId = "dialogId", name: String = "fields.name", content: String = "fields.content")
        [message: String = "fields.message"] -> Upload;

    /// Tells an address from which a file can be read once.
    ///
    /// Errors: `FILE_NOT_FOUND`, `ACCESS_DENIED`.
    FileDownload "im.v2.File.download" (dialog: DialogId = "dialogId", file: u64 = "fileId") [] -> Download;
}
