//! Files in chats, and the links under which each may be fetched once.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::{World, secret};

/// What all files together may hold, in bytes; beyond it the oldest is forgotten, as no portal does.
const BYTES_MAX: usize = 512 * 1024 * 1024;

/// Links that wait to be followed; beyond it the oldest is dead.
const LINKS_MAX: usize = 10_000;

/// The first id: a portal that has been used for years has a full Drive.
const FIRST: u64 = 4001;

/// What the endings of names tell about the content; everything else is `file`.
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
    /// Where it is if it is not here: what came through a connector; empty otherwise.
    pub(crate) source: String,
    /// Unix milliseconds.
    pub(crate) date: i64,
}

/// All files by id.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: BTreeMap<u64, File>,
    links: BTreeMap<String, u64>,
    oldest_link_first: VecDeque<String>,
    last: Option<u64>,
    bytes: usize,
}

impl File {
    /// Where a person who is logged in finds it.
    pub(crate) fn address(&self, world: &World) -> String {
        match self.source.as_str() {
            "" => format!("{}/chat/file?id={}", world.address(), self.id),
            source => source.to_owned(),
        }
    }

    /// What stands behind the last dot of the name, in lower case.
    pub(crate) fn extension(&self) -> String {
        let ending = self.name.rsplit_once('.').map(|(_, ending)| ending);
        ending.unwrap_or_default().to_lowercase()
    }

    /// The media type that the name tells.
    pub(crate) fn media_type(&self) -> &'static str {
        let extension = self.extension();
        let known = KINDS.iter().find(|(ending, _)| *ending == extension);
        known.map_or("application/octet-stream", |(_, media)| media)
    }

    /// `image`, `video`, `audio` or `file`.
    pub(crate) fn kind(&self) -> &'static str {
        let (kind, _) = self.media_type().split_once('/').unwrap_or_default();
        match kind {
            "image" | "video" | "audio" => kind,
            _ => "file",
        }
    }
}

impl Files {
    /// Keeps a new file; its id is given here.
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

    /// A link to a file, for one download: the part that nobody can guess.
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

    /// Follows a link, which is dead from now on.
    pub(crate) fn follow(&mut self, token: &str) -> Option<File> {
        let id = self.links.remove(token)?;
        self.files.get(&id).cloned()
    }
}
