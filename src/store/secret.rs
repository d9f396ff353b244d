//! The secret of a store, with which the program signs what comes back to it.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretBox};

/// Name of the secret among the values that belong to a store as a whole.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) const NAME: &str = "secret";

/// Context in which the secret is sealed.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) const CONTEXT: &str = "meta secret";

/// The secret of a store: 32 random bytes, made once for the store and the same for all processes
/// on it. Buttons are signed with it.
#[derive(Clone)]
pub struct Secret(Arc<SecretBox<[u8; 32]>>);

impl Secret {
    /// Returns a new random secret.
    pub fn random() -> Self {
        let secret = SecretBox::init_with_mut(|secret: &mut [u8; 32]| {
            aws_lc_rs::rand::fill(secret).expect("the system gives random bytes");
        });
        Self(Arc::new(secret))
    }

    /// Returns the secret with these bytes, as [`bytes`](Self::bytes) returned them. Returns `None`
    /// if they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.try_into().ok()?;
        Some(Self(Arc::new(SecretBox::new(Box::new(bytes)))))
    }

    /// Returns the bytes, for storing them sealed.
    pub fn bytes(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    /// Leaves out the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
