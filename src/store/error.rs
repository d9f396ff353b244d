//! Errors of a store and their kinds.

/// An error of a store.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {source}")]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// The kind of a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// There is no room: the disk is full, or a limit of the store is reached. It works again when
    /// there is room.
    Full,
    /// The store cannot be reached, read or written now, such as a disk with I/O errors or a
    /// read-only file. It may work later.
    Unavailable,
    /// Stored data is damaged or cannot be read. Retrying does not help.
    Damaged,
    /// Another process owns what this one wants to change.
    NotOwner,
    /// Any other error, such as a bug. Retrying may not help.
    Other,
}

impl StoreError {
    /// Returns an error of this kind.
    pub fn new(
        kind: StoreErrorKind,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }

    /// Returns the kind of this error.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}
