//! The key that seals tokens and bodies, from a setting or from a file that only its owner may
//! read.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use uuid::Uuid;

use crate::platform;

/// The key that seals the tokens and bodies of a store: 32 bytes.
#[derive(Debug)]
pub struct Key(SecretBox<[u8; 32]>);

impl Key {
    /// Returns a new random key.
    pub fn random() -> Self {
        Self(SecretBox::init_with_mut(|key: &mut [u8; 32]| {
            aws_lc_rs::rand::fill(key).expect("the system gives random bytes");
        }))
    }

    /// Returns the key with this base64 text, such as `openssl rand -base64 32` prints.
    ///
    /// # Errors
    /// The text is not 32 bytes in base64.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
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
        Ok(Self(key))
    }

    /// Returns the keys with these base64 texts, which are separated by commas or white space.
    ///
    /// # Errors
    /// One of the texts is not 32 bytes in base64, or the list is empty.
    pub fn list_from_base64(text: &str) -> Result<Vec<Self>, KeyError> {
        let texts = text.split(|c: char| c == ',' || c.is_whitespace());
        let keys = texts.filter(|text| !text.is_empty()).map(Self::from_base64);
        let keys: Vec<Self> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(KeyError::NotAKey);
        }
        Ok(keys)
    }

    /// Returns the key in base64, for storing it.
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.0.expose_secret()).into()
    }

    /// Reads a key from a file that only its owner may read.
    ///
    /// # Errors
    /// The file cannot be read, is readable by others, or contains no key.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let text = Self::read_text(path)?;
        Self::from_base64(text.expose_secret()).map_err(|_| KeyError::NotAKeyFile {
            path: path.to_owned(),
        })
    }

    /// Reads one or several keys from a file that only its owner may read.
    ///
    /// # Errors
    /// The file is missing, cannot be read, is readable by others, or contains no key.
    pub fn read_list(path: impl AsRef<Path>) -> Result<Vec<Self>, KeyError> {
        let path = path.as_ref();
        let text = match Self::read_text(path) {
            Err(KeyError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
                return Err(KeyError::NotGiven {
                    path: path.to_owned(),
                });
            }
            text => text?,
        };
        Self::list_from_base64(text.expose_secret()).map_err(|_| KeyError::NotAKeyFile {
            path: path.to_owned(),
        })
    }

    fn read_text(path: &Path) -> Result<SecretString, KeyError> {
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
        Ok(fs::read_to_string(path).map_err(failed)?.into())
    }

    /// Creates a key in a new file that only its owner may read.
    ///
    /// The file gets its name when its content is on the disk. A power failure before that leaves
    /// no key, never half a key.
    ///
    /// # Errors
    /// The file exists already, or cannot be written.
    pub fn make(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let key = Self::random();
        let new = platform::with_suffix(path, &format!(".new-{}", Uuid::new_v4().simple()));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = platform::private(options.write(true).create_new(true)).open(&new)?;
            writeln!(file, "{}", key.to_base64().expose_secret())?;
            file.sync_all()?;
            let named = fs::hard_link(&new, path); // unlike a rename, this replaces nothing
            fs::remove_file(&new)?;
            named?;
            platform::sync_folder(&platform::folder(path))
        };
        write().map_err(|source| KeyError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(key)
    }

    /// Returns the key in the file `key` for the store in the file `store`. Creates a key if
    /// neither file exists, at the first start. If only the key is missing, this fails: a new key
    /// would not open the store. If only the store is missing or empty, that is logged as an error:
    /// it may be lost.
    ///
    /// # Errors
    /// The key of an existing store is missing, or the key file cannot be read or written.
    pub fn of(store: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, KeyError> {
        let (store, path) = (store.as_ref(), key.as_ref());
        match Self::read(path) {
            Err(KeyError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
                if fs::metadata(store).is_ok_and(|store| store.len() > 0) {
                    return Err(KeyError::Missing {
                        path: path.to_owned(),
                        store: store.to_owned(),
                    });
                }
                platform::create_private_folder(&platform::folder(path)).map_err(|source| {
                    KeyError::File {
                        path: path.to_owned(),
                        source,
                    }
                })?;
                let key = Self::make(path)?;
                tracing::info!(path = %path.display(), "created a key; keep a copy of it, apart from the store's backups");
                Ok(key)
            }
            read => {
                if read.is_ok() && !fs::metadata(store).is_ok_and(|store| store.len() > 0) {
                    tracing::error!(
                        store = %store.display(),
                        key = %path.display(),
                        "THE STORE IS MISSING OR EMPTY, but its key exists: if bots ran here before, stop, and restore \
                         the store (a lost volume, another path?); a new store knows no portal and no conversation"
                    );
                }
                read
            }
        }
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

/// An error of reading or creating a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not a key.
    #[error("the key is not 32 bytes in base64; `openssl rand -base64 32` prints one")]
    NotAKey,
    /// The file contains no key.
    #[error("{} does not contain a key (32 bytes in base64); put the right file there", path.display())]
    NotAKeyFile {
        /// The file.
        path: PathBuf,
    },
    /// Other users may read the key.
    #[error("others may read the key in {} (mode {mode:03o}); run `chmod 600` on it, and change the key if they did", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The mode of the file.
        mode: u32,
    },
    /// The store exists, but its key does not.
    #[error("the key {} of the store {} is missing; restore it from your copy", path.display(), store.display())]
    Missing {
        /// The file of the key.
        path: PathBuf,
        /// The file of the store.
        store: PathBuf,
    },
    /// No key is given for a store of several processes.
    #[error("there is no key for the store: all processes need the same one; `openssl rand -base64 32` prints one, set it as IMBOT_STORE_KEY (--store-key) or put it into the file {}", path.display())]
    NotGiven {
        /// The file of the key.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("the key file {} cannot be used: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}
