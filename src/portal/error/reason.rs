//! Why a call failed that the portal did not refuse, for advice and for `doctor`.

use std::error::Error as StdError;
use std::io;

use super::{Error, Forbidden, Kind};
use crate::portal::http::public::ResolveError;

/// The beginning of rustls's error for an untrusted certificate. Its type is not available here.
const UNTRUSTED: &str = "invalid peer certificate";

/// Why a call was not made, or why its answer cannot be used.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The host's name cannot be resolved.
    UnknownHost,
    /// The address is private, and not allowed by name.
    PrivateAddress,
    /// The address is not https, and not allowed by name.
    PlainHttp,
    /// The server's certificate is not trusted.
    UntrustedCertificate,
    /// There is no connection, or it ended before the answer.
    Connection,
    /// The answer is not JSON.
    NotJson,
    /// The portal redirects to something that is not a REST method.
    Redirected,
    /// The answer is too large, or not of the expected type.
    UnexpectedAnswer,
    /// Too many calls wait.
    QueueFull,
    /// The store failed.
    Store,
    /// The call is not allowed for another reason.
    NotCalled,
}

impl Error {
    /// Returns the reason of the failure; `None` if the portal refused ([`code`](Error::code)).
    pub(crate) fn reason(&self) -> Option<Reason> {
        Some(match &*self.kind {
            Kind::Refused { .. } => return None,
            Kind::Unreachable { source, .. } => of_connection(source),
            Kind::NotJson { .. } => Reason::NotJson,
            Kind::Answer(_) | Kind::NotAList(_) | Kind::TooLarge(_) => Reason::UnexpectedAnswer,
            Kind::QueueFull(_) => Reason::QueueFull,
            Kind::Store(_) => Reason::Store,
            Kind::NotOwner => Reason::NotCalled,
            Kind::NoAnswer(_) => Reason::Connection,
            Kind::Forbidden(why) => match why {
                Forbidden::PrivateAddress { .. } => Reason::PrivateAddress,
                Forbidden::PlainHttp { .. } | Forbidden::PlainHttpRedirect { .. } => {
                    Reason::PlainHttp
                }
                Forbidden::ElsewhereRedirect { .. } | Forbidden::TooManyRedirects(_) => {
                    Reason::Redirected
                }
                Forbidden::Other(_) => Reason::NotCalled,
            },
        })
    }
}

/// Returns the reason of a failed connection: the first known error among the causes.
fn of_connection(error: &(dyn StdError + 'static)) -> Reason {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(reason) = of_cause(error) {
            return reason;
        }
        cause = error.source();
    }
    Reason::Connection
}

fn of_cause(cause: &(dyn StdError + 'static)) -> Option<Reason> {
    match cause.downcast_ref() {
        Some(ResolveError::Lookup(_)) => return Some(Reason::UnknownHost),
        Some(ResolveError::NotPublic { .. }) => return Some(Reason::PrivateAddress),
        None => {}
    }
    let io: &io::Error = cause.downcast_ref()?;
    let is_untrusted = io.to_string().starts_with(UNTRUSTED);
    is_untrusted.then_some(Reason::UntrustedCertificate)
}

#[cfg(all(test, feature = "cli"))] // `probe` is only there for `doctor`
mod tests {
    use crate::portal::Http;
    use crate::portal::error::reason::*;

    #[tokio::test]
    async fn an_address_that_cannot_be_called_is_classified() {
        let too_long = format!("{}.example", "a".repeat(64)); // never sent to a name server
        let http = Http::new(["127.0.0.1:9".to_owned(), too_long.clone()]).unwrap();
        let too_long = format!("http://{too_long}/");
        for (address, reason) in [
            ("http://example.bitrix24.com/", Reason::PlainHttp),
            ("https://192.168.1.1/", Reason::PrivateAddress),
            ("https://localhost/", Reason::PrivateAddress),
            (too_long.as_str(), Reason::UnknownHost),
            ("http://127.0.0.1:9/", Reason::Connection), // the discard port
            ("nowhere", Reason::NotCalled),
        ] {
            let error = http.probe("health", address).await.unwrap_err();
            assert_eq!(error.reason(), Some(reason), "{address}: {error:?}");
        }
        assert_eq!(Error::refusal("ACCESS_DENIED", 403).reason(), None);
    }
}
