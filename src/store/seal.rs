//! Seals bodies and tokens with AES-256-GCM, so that a stolen disk or backup does not reveal them.
//!
//! A nonce must never be used twice with one key. Random nonces of 96 bits are enough for 2^32
//! values, which a busy store exceeds in months. So each process draws a random salt of 128 bits
//! when it opens the store, derives a key of its own from it, and counts its nonces. A sealed value
//! is: version (1 byte), salt (16), count (8), sealed text, tag (16).

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};

use super::Key;

/// The context of the sealed value that detects a wrong key.
pub(super) const KEY_CHECK: &str = "meta key check";

const VERSION: u8 = 1;
const SALT: usize = 16;
const HEAD: usize = 1 + SALT + 8;
const TAG: usize = 16;

/// Maximum number of derived keys of other processes in memory.
const KEYS_MAX: usize = 64;

/// A sealed value that none of the keys opens.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "a sealed value ({context}) does not open; it is damaged, or was moved or sealed with another key"
)]
pub(super) struct SealError {
    /// The table and row of the value.
    pub(super) context: String,
}

/// Seals values with one key, and opens them with that or another one.
pub(super) struct Sealer {
    /// The keys that open values. The first one seals.
    masters: Vec<hmac::Key>,
    salt: [u8; SALT],
    /// The key of this process.
    own: LessSafeKey,
    /// Number of values that were sealed, which is the next nonce.
    sealed: AtomicU64,
    /// Derived keys that opened a value, by their salt.
    derived: Mutex<HashMap<[u8; SALT], Arc<LessSafeKey>>>,
}

impl Sealer {
    #[cfg(feature = "sqlite")]
    pub(super) fn new(key: &Key) -> Self {
        Self::with_others(key, &[])
    }

    /// Returns a sealer that seals with `key`, and also opens what one of `others` has sealed.
    pub(super) fn with_others(key: &Key, others: &[Key]) -> Self {
        let keys = std::iter::once(key).chain(others);
        let masters: Vec<_> = keys
            .map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.bytes()))
            .collect();
        let mut salt = [0; SALT];
        rand::fill(&mut salt).expect("the system gives random bytes");
        Self {
            own: derive(&masters[0], &salt),
            masters,
            salt,
            sealed: AtomicU64::new(0),
            derived: Mutex::default(),
        }
    }

    /// Seals a value for a context, its table and row. It cannot be opened in another context.
    pub(super) fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let count = self.sealed.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut sealed = Vec::with_capacity(HEAD + plain.len() + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.salt);
        sealed.extend_from_slice(&count);
        sealed.extend_from_slice(plain);
        let tag = self
            .own
            .seal_in_place_separate_tag(nonce(&count), Aad::from(context), &mut sealed[HEAD..])
            .expect("a body is far shorter than what AES-GCM can seal");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens a value that was sealed for this context.
    pub(super) fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let does_not_open = || SealError {
            context: context.to_owned(),
        };
        if sealed.len() < HEAD + TAG || sealed[0] != VERSION {
            return Err(does_not_open());
        }
        let salt: [u8; SALT] = sealed[1..1 + SALT]
            .try_into()
            .expect("the length is checked");
        if let Some(key) = self.derived().get(&salt).map(Arc::clone) {
            return open(&key, context, sealed).ok_or_else(does_not_open);
        }
        self.masters
            .iter()
            .map(|master| derive(master, &salt))
            .find_map(|key| open(&key, context, sealed).map(|text| (key, text)))
            .map(|(key, text)| {
                self.keep_derived(salt, key);
                text
            })
            .ok_or_else(does_not_open)
    }

    /// Returns true if the key that seals is also the one that has sealed this value.
    #[cfg(feature = "postgres")]
    pub(super) fn is_current(&self, context: &str, sealed: &[u8]) -> bool {
        let Some(salt) = sealed
            .get(1..1 + SALT)
            .and_then(|salt| salt.try_into().ok())
        else {
            return false;
        };
        open(&derive(&self.masters[0], &salt), context, sealed).is_some()
    }

    /// Keeps a derived key that has opened a value, so that it is not derived again.
    fn keep_derived(&self, salt: [u8; SALT], key: LessSafeKey) {
        let mut derived = self.derived();
        if derived.len() >= KEYS_MAX {
            derived.clear();
        }
        derived.insert(salt, Arc::new(key));
    }

    fn derived(&self) -> MutexGuard<'_, HashMap<[u8; SALT], Arc<LessSafeKey>>> {
        self.derived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

fn derive(master: &hmac::Key, salt: &[u8; SALT]) -> LessSafeKey {
    let key = hmac::sign(master, &[b"imbot store 1".as_slice(), salt].concat());
    let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("the key has 32 bytes");
    LessSafeKey::new(key)
}

/// Opens a sealed value with a derived key. Returns `None` if the key does not open it.
fn open(key: &LessSafeKey, context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let mut text = sealed.get(HEAD..)?.to_vec();
    let nonce = nonce(&sealed[1 + SALT..HEAD]);
    let opened = key.open_in_place(nonce, Aad::from(context), &mut text);
    let length = opened.ok()?.len();
    text.truncate(length);
    Some(text)
}

fn nonce(count: &[u8]) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(count);
    Nonce::assume_unique_for_key(nonce)
}
