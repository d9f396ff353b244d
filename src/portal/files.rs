//! Files that a bot sends and reads (`imbot.v2.File.*`; second generation only).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error, Voice};
use crate::event::{DialogId, MessageId};

/// The largest file that the portal takes, in bytes, and the largest that is read.
pub const FILE_BYTES_MAX: usize = 100 * 1024 * 1024;

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Uploaded {
    /// The message that holds it.
    pub message_id: MessageId,
    /// The file.
    pub file: UploadedFile,
}

/// A file as the portal numbers it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct UploadedFile {
    /// Its number on the portal's drive.
    pub id: u64,
    /// Its name; the portal may have changed it.
    #[serde(default)]
    pub name: String,
}

impl Voice {
    /// Sends a file of at most [`FILE_BYTES_MAX`] bytes in a message of its own, with a text beside it or none.
    ///
    /// # Errors
    /// `FILE_EMPTY`, `FILE_TOO_LARGE`, `ACCESS_DENIED`, ….
    pub async fn upload(
        &self,
        dialog: &DialogId,
        name: &str,
        content: &[u8],
        text: Option<&str>,
    ) -> Result<Uploaded, Error> {
        const METHOD: &str = "imbot.v2.File.upload";
        if content.len() > FILE_BYTES_MAX {
            let why = format!("the file has more than {FILE_BYTES_MAX} bytes");
            return Err(Error::forbidden(METHOD, why));
        }
        let mut fields = json!({ "name": name, "content": STANDARD.encode(content) });
        if let Some(text) = text {
            fields["message"] = text.into();
        }
        let params = json!({ "botId": self.bot(), "dialogId": dialog, "fields": fields });
        self.portal().call(METHOD, &params).await
    }

    /// Reads a file that came with a message.
    ///
    /// # Errors
    /// `FILE_NOT_FOUND`, `FILE_ACCESS_ERROR`; the file is larger than [`FILE_BYTES_MAX`]; the portal names an address of
    /// another host.
    pub async fn download(&self, file: u64) -> Result<Bytes, Error> {
        const METHOD: &str = "imbot.v2.File.download";
        let params = json!({ "botId": self.bot(), "fileId": file });
        let answer: Value = self.portal().call(METHOD, &params).await?;
        let address = answer["downloadUrl"]
            .as_str()
            .ok_or_else(|| Error::answer(METHOD, "there is no `downloadUrl`"))?;
        self.portal()
            .download(METHOD, address, FILE_BYTES_MAX)
            .await
    }
}
