//! Reads files from one-time addresses of the portal.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap};
use reqwest::{Response, Url};

use super::client::Http;
use crate::event::File;
use crate::portal::Error;

/// A file that was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FileContent {
    /// Its name and type, as the portal sent them with the content.
    pub header: FileHeader,
    /// The content.
    pub content: Bytes,
}

impl FileContent {
    /// Returns the name, from an untrusted source: never use it as a path. Empty if the portal did
    /// not send it.
    pub fn name(&self) -> &str {
        &self.header.name
    }
}

/// What the portal sends with a file's content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileHeader {
    /// The file's name, from an untrusted source: never use it as a path. Empty if it is missing.
    pub name: String,
    /// The media type, such as `image/png`. Empty if it is missing.
    pub media_type: String,
    /// The size in bytes, if it was sent.
    pub size: Option<u64>,
}

impl FileHeader {
    /// Returns the file with the fields filled that its event left empty.
    pub fn describe(&self, file: File) -> File {
        let mut described = file;
        if described.name.is_empty() {
            self.name.clone_into(&mut described.name);
        }
        if described.kind.is_empty() {
            self.kind().clone_into(&mut described.kind);
        }
        if described.size == 0 {
            described.size = self.size.unwrap_or_default();
        }
        described
    }

    /// Returns the portal's word for the type: `image`, `video`, `audio` or `file`
    /// (protocol/bots-v2.md 6.5).
    pub fn kind(&self) -> &str {
        match self.media_type.split('/').next() {
            Some(kind @ ("image" | "video" | "audio")) => kind,
            _ => "file",
        }
    }
}

impl FileHeader {
    fn read(headers: &HeaderMap) -> Self {
        let text = |name| {
            let value = headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let media_type = text(CONTENT_TYPE).unwrap_or_default();
        Self {
            name: text(CONTENT_DISPOSITION)
                .and_then(|disposition| file_name(&disposition))
                .unwrap_or_default(),
            media_type: media_type
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase(),
            size: None,
        }
    }
}

/// Returns the file's name in a `Content-Disposition`: `filename*`, or else `filename`.
fn file_name(disposition: &str) -> Option<String> {
    let value = |key: &str| {
        let at = disposition.to_ascii_lowercase().find(key)?;
        Some(disposition[at + key.len()..].trim_start())
    };
    let encoded = || {
        let (_, name) = value("filename*=")?.split_once("''")?;
        let name = name.split(';').next()?.trim().trim_matches('"');
        Some(percent_decode_str(name).decode_utf8_lossy().into_owned())
    };
    let plain = || {
        let name = value("filename=")?;
        let name = match name.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => name.split(';').next()?.trim(),
        };
        Some(name.to_owned())
    };
    encoded().or_else(plain).filter(|name| !name.is_empty())
}

impl Http {
    /// GETs a file of at most `limit` bytes.
    pub(in crate::portal) async fn download(
        &self,
        method: &str,
        address: &str,
        endpoint: &str,
        limit: usize,
    ) -> Result<FileContent, Error> {
        let (mut header, response) = self.open_file(method, address, endpoint).await?;
        let content = self.body(method, response, limit).await.map(Bytes::from)?;
        header.size = Some(content.len() as u64);
        Ok(FileContent { header, content })
    }

    /// GETs a file's name, type and size, and not its content.
    pub(in crate::portal) async fn file_header(
        &self,
        method: &str,
        address: &str,
        endpoint: &str,
    ) -> Result<FileHeader, Error> {
        let (header, _) = self.open_file(method, address, endpoint).await?;
        Ok(header)
    }

    /// Begins to GET a file from a one-time address, which must be on the portal's host.
    async fn open_file(
        &self,
        method: &str,
        address: &str,
        endpoint: &str,
    ) -> Result<(FileHeader, Response), Error> {
        let url = self.check_address(method, address)?;
        let is_same = Url::parse(endpoint).is_ok_and(|portal| portal.origin() == url.origin());
        if !is_same {
            let why = "the file is on another host than the portal";
            return Err(Error::forbidden(method, why.to_owned()));
        }
        let response = self.get_file(method, url, endpoint).await?;
        let status = response.status().as_u16();
        if status != 200 {
            let why = format!("status {status} instead of the file");
            return Err(Error::answer(method, why));
        }
        let header = FileHeader {
            size: response.content_length(),
            ..FileHeader::read(response.headers())
        };
        Ok((header, response))
    }
}

#[cfg(test)]
mod tests {
    use crate::portal::http::file::*;

    #[test]
    fn the_name_of_a_file_is_read_in_its_two_forms() {
        let cases = [
            ("attachment; filename=\"a b.txt\"", Some("a b.txt")),
            ("attachment; filename=a.txt; size=3", Some("a.txt")),
            (
                "attachment; filename=\"?.pdf\"; filename*=utf-8''%D1%81%D1%87%D1%91%D1%82.pdf",
                Some("счёт.pdf"),
            ),
            ("inline", None),
            ("attachment; filename=\"\"", None),
        ];
        for (disposition, expected) in cases {
            assert_eq!(file_name(disposition).as_deref(), expected, "{disposition}");
        }
    }
}
