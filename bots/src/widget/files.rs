//! Visitors' files, stored under random names. Anybody who knows the name of a file can download
//! it, as the portal and its users do.
//!
//! A file is never shown as a page of this address: it is always a download without a type.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use poem::http::header;
use poem::{Body, Response};
use tokio::fs;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::sync::Semaphore;

use super::folder::Folder;
use super::refusal::Refused;
use super::visitor::{is_hex, random_token};

/// Maximum size of a visitor's file, in bytes.
pub const FILE_BYTES_MAX: u64 = 10_000_000;
/// Maximum size of all files together, in bytes. Above it, files are refused until old ones are
/// deleted.
pub const FILES_BYTES_MAX: u64 = 2_000_000_000;
/// Maximum number of simultaneous uploads.
pub const UPLOADS_MAX: usize = 32;
/// Length of the random name of a file, in hexadecimal digits.
const TOKEN_CHARS: usize = 32;
/// Maximum length of a file's own name, in characters. Of a longer name the end is kept, which
/// contains the extension.
const NAME_CHARS_MAX: usize = 60;

/// The stored files.
#[derive(Debug)]
pub(super) struct Files {
    folder: Arc<Folder>,
    /// The size of all files together.
    pub(super) bytes: AtomicU64,
    uploads: Semaphore,
}

/// A stored file.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) token: String,
    pub(super) name: String,
    pub(super) bytes: u64,
    folder: PathBuf,
}

impl Files {
    pub(super) fn new(folder: Arc<Folder>) -> Self {
        Self {
            folder,
            bytes: AtomicU64::new(0),
            uploads: Semaphore::new(UPLOADS_MAX),
        }
    }

    /// Stores a file.
    ///
    /// # Errors
    /// The file is too large, too many files or uploads exist, or the disk fails.
    pub(super) async fn save(&self, name: &str, body: Body) -> Result<Upload, Refused> {
        let _permit = self.uploads.try_acquire().map_err(|_| Refused::Busy)?;
        if self.bytes.load(Ordering::Relaxed) > FILES_BYTES_MAX {
            return Err(Refused::Busy);
        }
        let token = random_token().ok_or(Refused::Busy)?;
        let folder = self.folder.create_file(&token)?;
        let mut upload = Upload {
            token,
            name: safe_name(name),
            bytes: 0,
            folder,
        };
        match write(&upload.folder.join(&upload.name), body).await {
            Ok(bytes) => upload.bytes = bytes,
            Err(refusal) => {
                self.discard(upload).await;
                return Err(refusal);
            }
        }
        self.bytes.fetch_add(upload.bytes, Ordering::Relaxed);
        Ok(upload)
    }

    /// Deletes a file.
    pub(super) async fn discard(&self, upload: Upload) {
        match fs::remove_dir_all(&upload.folder).await {
            Ok(()) => {
                let without = |bytes: u64| Some(bytes.saturating_sub(upload.bytes));
                let order = Ordering::Relaxed;
                let _ = self.bytes.fetch_update(order, order, without);
            }
            Err(error) => {
                tracing::warn!(%error, "an unused file could not be deleted; it is deleted when it is old");
            }
        }
    }

    /// Returns the file with this token.
    pub(super) async fn download(&self, token: &str) -> Result<Response, Refused> {
        if !is_hex(token, TOKEN_CHARS) {
            return Err(Refused::NotFound);
        }
        let mut folder = fs::read_dir(self.folder.file(token))
            .await
            .map_err(|_| Refused::NotFound)?;
        let file = folder.next_entry().await?.ok_or(Refused::NotFound)?;
        let name = file.file_name().to_string_lossy().into_owned();
        let bytes = file.metadata().await?.len();
        let content = fs::File::open(file.path()).await?;
        Ok(Response::builder()
            .content_type("application/octet-stream")
            .header(header::CONTENT_DISPOSITION, content_disposition(&name))
            .header(header::CONTENT_LENGTH, bytes)
            .header(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; sandbox",
            )
            .header(header::CACHE_CONTROL, "private, max-age=86400")
            .body(Body::from_async_read(content)))
    }
}

/// Writes a file to the disk, and returns its size.
async fn write(path: &Path, body: Body) -> Result<u64, Refused> {
    let mut file = fs::File::create(path).await?;
    let mut body = body.into_async_read().take(FILE_BYTES_MAX + 1);
    let bytes = copy(&mut body, &mut file).await?;
    if bytes > FILE_BYTES_MAX {
        return Err(Refused::FileTooLarge);
    }
    file.flush().await?;
    file.sync_all().await?;
    Ok(bytes)
}

/// Returns a name that is safe on a disk and in a header: not a path, not hidden, and without
/// control characters.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_visible = |char: &char| !char.is_control() && !"<>:\"|?*\u{202e}".contains(*char);
    let visible: Vec<char> = last.chars().filter(is_visible).collect();
    let end = visible.len().saturating_sub(NAME_CHARS_MAX);
    let name: String = visible[end..].iter().collect();
    let name = name.trim_matches(['.', ' ']);
    if name.is_empty() {
        return "file".to_owned();
    }
    name.to_owned()
}

/// Returns the header that makes a file a download with this name (RFC 6266).
fn content_disposition(name: &str) -> String {
    let byte = |byte: &u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._".contains(byte) => {
            char::from(*byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    let name: String = name.as_bytes().iter().map(byte).collect();
    format!("attachment; filename*=UTF-8''{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safe_name_is_visible_and_not_a_path() {
        for (name, expected) in [
            ("a.png", "a.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\me\\b.txt", "b.txt"),
            ("..", "file"),
            (".htaccess", "htaccess"),
            ("a\r\nb\u{202e}.exe", "ab.exe"),
            ("Grüße.pdf", "Grüße.pdf"),
        ] {
            assert_eq!(safe_name(name), expected);
        }
        let long = safe_name(&format!("{}.pdf", "x".repeat(999)));
        assert!(long.len() == NAME_CHARS_MAX && long.ends_with(".pdf"));
        assert_eq!(
            content_disposition("ü \".a"),
            "attachment; filename*=UTF-8''%C3%BC%20%22.a"
        );
    }
}
