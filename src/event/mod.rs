//! What a portal says: for now only the form it says it in.

pub mod form;

/// A body that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub String);
