//! The folder with chats and files: `talks/<chat>` has a line of JSON for each version of a
//! message, `files/<token>/<name>` is a file. All functions block.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::chat::{Chat, Entry, MESSAGES_MAX, State};
use super::visitor::{ChatKey, random_token};

/// Time after the last change for which a chat or a file is kept.
pub const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many times as fast as time passes a chat ages at most: a day in an hour.
const AGEING_MAX: u32 = 24;

/// Maximum number of stored chats. Above it, the chats that have not changed for the longest time
/// are deleted.
pub const CHATS_MAX: usize = 100_000;
/// Number of lines at which a chat's file is rewritten with the current versions only.
pub(super) const LINES_MAX: usize = 3 * MESSAGES_MAX;

/// A folder of chats and files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Whether the folder outlives the program. If so, messages are flushed to the disk.
    is_permanent: bool,
}

impl Folder {
    /// Returns a folder that outlives the program.
    pub(super) fn permanent(path: PathBuf) -> Self {
        Self {
            path,
            is_permanent: true,
        }
    }

    /// Returns a folder that is deleted with the program.
    pub(super) fn temporary() -> Self {
        let name = random_token().unwrap_or_else(|| std::process::id().to_string());
        let path = std::env::temp_dir().join(format!("imbot-widget-{name}"));
        Self {
            path,
            is_permanent: false,
        }
    }

    /// Returns a chat, and the number of lines in its file. Incomplete lines are dropped.
    pub(super) fn load(&self, key: &ChatKey) -> io::Result<(Chat, usize)> {
        let text = match fs::read_to_string(self.chat_file(key)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Chat::default(), 0)),
            text => text?,
        };
        let entries: Vec<Entry> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let (count, is_whole) = (entries.len(), entries.len() == text.lines().count());
        let chat = Chat::from_versions(entries);
        let is_sound = is_whole && (text.is_empty() || text.ends_with('\n'));
        if !is_sound {
            tracing::warn!(
                chat = key.as_str(),
                "the end of a chat's file is damaged; rewriting the file"
            );
            self.rewrite(key, &chat)?;
        }
        Ok((chat, count))
    }

    /// Appends a version of a message.
    pub(super) fn append(&self, key: &ChatKey, entry: &Entry) -> io::Result<()> {
        let path = self.chat_file(key);
        let is_new = !path.exists();
        if is_new {
            create_private(&self.chats())?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(&line(entry)?)?;
        // A power failure may lose a delivery tick, but not a message.
        if self.is_permanent && entry.state != State::Delivered {
            file.sync_data()?;
            if is_new {
                File::open(self.chats())?.sync_all()?;
            }
        }
        Ok(())
    }

    /// Rewrites a chat's file with the current versions.
    pub(super) fn rewrite(&self, key: &ChatKey, chat: &Chat) -> io::Result<()> {
        let (path, new) = (
            self.chat_file(key),
            self.chat_file(key).with_extension("new"),
        );
        let mut file = File::create(&new)?;
        for entry in chat.entries() {
            file.write_all(&line(entry)?)?;
        }
        file.sync_all()?;
        fs::rename(new, path)?;
        File::open(self.chats())?.sync_all()
    }

    /// Returns the folder of the file with this token.
    pub(super) fn file(&self, token: &str) -> PathBuf {
        self.files().join(token)
    }

    /// Creates the folder of a file.
    pub(super) fn create_file(&self, token: &str) -> io::Result<PathBuf> {
        let folder = self.file(token);
        create_private(&folder)?;
        Ok(folder)
    }

    /// Deletes old chats and files, and returns the size of the remaining files, in bytes.
    ///
    /// A clock that is ahead makes all look old. So they age at most a day in each hour of
    /// `running`, the time since the start of the program, counted from the newest of them.
    pub(super) fn sweep(&self, running: Duration) -> io::Result<u64> {
        let (mut chats, files) = (modified(&self.chats())?, modified(&self.files())?);
        chats.sort();
        let newest = chats
            .iter()
            .chain(&files)
            .map(|(changed, _)| *changed)
            .max();
        let now = SystemTime::now();
        let now = newest.map_or(now, |newest| now.min(newest + running * AGEING_MAX));
        let oldest = now - RETENTION;
        let surplus = chats.len().saturating_sub(CHATS_MAX);
        for (index, (changed, path)) in chats.iter().enumerate() {
            if *changed < oldest || index < surplus {
                fs::remove_file(path)?;
            }
        }
        let mut bytes = 0;
        for (changed, folder) in files {
            if changed < oldest {
                fs::remove_dir_all(folder)?;
                continue;
            }
            for file in fs::read_dir(folder)? {
                bytes += file?.metadata()?.len();
            }
        }
        Ok(bytes)
    }

    fn chat_file(&self, key: &ChatKey) -> PathBuf {
        self.chats().join(key.as_str())
    }

    fn chats(&self) -> PathBuf {
        self.path.join("talks")
    }

    fn files(&self) -> PathBuf {
        self.path.join("files")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_permanent {
            let _ = fs::remove_dir_all(&self.path); // it may not exist
        }
    }
}

