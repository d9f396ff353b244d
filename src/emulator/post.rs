//! Posts an event to a handler, or a page's form to an application: the second and only other file that names reqwest.
//!
//! `portal` has the crate's HTTP client, but the emulator is an independent witness and shares nothing with the road
//! that it is to find fault with. What leaves here is what the portal's queue sends, header by header.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, USER_AGENT};

/// How the portal's queue introduces itself.
const AGENT: &str = "Bitrix24 Webhook Engine";

/// How a person's browser does; what it says of itself matters to nobody.
const BROWSER: &str = "Mozilla/5.0 (emulated)";

/// A handler that takes longer than this has missed the event.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// The part of an answer that the wire log keeps; the portal itself reads none of it.
const ANSWER_BYTES_MAX: usize = 4096;

/// The client that delivers events.
#[derive(Clone, Debug)]
pub(crate) struct Post(reqwest::Client);

/// What a handler said.
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
        Ok(Post(client))
    }

    /// Posts a form once; an error is a sentence, since only people read it.
    pub(crate) async fn send(&self, url: &str, form: String) -> Result<Answer, String> {
        self.send_as(AGENT, url, form).await
    }

    /// Posts a form as the browser of a person does who opens a page of an application.
    pub(crate) async fn open(&self, url: &str, form: String) -> Result<Answer, String> {
        self.send_as(BROWSER, url, form).await
    }

    async fn send_as(&self, agent: &str, url: &str, form: String) -> Result<Answer, String> {
        let sent = self
            .0
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
