//! How requests leave: over the network, or in tests to a portal in this process.

use std::fmt;
#[cfg(feature = "testing")]
use std::pin::Pin;
#[cfg(feature = "testing")]
use std::sync::Arc;

use reqwest::{Request, Response};

/// Where requests are sent.
#[derive(Clone)]
pub(in crate::portal) enum HttpSender {
    Client(reqwest::Client),
    #[cfg(feature = "testing")]
    InProcess(InProcess),
}

/// Answers requests in this process.
#[cfg(feature = "testing")]
pub(crate) type InProcess = Arc<dyn Fn(Request) -> InProcessAnswer + Send + Sync>;

/// The answer of a portal in this process.
#[cfg(feature = "testing")]
pub(crate) type InProcessAnswer = Pin<Box<dyn Future<Output = Result<Response, Cut>> + Send>>;

/// A portal in this process gave no whole answer.
#[cfg(feature = "testing")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed before the end of the answer")]
pub(crate) struct Cut;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(in crate::portal) enum SendError {
    #[error(transparent)]
    Network(reqwest::Error),
    #[cfg(feature = "testing")]
    #[error(transparent)]
    InProcess(#[from] Cut),
}

impl From<reqwest::Error> for SendError {
    /// Without the address: its query may contain a secret.
    fn from(error: reqwest::Error) -> Self {
        Self::Network(error.without_url())
    }
}

impl SendError {
    /// Returns true if the request may have arrived.
    pub(in crate::portal) fn was_sent(&self) -> bool {
        match self {
            Self::Network(error) => !error.is_connect() && !error.is_builder(),
            #[cfg(feature = "testing")]
            Self::InProcess(_) => true,
        }
    }
}

impl HttpSender {
    /// Sends a request, and returns the beginning of its answer.
    pub(in crate::portal) async fn send(&self, request: Request) -> Result<Response, SendError> {
        match self {
            Self::Client(client) => Ok(client.execute(request).await?),
            #[cfg(feature = "testing")]
            Self::InProcess(answer) => Ok(answer(request).await?),
        }
    }
}

impl fmt::Debug for HttpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "Client",
            #[cfg(feature = "testing")]
            Self::InProcess(_) => "InProcess",
        })
    }
}
