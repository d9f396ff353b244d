//! Signs forwarded events as Standard Webhooks specifies (<https://www.standardwebhooks.com>), for
//! which receivers find a library in every language.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::store::Time;

/// Minimum length of a secret, in bytes.
pub const SECRET_BYTES_MIN: usize = 24;

/// Maximum difference between a signature's time and the receiver's clock.
pub const SIGNATURE_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Optional beginning of a secret, as Standard Webhooks writes it.
const PREFIX: &str = "whsec_";

/// The signature's version: HMAC with SHA-256.
const VERSION: &str = "v1,";

/// Signs forwarded events, and verifies signatures on the receiving side.
///
/// The signed text is `ID.TIME.BODY`: the headers `webhook-id` and `webhook-timestamp` (Unix
/// seconds), and the body byte for byte. The header `webhook-signature` is `v1,` and the
/// HMAC-SHA256 of that text in base64. The key is the secret decoded from base64, without a leading
/// `whsec_`. A receiver should reject old events and ids that it has seen.
///
/// ```
/// use imbot::portal::Signer;
/// use imbot::store::Time;
///
/// let signer = Signer::new(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into())?;
/// let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
/// let at = Time(1_614_265_330_000);
/// let signature = signer.sign(id, at, body);
/// assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
///
/// let (timestamp, a_minute_later) = ("1614265330", Time(1_614_265_390_000));
/// assert!(signer.verify(id, timestamp, &signature, body, a_minute_later).is_ok());
/// assert!(signer.verify(id, timestamp, &signature, b"{}", a_minute_later).is_err());
/// # Ok::<(), imbot::portal::SecretError>(())
/// ```
pub struct Signer(hmac::Key);

/// A secret that cannot sign. The error does not quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret has at least {SECRET_BYTES_MIN} bytes in base64, as `openssl rand -base64 32` prints them"
)]
pub struct SecretError;

/// Why a signature is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// `webhook-timestamp` is not a number of seconds.
    #[error("`webhook-timestamp` is not a time")]
    NotATime,
    /// The time differs from now by more than [`SIGNATURE_TOLERANCE`].
    #[error("the signature's time is too far from now")]
    Expired,
    /// No signature matches.
    #[error("the signature does not match this secret and body")]
    Mismatch,
}

impl Signer {
    /// A signer with this secret.
    ///
    /// # Errors
    /// The secret is not base64, or has fewer than [`SECRET_BYTES_MIN`] bytes.
    pub fn new(secret: &SecretString) -> Result<Signer, SecretError> {
        let text = secret.expose_secret().trim();
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        let key = BASE64_STANDARD.decode(text).map_err(|_| SecretError)?;
        if key.len() < SECRET_BYTES_MIN {
            return Err(SecretError);
        }
        Ok(Signer(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// Returns the signature of a body sent now under this id.
    pub fn sign(&self, id: &str, now: Time, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [prefix(id, &seconds(now).to_string()).as_bytes(), body] {
            context.update(part);
        }
        format!("{VERSION}{}", BASE64_STANDARD.encode(context.sign()))
    }

    /// Verifies a received event: the headers `webhook-id`, `webhook-timestamp` and
    /// `webhook-signature`, and the body. The header may contain several signatures, separated by
    /// spaces, so that a secret can be replaced without a gap.
    ///
    /// # Errors
    /// - [`SignatureError::NotATime`]: `timestamp` is not a number of seconds.
    /// - [`SignatureError::Expired`]: it differs from `now` by more than [`SIGNATURE_TOLERANCE`].
    /// - [`SignatureError::Mismatch`]: no signature matches.
    pub fn verify(
        &self,
        id: &str,
        timestamp: &str,
        signatures: &str,
        body: &[u8],
        now: Time,
    ) -> Result<(), SignatureError> {
        let at: u64 = timestamp.parse().map_err(|_| SignatureError::NotATime)?;
        if seconds(now).abs_diff(at) > SIGNATURE_TOLERANCE.as_secs() {
            return Err(SignatureError::Expired);
        }
        let mut signed = prefix(id, timestamp).into_bytes();
        signed.extend_from_slice(body);
        let is_ours = |signature: &str| {
            let tag = signature.strip_prefix(VERSION);
            let tag = tag.and_then(|tag| BASE64_STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| hmac::verify(&self.0, &signed, &tag).is_ok())
        };
        let mut signatures = signatures.split(' ');
        signatures
            .any(is_ours)
            .then_some(())
            .ok_or(SignatureError::Mismatch)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(<redacted>)")
    }
}

/// The signed text before the body.
fn prefix(id: &str, timestamp: &str) -> String {
    format!("{id}.{timestamp}.")
}

fn seconds(time: Time) -> u64 {
    time.0 / 1000
}

#[cfg(test)]
mod tests {
    use crate::portal::http::signature::*;

    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NOW: Time = Time(1_614_265_330_000);

    fn signer(secret: &str) -> Result<Signer, SecretError> {
        Signer::new(&secret.into())
    }

    #[test]
    fn a_signature_is_valid_for_its_time_id_secret_and_body_only() {
        let ours = signer(SECRET).unwrap();
        let signature = ours.sign("7", NOW, b"{}");
        let verify = |id, at, signature: &str, body| ours.verify(id, at, signature, body, NOW);
        let now = "1614265330";
        assert_eq!(verify("7", now, &signature, b"{}"), Ok(()));
        assert_eq!(
            verify("7", now, &format!("v1,AAAA {signature}"), b"{}"),
            Ok(())
        );
        assert_eq!(
            verify("8", now, &signature, b"{}"),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(
            verify("7", "1614265331", &signature, b"{}"),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(
            verify("7", now, &signature, b"{ }"),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(verify("7", now, "", b"{}"), Err(SignatureError::Mismatch));
        assert_eq!(
            verify("7", "1614265029", &signature, b"{}"),
            Err(SignatureError::Expired)
        );
        assert_eq!(
            verify("7", "yesterday", &signature, b"{}"),
            Err(SignatureError::NotATime)
        );
        let other = signer("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let signature = other.sign("7", NOW, b"{}");
        assert_eq!(
            verify("7", now, &signature, b"{}"),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn a_short_secret_is_rejected_and_a_secret_is_never_printed() {
        for secret in [
            "",
            "short",
            "MfKQ9r8GKYqrTwjUPD8=",
            "no base64 at all, but long enough",
        ] {
            assert!(signer(secret).is_err(), "{secret}");
        }
        assert_eq!(
            format!("{:?}", signer(SECRET).unwrap()),
            "Signer(<redacted>)"
        );
    }
}
