//! Files in chats, and links that each work once.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::{World, secret};

/// Maximum size of all files together, in bytes; beyond it the oldest is dropped, unlike on a real
/// portal.
const BYTES_MAX: usize = 512 * 1024 * 1024;

/// Maximum number of unused links; beyond it the oldest is invalidated.
const LINKS_MAX: usize = 10_000;

/// The first id; a portal in use for years has a full Drive.
const FIRST: u64 = 4001;

/// Media types by the extension of the name; all others are `file`.
const KINDS: [(&str, &str); 12] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("wav", "audio/wav"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
];

/// A file on the portal's Drive.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) id: u64,
    pub(crate) chat: u64,
    pub(crate) author: u64,
    pub(crate) name: String,
    pub(crate) content: Bytes,
    /// The address of a file that came through a connector and is not stored here; empty otherwise.
    pub(crate) source: String,
    /// Unix milliseconds.
    pub(crate) date: i64,
}

/// All files, by id.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: BTreeMap<u64, File>,
    links: BTreeMap<String, u64>,
    oldest_link_first: VecDeque<String>,
    last: Option<u64>,
    bytes: usize,
}

impl File {
    /// Returns the URL for a person who is logged in.
    pub(crate) fn address(&self, world: &World) -> String {
        match self.source.as_str() {
            "" => format!("{}/chat/file?id={}", world.address(), self.id),
            source => source.to_owned(),
        }
    }

    /// Returns the part after the last dot of the name, in lower case.
    pub(crate) fn extension(&self) -> String {
        let ending = self.name.rsplit_once('.').map(|(_, ending)| ending);
        ending.unwrap_or_default().to_lowercase()
    }

    /// Returns the media type for the name.
    pub(crate) fn media_type(&self) -> &'static str {
        let extension = self.extension();
        let known = KINDS.iter().find(|(ending, _)| *ending == extension);
        known.map_or("application/octet-stream", |(_, media)| media)
    }

    /// Returns `image`, `video`, `audio` or `file`.
    pub(crate) fn kind(&self) -> &'static str {
        let (kind, _) = self.media_type().split_once('/').unwrap_or_default();
        match kind {
            "image" | "video" | "audio" => kind,
            _ => "file",
        }
    }
}

impl Files {
    /// Stores a new file and gives it an id.
    pub(crate) fn keep(&mut self, file: File) -> File {
        let id = self.last.map_or(FIRST, |last| last + 1);
        self.last = Some(id);
        self.bytes += file.content.len();
        let file = File { id, ..file };
        self.files.insert(id, file.clone());
        while self.bytes > BYTES_MAX
            && let Some((_, oldest)) = self.files.pop_first()
        {
            self.bytes -= oldest.content.len();
        }
        file
    }

    pub(crate) fn get(&self, id: u64) -> Option<&File> {
        self.files.get(&id)
    }

    /// Returns the secret part of a link for one download.
    pub(crate) fn link(&mut self, id: u64) -> String {
        let token = secret() + &secret();
        self.links.insert(token.clone(), id);
        self.oldest_link_first.push_back(token.clone());
        if self.oldest_link_first.len() > LINKS_MAX
            && let Some(oldest) = self.oldest_link_first.pop_front()
        {
            self.links.remove(&oldest);
        }
        token
    }

    /// Returns the file of a link and invalidates the link.
    pub(crate) fn follow(&mut self, token: &str) -> Option<File> {
        let id = self.links.remove(token)?;
        self.files.get(&id).cloned()
    }
}
