//! The checksum of the rows of a kind, and the identity of a store.

use std::hash::{Hash, Hasher};

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::record::Record;

/// Counts rows and computes a checksum of them, in their order. It is only compared within one
/// process.
#[derive(Clone)]
pub(super) struct Checksum {
    context: Context,
    count: u64,
}

impl Checksum {
    pub(super) fn new() -> Self {
        Self {
            context: Context::new(&SHA256),
            count: 0,
        }
    }

    pub(super) fn add(&mut self, record: &Record) {
        self.count += 1;
        record.hash(self);
    }

    /// Returns the number of rows, and their checksum.
    pub(super) fn finish_rows(self) -> (u64, Vec<u8>) {
        (self.count, self.context.finish().as_ref().to_vec())
    }
}

impl Hasher for Checksum {
    fn write(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// Not used: the checksum is longer.
    fn finish(&self) -> u64 {
        self.count
    }
}

/// Returns a text that identifies a store by the sealed value that checks its key.
pub(in crate::store) fn identity_of(key_check: &[u8]) -> String {
    STANDARD.encode(digest(&SHA256, key_check))
}
