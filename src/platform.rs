//! What differs between operating systems: file permissions, positioned reads and writes, and
//! flushing a folder. Also paths of files that lie next to each other.
//!
//! On Unix, files and folders are readable by their owner only. Elsewhere they have the permissions
//! of the folder they are in.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Permission bits of everybody but the owner.
pub(crate) const OTHERS: u32 = 0o077;
/// Permission bits of everybody who is neither the owner nor in the owner's group.
pub(crate) const EVERYBODY: u32 = 0o007;

/// Returns the permission bits of a file. Where there are none, those of a file that only its owner
/// may read.
pub(crate) fn mode(metadata: &Metadata) -> u32 {
    imp::mode(metadata)
}

/// Adds to `options` that a new file is readable by its owner only.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    imp::private(options)
}

/// Creates a folder, and those above it, readable by its owner only. An existing folder stays as it
/// is.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    imp::private_folder(builder.recursive(true)).create(path)
}

/// Returns the path of a file next to another one, such as `store.db.lock`.
pub(crate) fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}

/// Returns the folder of a file.
pub(crate) fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Flushes a folder, so that a new file in it survives a power loss.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    imp::sync_folder(path)
}

/// Fills `buffer` with the bytes at `offset`.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    imp::read_exact_at(file, buffer, offset)
}

/// Writes all of `bytes` at `offset`.
pub(crate) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    imp::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
mod imp {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
    use std::path::Path;

    pub(super) fn mode(metadata: &Metadata) -> u32 {
        metadata.permissions().mode() & 0o777
    }

    pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(0o600)
    }

    pub(super) fn private_folder(builder: &mut DirBuilder) -> &mut DirBuilder {
        builder.mode(0o700)
    }

    pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    pub(super) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        file.read_exact_at(buffer, offset)
    }

    pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }
}

#[cfg(not(unix))]
mod imp {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io::{self, Read, Seek, SeekFrom, Write};
    use std::path::Path;

    pub(super) fn mode(_: &Metadata) -> u32 {
        0o600
    }

    pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub(super) fn private_folder(builder: &mut DirBuilder) -> &mut DirBuilder {
        builder
    }

    /// A folder cannot be opened as a file; the file system keeps its own journal.
    pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn read_exact_at(mut file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }

    pub(super) fn write_all_at(mut file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use crate::platform::*;

    #[test]
    fn positioned_writes_are_read_back() {
        let file = tempfile::tempfile().unwrap();
        write_all_at(&file, b"second", 5).unwrap();
        write_all_at(&file, b"first", 0).unwrap();
        let mut read = [0; 6];
        read_exact_at(&file, &mut read, 5).unwrap();
        assert_eq!(&read, b"second");
        assert!(read_exact_at(&file, &mut read, 6).is_err(), "past the end");
    }

    #[cfg(unix)]
    #[test]
    fn private_files_and_folders_are_readable_by_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        create_private_folder(&inner).unwrap();
        create_private_folder(&inner).unwrap();
        sync_folder(&inner).unwrap();
        let file = inner.join("file");
        private(OpenOptions::new().write(true).create_new(true))
            .open(&file)
            .unwrap();
        for path in [&inner, &file] {
            let mode = mode(&std::fs::metadata(path).unwrap());
            assert_eq!(mode & OTHERS, 0, "{}", path.display());
        }
    }
}
