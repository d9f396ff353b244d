//! Posts events to handlers and forms to pages of applications: the only file besides `portal` that
//! names reqwest.
//!
//! `portal` has the crate's HTTP client, but the emulator tests the rest of the crate and so shares
//! no code with it. Requests have the headers that the portal's queue sends.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, USER_AGENT};

/// User agent of the portal's queue.
const AGENT: &str = "Bitrix24 Webhook Engine";

/// User agent of a person's browser; its content does not matter.
const BROWSER: &str = "Mozilla/5.0 (emulated)";

/// Time limit for a handler's answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Maximum part of an answer that the traffic log keeps, in bytes; the portal itself ignores
/// answers.
const ANSWER_BYTES_MAX: usize = 4096;

/// Delivers events.
#[derive(Clone)]
pub(crate) enum Post {
    /// Over the network.
    Network(reqwest::Client),
    /// To handlers in this process: called with the agent, the URL and the form.
    #[cfg(feature = "testing")]
    InProcess(Handlers),
}

/// Handlers in this process.
#[cfg(feature = "testing")]
pub(crate) type Handlers =
    std::sync::Arc<dyn Fn(&'static str, String, String) -> Answering + Send + Sync>;

/// The answer of a handler. The error is a sentence that says why there is none.
#[cfg(feature = "testing")]
pub(crate) type Answering = std::pin::Pin<Box<dyn Future<Output = Result<Answer, String>> + Send>>;

/// The answer of a handler.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Post {
    pub(crate) fn new() -> std::io::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(std::io::Error::other)?;
        Ok(Post::Network(client))
    }

    /// Posts a form once; the error is a sentence for people.
    pub(crate) async fn send(&self, url: &str, form: String) -> Result<Answer, String> {
        self.send_as(AGENT, url, form).await
    }

    /// Posts a form as the browser of a person who opens a page of an application.
    pub(crate) async fn open(&self, url: &str, form: String) -> Result<Answer, String> {
        self.send_as(BROWSER, url, form).await
    }

    #[cfg_attr(
        not(feature = "testing"),
        allow(clippy::infallible_destructuring_match, reason = "tests have another")
    )]
    async fn send_as(
        &self,
        agent: &'static str,
        url: &str,
        form: String,
    ) -> Result<Answer, String> {
        let client = match self {
            Post::Network(client) => client,
            #[cfg(feature = "testing")]
            Post::InProcess(handlers) => return handlers(agent, url.to_owned(), form).await,
        };
        let sent = client
            .post(url)
            .header(USER_AGENT, agent)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await;
        let mut response = sent.map_err(|error| sentence(&error))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                body.truncate(ANSWER_BYTES_MAX);
                break;
            }
        }
        Ok(Answer {
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

fn sentence(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", ANSWER_TIMEOUT.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("not delivered: {cause}")
}
