//! Visitors' files: kept under a name that nobody guesses, and given to whoever knows it, which the portal and its people do.
//!
//! What is given is never shown as a page of this address: it is always a download, of no type.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use poem::http::header;
use poem::{Body, Response};
use tokio::fs;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::sync::Semaphore;

use super::folder::Folder;
use super::refused::Refused;
use super::visitor::{is_hex, unguessable};

/// The largest file that a visitor may send.
pub const FILE_BYTES_MAX: u64 = 10_000_000;
/// How much all files together take; beyond it none is taken until old ones have gone.
pub const FILES_BYTES_MAX: u64 = 2_000_000_000;
/// How many files are on their way in at once.
pub const UPLOADS_MAX: usize = 32;
/// How many digits the name of a file has.
const TOKEN_CHARS: usize = 32;
/// The longest name that is kept, in characters; of a longer one the end, which tells its type.
const NAME_CHARS_MAX: usize = 60;

/// The files of a folder.
#[derive(Debug)]
pub(super) struct Files {
    folder: Arc<Folder>,
    /// How many bytes they are together.
    pub(super) bytes: AtomicU64,
    uploads: Semaphore,
}

/// A file that was kept.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) token: String,
    pub(super) name: String,
    pub(super) bytes: u64,
    folder: PathBuf,
}

impl Files {
    pub(super) fn new(folder: Arc<Folder>) -> Files {
        Files {
            folder,
            bytes: AtomicU64::new(0),
            uploads: Semaphore::new(UPLOADS_MAX),
        }
    }

    /// Keeps a file.
    pub(super) async fn take(&self, name: &str, body: Body) -> Result<Upload, Refused> {
        let _place = self.uploads.try_acquire().map_err(|_| Refused::Full)?;
        if self.bytes.load(Ordering::Relaxed) > FILES_BYTES_MAX {
            return Err(Refused::Full);
        }
        let token = unguessable().ok_or(Refused::Full)?;
        let folder = self.folder.make_file(&token)?;
        let mut upload = Upload {
            token,
            name: safe(name),
            bytes: 0,
            folder,
        };
        match write(&upload.folder.join(&upload.name), body).await {
            Ok(bytes) => upload.bytes = bytes,
            Err(refused) => {
                upload.forget().await;
                return Err(refused);
            }
        }
        self.bytes.fetch_add(upload.bytes, Ordering::Relaxed);
        Ok(upload)
    }

    /// Gives the file of this token.
    pub(super) async fn give(&self, token: &str) -> Result<Response, Refused> {
        if !is_hex(token, TOKEN_CHARS) {
            return Err(Refused::Nothing);
        }
        let mut folder = fs::read_dir(self.folder.file(token))
            .await
            .map_err(|_| Refused::Nothing)?;
        let file = folder.next_entry().await?.ok_or(Refused::Nothing)?;
        let name = file.file_name().to_string_lossy().into_owned();
        let bytes = file.metadata().await?.len();
        let content = fs::File::open(file.path()).await?;
        Ok(Response::builder()
            .content_type("application/octet-stream")
            .header(header::CONTENT_DISPOSITION, disposition(&name))
            .header(header::CONTENT_LENGTH, bytes)
            .header(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; sandbox",
            )
            .header(header::CACHE_CONTROL, "private, max-age=86400")
            .body(Body::from_async_read(content)))
    }
}

impl Upload {
    /// Takes it back.
    pub(super) async fn forget(self) {
        if let Err(error) = fs::remove_dir_all(&self.folder).await {
            tracing::warn!(%error, "a file that nobody wants stays until it is old");
        }
    }
}

/// Writes a file to the disk, and tells how long it is.
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

/// A name as it may stand on a disk and in a header: no path, nothing hidden, nothing that cannot be seen.
fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_shown = |char: &char| !char.is_control() && !"<>:\"|?*\u{202e}".contains(*char);
    let shown: Vec<char> = last.chars().filter(is_shown).collect();
    let end = shown.len().saturating_sub(NAME_CHARS_MAX);
    let name: String = shown[end..].iter().collect();
    let name = name.trim_matches(['.', ' ']);
    if name.is_empty() {
        return "file".to_owned();
    }
    name.to_owned()
}

/// The header that makes it a download of this name (RFC 6266).
fn disposition(name: &str) -> String {
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
    fn a_name_is_no_path_and_can_be_seen() {
        for (name, expected) in [
            ("a.png", "a.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\me\\b.txt", "b.txt"),
            ("..", "file"),
            (".htaccess", "htaccess"),
            ("a\r\nb\u{202e}.exe", "ab.exe"),
            ("Grüße.pdf", "Grüße.pdf"),
        ] {
            assert_eq!(safe(name), expected);
        }
        let long = safe(&format!("{}.pdf", "x".repeat(999)));
        assert!(long.len() == NAME_CHARS_MAX && long.ends_with(".pdf"));
        assert_eq!(
            disposition("ü \".a"),
            "attachment; filename*=UTF-8''%C3%BC%20%22.a"
        );
    }
}
