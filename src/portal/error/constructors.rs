//! Constructors of [`Error`].

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use super::{Error, Forbidden, Kind, OAUTH_METHOD};
use crate::portal::http::sender::SendError;
use crate::store::StoreError;

impl Error {
    fn new(method: &str, kind: Kind) -> Error {
        Error {
            method: method.to_owned(),
            kind: Arc::new(kind),
        }
    }

    pub(in crate::portal) fn refused(
        method: &str,
        code: &str,
        description: &str,
        status: u16,
        retry_after: Option<Duration>,
    ) -> Error {
        let kind = Kind::Refused {
            code: code.to_owned(),
            description: description.to_owned(),
            status,
            retry_after,
        };
        Error::new(method, kind)
    }

    /// A portal's refusal, for another [`Transport`](crate::engine::Transport).
    pub fn refusal(code: &str, status: u16) -> Error {
        Error::refused("imbot.message.add", code, "", status, None)
    }

    pub(in crate::portal) fn answer(
        method: &str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Error {
        Error::new(method, Kind::Answer(source.into()))
    }

    pub(in crate::portal) fn not_a_list(method: &str, why: String) -> Error {
        Error::new(method, Kind::NotAList(why))
    }

    pub(in crate::portal) fn not_json(method: &str, status: u16, excerpt: String) -> Error {
        let excerpt = Some(excerpt);
        Error::new(method, Kind::NotJson { status, excerpt })
    }

    /// The same error without a quote of the answer, which may contain tokens.
    pub(in crate::portal) fn without_excerpt(self) -> Error {
        match &*self.kind {
            Kind::NotJson {
                status,
                excerpt: Some(excerpt),
            } if !excerpt.is_empty() => {
                let (status, excerpt) = (*status, None);
                Error::new(&self.method, Kind::NotJson { status, excerpt })
            }
            _ => self,
        }
    }

    pub(in crate::portal) fn too_large(method: &str, limit: usize) -> Error {
        Error::new(method, Kind::TooLarge(limit))
    }

    pub(in crate::portal) fn unreachable(method: &str, source: impl Into<SendError>) -> Error {
        let source = source.into();
        let was_sent = source.was_sent();
        Error::new(method, Kind::Unreachable { source, was_sent })
    }

    pub(in crate::portal) fn forbidden(method: &str, why: impl Into<Forbidden>) -> Error {
        Error::new(method, Kind::Forbidden(why.into()))
    }

    /// A call that is not made, since it could not succeed.
    pub(crate) fn unusable(method: &str, why: &str) -> Error {
        Error::forbidden(method, why.to_owned())
    }

    pub(in crate::portal) fn queue_full(method: &str, waiting: usize) -> Error {
        Error::new(method, Kind::QueueFull(waiting))
    }

    /// A call that is not made, since another process may own the portal.
    pub(in crate::portal) fn not_owner(method: &str) -> Error {
        Error::new(method, Kind::NotOwner)
    }

    /// A call that was sent, and had no answer within this time.
    pub(in crate::portal) fn no_answer_within(method: &str, limit: Duration) -> Error {
        Error::new(method, Kind::NoAnswer(limit))
    }

    pub(crate) fn store(method: &str, source: StoreError) -> Error {
        Error::new(method, Kind::Store(source))
    }

    /// The same failure for another call, which was in the same batch or needed the same tokens.
    pub(in crate::portal) fn for_method(&self, method: &str) -> Error {
        let is_of_tokens = self.method == OAUTH_METHOD;
        Error {
            method: if is_of_tokens { &self.method } else { method }.to_owned(),
            kind: Arc::clone(&self.kind),
        }
    }

    /// The same refusal, with the time that is left until the method is called again.
    pub(in crate::portal) fn with_retry_after(&self, method: &str, left: Duration) -> Error {
        match &*self.kind {
            Kind::Refused {
                code,
                description,
                status,
                ..
            } => Error::refused(method, code, description, *status, Some(left)),
            _ => self.for_method(method),
        }
    }
}
