//! Sends and reads a bot's files (`imbot.v2.File.*`, v2 only).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::event::DialogId;
use crate::portal::methods::Method;
use crate::portal::methods::imbot_v2;
use crate::portal::methods::imbot_v2::Upload;
use crate::portal::{BotClient, Error, FileContent, FileHeader};

/// Maximum size of a file that is sent or read, in bytes: the portal accepts no more.
pub const FILE_BYTES_MAX: usize = 100 * 1024 * 1024;

impl BotClient {
    /// Sends a file of at most [`FILE_BYTES_MAX`] bytes in a message of its own, with an optional
    /// text.
    ///
    /// # Errors
    /// `FILE_EMPTY`, `FILE_TOO_LARGE`, `ACCESS_DENIED`, and others of the portal; the file has more
    /// than [`FILE_BYTES_MAX`] bytes.
    pub async fn upload(
        &self,
        dialog: &DialogId,
        name: &str,
        content: &[u8],
        text: Option<&str>,
    ) -> Result<Upload, Error> {
        const METHOD: &str = imbot_v2::FileUpload::NAME;
        if content.len() > FILE_BYTES_MAX {
            let why = format!("the file has more than {FILE_BYTES_MAX} bytes");
            return Err(Error::forbidden(METHOD, why));
        }
        let content = STANDARD.encode(content);
        let mut upload = imbot_v2::FileUpload::new(self.bot(), dialog.clone(), name, content);
        if let Some(text) = text {
            upload = upload.message(text);
        }
        self.portal().run(upload).await
    }

    /// Reads a file of a message, with its name and its type.
    ///
    /// # Errors
    /// - `FILE_NOT_FOUND`, `FILE_ACCESS_ERROR`, and others of the portal.
    /// - The file is larger than [`FILE_BYTES_MAX`].
    /// - The portal returned an address of another host.
    pub async fn download(&self, file: u64) -> Result<FileContent, Error> {
        let address = self.address_of(file).await?;
        self.portal()
            .download(METHOD, &address, FILE_BYTES_MAX)
            .await
    }

    /// Reads name, type and size of a file of a message, and not its content.
    ///
    /// # Errors
    /// Those of [`download`](BotClient::download).
    pub async fn file_header(&self, file: u64) -> Result<FileHeader, Error> {
        let address = self.address_of(file).await?;
        self.portal().file_header(METHOD, &address).await
    }

    /// Returns an address from which a file can be read once.
    async fn address_of(&self, file: u64) -> Result<String, Error> {
        let call = imbot_v2::FileDownload::new(self.bot(), file);
        Ok(self.portal().run(call).await?.download_url)
    }
}

/// The method of all downloads, in errors.
const METHOD: &str = imbot_v2::FileDownload::NAME;