fn line(entry: &Entry) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

/// Creates a folder that only this user can read.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Returns the entries of a folder with their modification times. A missing folder has no entries.
fn modified(folder: &Path) -> io::Result<Vec<(SystemTime, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let with_time = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.metadata()?.modified()?, entry.path()))
    };
    entries.map(with_time).collect()
}

#[cfg(test)]
mod tests {
    use super::super::chat::By;
    use super::*;

    fn key() -> ChatKey {
        ChatKey::parse(&"a".repeat(64)).unwrap()
    }

    fn entry(chat: &mut Chat, text: &str) -> Entry {
        let entry = chat.with_version(Entry::new(By::Visitor, text, text));
        chat.insert(entry.clone());
        entry
    }

    #[test]
    fn a_chat_is_read_back_without_an_incomplete_line() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::permanent(temp.path().join("widget"));
        let mut chat = Chat::default();
        for text in ["one", "two\nlines"] {
            let entry = entry(&mut chat, text);
            folder.append(&key(), &entry).unwrap();
        }
        let path = folder.chat_file(&key());
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"number\":3,\"ver").unwrap();
        let (again, _) = folder.load(&key()).unwrap();
        assert_eq!(again.entries(), chat.entries());
        let third = entry(&mut chat, "three");
        folder.append(&key(), &third).unwrap();
        assert_eq!(folder.load(&key()).unwrap().0.entries(), chat.entries());
    }

    #[test]
    fn old_chats_and_files_are_deleted_and_the_others_measured() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::permanent(temp.path().to_owned());
        assert_eq!(folder.sweep(Duration::ZERO).unwrap(), 0);
        let mut chat = Chat::default();
        folder.append(&key(), &entry(&mut chat, "hi")).unwrap();
        for token in ["old", "new"] {
            let file = folder.create_file(token).unwrap();
            fs::write(file.join("a.txt"), "12345").unwrap();
        }
        // Both times are set, since the clock of the file system may differ.
        let now = SystemTime::now();
        let past = now - RETENTION - Duration::from_secs(60);
        for (path, changed) in [
            (folder.chat_file(&key()), past),
            (folder.file("old"), past),
            (folder.file("new"), now),
        ] {
            File::open(path).unwrap().set_modified(changed).unwrap();
        }
        assert_eq!(folder.sweep(Duration::ZERO).unwrap(), 5);
        assert!(folder.load(&key()).unwrap().0.entries().is_empty());
        assert!(folder.file("new").exists() && !folder.file("old").exists());
    }

    #[test]
    fn a_clock_that_is_ahead_deletes_no_chat_at_the_start_and_old_ones_later() {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::permanent(temp.path().to_owned());
        let mut chat = Chat::default();
        folder.append(&key(), &entry(&mut chat, "hi")).unwrap();
        // A clock that is ahead and a chat of the past are the same.
        let past = SystemTime::now() - RETENTION - 24 * HOUR;
        let file = File::open(folder.chat_file(&key())).unwrap();
        file.set_modified(past).unwrap();
        for (hours, is_kept) in [(0, true), (29, true), (31, false)] {
            folder.sweep(hours * HOUR).unwrap();
            let is_there = !folder.load(&key()).unwrap().0.entries().is_empty();
            assert_eq!(is_there, is_kept, "{hours}");
        }
    }

    #[test]
    fn a_temporary_folder_is_deleted() {
        let folder = Folder::temporary();
        let mut chat = Chat::default();
        folder.append(&key(), &entry(&mut chat, "hi")).unwrap();
        let path = folder.path.clone();
        assert!(path.exists());
        drop(folder);
        assert!(!path.exists());
    }
}
