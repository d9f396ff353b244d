//! Where chats and files are kept: `talks/<chat>` holds a line of JSON for each version of a message, `files/<token>/<name>`
//! a file. All of it blocks.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::talk::{Entry, MESSAGES_MAX, State, Talk};
use super::visitor::{ChatKey, unguessable};

/// How long a chat and a file are kept after the last change.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How many chats are kept; those that rested longest are forgotten first.
pub const CHATS_MAX: usize = 100_000;
/// When a chat's file holds so many lines, it is written anew with what still counts.
pub(super) const LINES_MAX: usize = 3 * MESSAGES_MAX;

/// A folder of chats and files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Whether it outlives the program, and so its messages are to outlive the machine's power.
    is_lasting: bool,
}

impl Folder {
    /// One that stays.
    pub(super) fn lasting(path: PathBuf) -> Folder {
        let is_lasting = true;
        Folder { path, is_lasting }
    }

    /// One that goes with the program.
    pub(super) fn passing() -> Folder {
        let name = unguessable().unwrap_or_else(|| std::process::id().to_string());
        let path = std::env::temp_dir().join(format!("imbot-widget-{name}"));
        let is_lasting = false;
        Folder { path, is_lasting }
    }

    /// A chat, and how many lines its file has. A line that was not written to its end is none.
    pub(super) fn load(&self, chat: &ChatKey) -> io::Result<(Talk, usize)> {
        let text = match fs::read_to_string(self.talk(chat)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Talk::default(), 0)),
            text => text?,
        };
        let entries: Vec<Entry> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let (count, is_whole) = (entries.len(), entries.len() == text.lines().count());
        let talk = Talk::of(entries);
        let is_sound = is_whole && (text.is_empty() || text.ends_with('\n'));
        if !is_sound {
            tracing::warn!(
                chat = chat.as_str(),
                "the end of a chat's file is damaged; it is written anew"
            );
            self.rewrite(chat, &talk)?;
        }
        Ok((talk, count))
    }

    /// Writes a version of a message down.
    pub(super) fn append(&self, chat: &ChatKey, entry: &Entry) -> io::Result<()> {
        let path = self.talk(chat);
        let is_new = !path.exists();
        if is_new {
            make(&self.talks())?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(&line(entry)?)?;
        // A tick may be lost with the power; what people wrote may not.
        if self.is_lasting && entry.state != State::Taken {
            file.sync_data()?;
            if is_new {
                File::open(self.talks())?.sync_all()?;
            }
        }
        Ok(())
    }

    /// Writes a chat's file anew.
    pub(super) fn rewrite(&self, chat: &ChatKey, talk: &Talk) -> io::Result<()> {
        let (path, new) = (self.talk(chat), self.talk(chat).with_extension("new"));
        let mut file = File::create(&new)?;
        for entry in talk.entries() {
            file.write_all(&line(entry)?)?;
        }
        file.sync_all()?;
        fs::rename(new, path)?;
        File::open(self.talks())?.sync_all()
    }

    /// A folder for a file of this token.
    pub(super) fn file(&self, token: &str) -> PathBuf {
        self.files().join(token)
    }

    /// Makes the folder for a file.
    pub(super) fn make_file(&self, token: &str) -> io::Result<PathBuf> {
        let folder = self.file(token);
        make(&folder)?;
        Ok(folder)
    }

    /// Forgets what is over, and tells how many bytes the files are that stay.
    pub(super) fn sweep(&self) -> io::Result<u64> {
        let over = SystemTime::now() - KEPT;
        let mut talks = aged(&self.talks())?;
        talks.sort();
        let surplus = talks.len().saturating_sub(CHATS_MAX);
        for (place, (changed, path)) in talks.iter().enumerate() {
            if *changed < over || place < surplus {
                fs::remove_file(path)?;
            }
        }
        let mut bytes = 0;
        for (changed, folder) in aged(&self.files())? {
            if changed < over {
                fs::remove_dir_all(folder)?;
                continue;
            }
            for file in fs::read_dir(folder)? {
                bytes += file?.metadata()?.len();
            }
        }
        Ok(bytes)
    }

    fn talk(&self, chat: &ChatKey) -> PathBuf {
        self.talks().join(chat.as_str())
    }

    fn talks(&self) -> PathBuf {
        self.path.join("talks")
    }

    fn files(&self) -> PathBuf {
        self.path.join("files")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_lasting {
            fs::remove_dir_all(&self.path).ok(); // it may never have been made
        }
    }
}

fn line(entry: &Entry) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

/// Makes a folder that only this user reads.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// What a folder holds, and when each was changed; nothing where there is none yet.
fn aged(folder: &Path) -> io::Result<Vec<(SystemTime, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let aged = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.metadata()?.modified()?, entry.path()))
    };
    entries.map(aged).collect()
}

#[cfg(test)]
mod tests {
    use super::super::talk::By;
    use super::*;

    fn chat() -> ChatKey {
        ChatKey::told(&"a".repeat(64)).unwrap()
    }

    fn entry(talk: &mut Talk, text: &str) -> Entry {
        let entry = talk.counted(Entry::new(By::Visitor, text, text));
        talk.put(entry.clone());
        entry
    }

    #[test]
    fn what_is_written_down_is_there_again_without_a_torn_end() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::lasting(place.path().join("widget"));
        let mut talk = Talk::default();
        for text in ["one", "two\nlines"] {
            let entry = entry(&mut talk, text);
            folder.append(&chat(), &entry).unwrap();
        }
        let path = folder.talk(&chat());
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"number\":3,\"ver").unwrap();
        let (again, _) = folder.load(&chat()).unwrap();
        assert_eq!(again.entries(), talk.entries());
        let third = entry(&mut talk, "three");
        folder.append(&chat(), &third).unwrap();
        assert_eq!(folder.load(&chat()).unwrap().0.entries(), talk.entries());
    }

    #[test]
    fn what_is_old_goes_and_files_are_counted() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::lasting(place.path().to_owned());
        assert_eq!(folder.sweep().unwrap(), 0);
        let mut talk = Talk::default();
        folder.append(&chat(), &entry(&mut talk, "hi")).unwrap();
        for token in ["old", "new"] {
            let file = folder.make_file(token).unwrap();
            fs::write(file.join("a.txt"), "12345").unwrap();
        }
        // Both times are set: the file system's own clock may be another one.
        let now = SystemTime::now();
        let past = now - KEPT - Duration::from_secs(60);
        for (path, changed) in [
            (folder.talk(&chat()), past),
            (folder.file("old"), past),
            (folder.file("new"), now),
        ] {
            File::open(path).unwrap().set_modified(changed).unwrap();
        }
        assert_eq!(folder.sweep().unwrap(), 5);
        assert!(folder.load(&chat()).unwrap().0.entries().is_empty());
        assert!(folder.file("new").exists() && !folder.file("old").exists());
    }

    #[test]
    fn a_passing_folder_goes() {
        let folder = Folder::passing();
        let mut talk = Talk::default();
        folder.append(&chat(), &entry(&mut talk, "hi")).unwrap();
        let path = folder.path.clone();
        assert!(path.exists());
        drop(folder);
        assert!(!path.exists());
    }
}
