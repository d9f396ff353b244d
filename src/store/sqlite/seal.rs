//! Seals what must not be read from a stolen disk or backup: bodies and tokens, with AES-256-GCM.
//!
//! A nonce must never come twice under one key. Random ones of 96 bits would do for 2^32 values, which a busy store passes
//! in months. So each process draws 128 random bits when it opens the store, derives a key of its own from them and
//! counts its nonces; the bits stand in front of each value: version (1), bits (16), count (8), sealed text, tag (16).

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};

use super::{Fault, Key};

const VERSION: u8 = 1;
const BITS: usize = 16;
const HEAD: usize = 1 + BITS + 8;
const TAG: usize = 16;

/// How many keys of earlier processes are kept at hand.
const KEYS_MAX: usize = 64;

/// Seals values and opens them.
pub(super) struct Sealer {
    master: hmac::Key,
    bits: [u8; BITS],
    own: LessSafeKey,
    sealed: AtomicU64,
    others: Mutex<HashMap<[u8; BITS], Arc<LessSafeKey>>>,
}

impl Sealer {
    pub(super) fn new(key: &Key) -> Sealer {
        let master = hmac::Key::new(hmac::HMAC_SHA256, key.bytes());
        let mut bits = [0; BITS];
        rand::fill(&mut bits).expect("the system gives random bytes");
        Sealer {
            own: derive(&master, &bits),
            master,
            bits,
            sealed: AtomicU64::new(0),
            others: Mutex::default(),
        }
    }

    /// Seals a value for one place (a table and a row): it cannot be opened in another.
    pub(super) fn seal(&self, place: &str, plain: &[u8]) -> Vec<u8> {
        let count = self.sealed.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut sealed = Vec::with_capacity(HEAD + plain.len() + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.bits);
        sealed.extend_from_slice(&count);
        sealed.extend_from_slice(plain);
        let tag = self
            .own
            .seal_in_place_separate_tag(nonce(&count), Aad::from(place), &mut sealed[HEAD..])
            .expect("a body is far shorter than what AES-GCM can seal");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens a value that was sealed for this place.
    pub(super) fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        let broken = || Fault::Sealed {
            place: place.to_owned(),
        };
        if sealed.len() < HEAD + TAG || sealed[0] != VERSION {
            return Err(broken());
        }
        let bits: [u8; BITS] = sealed[1..1 + BITS]
            .try_into()
            .expect("the length is checked");
        let mut text = sealed[HEAD..].to_vec();
        let length = self
            .key(bits)
            .open_in_place(nonce(&sealed[1 + BITS..HEAD]), Aad::from(place), &mut text)
            .map_err(|_| broken())?
            .len();
        text.truncate(length);
        Ok(text)
    }

    fn key(&self, bits: [u8; BITS]) -> Arc<LessSafeKey> {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if others.len() >= KEYS_MAX {
            others.clear();
        }
        let key = others
            .entry(bits)
            .or_insert_with(|| Arc::new(derive(&self.master, &bits)));
        Arc::clone(key)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

fn derive(master: &hmac::Key, bits: &[u8; BITS]) -> LessSafeKey {
    let key = hmac::sign(master, &[b"imbot store 1".as_slice(), bits].concat());
    let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("the key has 32 bytes");
    LessSafeKey::new(key)
}

fn nonce(count: &[u8]) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(count);
    Nonce::assume_unique_for_key(nonce)
}
