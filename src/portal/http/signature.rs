//! Signatures of what is forwarded, as Standard Webhooks has them (<https://www.standardwebhooks.com>): receivers find a
//! library for them in every language.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::store::Time;

/// The least bytes of a secret that signs.
pub const SECRET_BYTES_MIN: usize = 24;

/// How far the time of a signature may be from that of who checks it.
pub const SIGNATURE_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// What a secret may begin with, as Standard Webhooks shows them.
const PREFIX: &str = "whsec_";

/// The version of the signature: HMAC with SHA-256.
const VERSION: &str = "v1,";

/// Signs what is forwarded, and checks the signature where it is received.
///
/// What is signed is the text `ID.TIME.BODY`: of the headers `webhook-id` and `webhook-timestamp` (Unix seconds), and the body
/// byte for byte. The header `webhook-signature` is `v1,` and the HMAC-SHA256 of that text in base64. The key is the secret
/// read as base64, without `whsec_` if it begins so. A receiver refuses what is too old, or whose id it has had.
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

/// A secret cannot sign. It is not repeated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is at least {SECRET_BYTES_MIN} bytes in base64, such as `openssl rand -base64 32` makes them"
)]
pub struct SecretError;

/// Why what was received is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The time is none.
    #[error("`webhook-timestamp` is not a time")]
    NotATime,
    /// The time is too far from now.
    #[error("the signature is of another time than now")]
    Expired,
    /// The signature is another.
    #[error("the signature is not of this secret, or of another body")]
    Mismatch,
}

impl Signer {
    /// A signer with this secret.
    ///
    /// # Errors
    /// It is not base64, or too short.
    pub fn new(secret: &SecretString) -> Result<Signer, SecretError> {
        let text = secret.expose_secret().trim();
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        let key = BASE64_STANDARD.decode(text).map_err(|_| SecretError)?;
        if key.len() < SECRET_BYTES_MIN {
            return Err(SecretError);
        }
        Ok(Signer(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// The signature of a body that is sent under this id now.
    pub fn sign(&self, id: &str, now: Time, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [head(id, &seconds(now).to_string()).as_bytes(), body] {
            context.update(part);
        }
        format!("{VERSION}{}", BASE64_STANDARD.encode(context.sign()))
    }

    /// Checks what was received: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, and the body. The
    /// signature may be one of several, with spaces between them: so a secret is changed without a gap.
    ///
    /// # Errors
    /// See [`SignatureError`].
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
        let mut signed = head(id, timestamp).into_bytes();
        signed.extend_from_slice(body);
        let is_ours = |signature: &str| {
            let tag = signature.strip_prefix(VERSION);
            let tag = tag.and_then(|tag| BASE64_STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| hmac::verify(&self.0, &signed, &tag).is_ok())
        };
        let mut signatures = signatures.split(' ');
        signatures.any(is_ours).then_some(()).ok_or(SignatureError::Mismatch)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(<redacted>)")
    }
}

/// What stands before the body in what is signed.
fn head(id: &str, timestamp: &str) -> String {
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
    fn another_time_id_secret_or_body_is_not_believed() {
        let ours = signer(SECRET).unwrap();
        let signature = ours.sign("7", NOW, b"{}");
        let check = |id, at, signature: &str, body| ours.verify(id, at, signature, body, NOW);
        let now = "1614265330";
        assert_eq!(check("7", now, &signature, b"{}"), Ok(()));
        assert_eq!(
            check("7", now, &format!("v1,AAAA {signature}"), b"{}"),
            Ok(())
        );
        assert_eq!(check("8", now, &signature, b"{}"), Err(SignatureError::Mismatch));
        assert_eq!(
            check("7", "1614265331", &signature, b"{}"),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(check("7", now, &signature, b"{ }"), Err(SignatureError::Mismatch));
        assert_eq!(check("7", now, "", b"{}"), Err(SignatureError::Mismatch));
        assert_eq!(
            check("7", "1614265029", &signature, b"{}"),
            Err(SignatureError::Expired)
        );
        assert_eq!(
            check("7", "yesterday", &signature, b"{}"),
            Err(SignatureError::NotATime)
        );
        let other = signer("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let signature = other.sign("7", NOW, b"{}");
        assert_eq!(check("7", now, &signature, b"{}"), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_secret_is_long_enough_and_shows_nowhere() {
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
