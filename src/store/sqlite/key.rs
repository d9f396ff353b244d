//! The key that tokens and bodies are sealed with: from a setting, or from a file that nobody else can read.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use uuid::Uuid;

use super::files;
use crate::platform;

/// The key that a store seals tokens and bodies with: 32 bytes.
#[derive(Debug)]
pub struct Key(SecretBox<[u8; 32]>);

impl Key {
    /// A new key.
    pub fn random() -> Key {
        Key(SecretBox::init_with_mut(|key: &mut [u8; 32]| {
            aws_lc_rs::rand::fill(key).expect("the system gives random bytes");
        }))
    }

    /// The key written in base64, as `openssl rand -base64 32` prints one.
    ///
    /// # Errors
    /// The text is not 32 bytes in base64.
    pub fn from_base64(text: &str) -> Result<Key, KeyError> {
        let mut key = SecretBox::new(Box::new([0; 32]));
        let decoded: SecretBox<[u8]> = STANDARD
            .decode(text.trim())
            .map_err(|_| KeyError::NotAKey)?
            .into_boxed_slice()
            .into();
        let bytes = decoded.expose_secret();
        if bytes.len() != 32 {
            return Err(KeyError::NotAKey);
        }
        secrecy::ExposeSecretMut::expose_secret_mut(&mut key).copy_from_slice(bytes);
        Ok(Key(key))
    }

    /// The key in base64, to be kept.
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.0.expose_secret()).into()
    }

    /// The key in a file that only its owner may read.
    ///
    /// # Errors
    /// The file cannot be read, is readable by others, or holds no key.
    pub fn read(path: impl AsRef<Path>) -> Result<Key, KeyError> {
        let path = path.as_ref();
        let failed = |source| KeyError::File {
            path: path.to_owned(),
            source,
        };
        let mode = platform::mode(&fs::metadata(path).map_err(failed)?);
        if mode & platform::OTHERS != 0 {
            return Err(KeyError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        let text = SecretString::from(fs::read_to_string(path).map_err(failed)?);
        Key::from_base64(text.expose_secret()).map_err(|_| KeyError::NotAKeyFile {
            path: path.to_owned(),
        })
    }

    /// A new key, kept in a new file that only its owner may read.
    ///
    /// It gets its name when it is on the disk: if the power fails before, there is no key, and not half of one.
    ///
    /// # Errors
    /// The file exists already, or cannot be written.
    pub fn make(path: impl AsRef<Path>) -> Result<Key, KeyError> {
        let path = path.as_ref();
        let key = Key::random();
        let new = files::beside(path, &format!(".new-{}", Uuid::new_v4().simple()));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = platform::private(options.write(true).create_new(true)).open(&new)?;
            writeln!(file, "{}", key.to_base64().expose_secret())?;
            file.sync_all()?;
            let named = fs::hard_link(&new, path); // unlike a rename, this replaces nothing
            fs::remove_file(&new)?;
            named?;
            platform::sync_folder(&files::folder(path))
        };
        write().map_err(|source| KeyError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(key)
    }

    /// The key in the file `key`, for the store in the file `store`. At the first start, when there is neither, a key is
    /// made; a store whose key is missing is an error, since a new key would not open it.
    ///
    /// # Errors
    /// There is a store without its key, or the key file cannot be read or written.
    pub fn of(store: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Key, KeyError> {
        let (store, path) = (store.as_ref(), key.as_ref());
        match Key::read(path) {
            Err(KeyError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
                if fs::metadata(store).is_ok_and(|store| store.len() > 0) {
                    return Err(KeyError::Missing {
                        path: path.to_owned(),
                        store: store.to_owned(),
                    });
                }
                platform::create_private_folder(&files::folder(path)).map_err(|source| {
                    KeyError::File {
                        path: path.to_owned(),
                        source,
                    }
                })?;
                tracing::info!(path = %path.display(), "made a key; keep a copy apart from the store's backups");
                Key::make(path)
            }
            read => read,
        }
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

/// There is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not a key.
    #[error("the key is not 32 bytes in base64; `openssl rand -base64 32` makes one")]
    NotAKey,
    /// The file holds no key.
    #[error("{} does not hold a key (32 bytes in base64); put the right file there", path.display())]
    NotAKeyFile {
        /// The file.
        path: PathBuf,
    },
    /// Others may read the key.
    #[error("others may read the key in {} (mode {mode:03o}); run `chmod 600` on it, and change the key if they did", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A store is there, but its key is not.
    #[error("the key {} of the store {} is missing; put it back from where you keep its copy", path.display(), store.display())]
    Missing {
        /// Where the key should be.
        path: PathBuf,
        /// The store.
        store: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("the key file {} cannot be used: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
