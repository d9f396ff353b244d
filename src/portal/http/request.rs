//! Sends one request to a portal: with its tokens, to its current address.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::answer::Answer;
use super::file::{FileContent, FileHeader};
use super::redirect::{HOPS_MAX, Hop};
use crate::portal::auth::webhook;
use crate::portal::error::Forbidden;
use crate::portal::{Error, Http, Portal};
use crate::store::{Access, Tokens};

/// Maximum number of renewals of the tokens in use for one request: those taken over from another
/// process may have expired too.
const RENEWALS_MAX: u32 = 2;

/// A version of the portal's REST interface. v1 and v2 are those of the bot platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::portal) enum RestVersion {
    /// The methods below `/rest/`.
    Classic,
    /// The methods below `/rest/api/` (protocol/rest.md 7).
    V3,
}

impl Portal {
    /// Sends one request that the limit has permitted, again if the access token has expired.
    /// Tokens taken over from another process may have expired too, so this may happen twice. A
    /// token that the portal does not recognise is renewed once, unless it is new. If the person
    /// whose rights are used is gone, the spare tokens are used instead.
    pub(in crate::portal) async fn request(
        &self,
        version: RestVersion,
        method: &str,
        params: &Value,
    ) -> Result<Answer, Error> {
        if let Some(token) = self.token() {
            let access = token.clone();
            let refresh = SecretString::default(); // it cannot be renewed
            let access = Access::Tokens(Tokens { access, refresh });
            return self.send(version, method, params, &access).await;
        }
        let mut access = self.access().await;
        let mut answer = self.send(version, method, params, &access).await;
        let (mut renewals, mut has_changed) = (0, false);
        while let Access::Tokens(stale) = &access {
            match &answer {
                Err(error) if error.is_user_gone() && !has_changed => {
                    if !self.leave_tokens(stale, error).await {
                        break;
                    }
                    (renewals, has_changed) = (0, true);
                }
                Err(error) if error.is_user_gone() => {
                    self.leave_tokens(stale, error).await;
                    break;
                }
                Err(_) if renewals == RENEWALS_MAX => break,
                Err(error) if error.is_token_expired() => {
                    self.refresh(stale).await?;
                    renewals += 1;
                }
                Err(error) if error.is_not_recognised() && self.may_be_stale().await => {
                    self.refresh(stale).await?;
                    renewals += 1;
                }
                _ => break,
            }
            self.acquire_one(method).await?;
            access = self.access().await;
            answer = self.send(version, method, params, &access).await;
        }
        answer
    }

    async fn send(
        &self,
        version: RestVersion,
        method: &str,
        params: &Value,
        access: &Access,
    ) -> Result<Answer, Error> {
        let mut body = params.as_object().cloned().unwrap_or_default();
        if !self.source().is_empty() {
            body.insert("auth_connector".into(), self.source().into());
        }
        let mut path = match access {
            Access::Tokens(tokens) => {
                body.insert("auth".into(), tokens.access.expose_secret().into());
                method.to_owned()
            }
            Access::Webhook(hook) => {
                if version == RestVersion::Classic {
                    webhook::add_bot_token(method, &mut body, &hook.bot_token);
                }
                format!("{}/{}/{method}", hook.user, hook.code.expose_secret())
            }
        };
        match version {
            RestVersion::Classic => path.push_str(".json"),
            RestVersion::V3 => path.insert_str(0, "api/"),
        }
        let answer = self.post_in_time(method, &path, &Value::Object(body)).await;
        let bucket = &mut self.scheduler().queue.bucket;
        match &answer {
            Err(error) if error.is("QUERY_LIMIT_EXCEEDED") => {
                tracing::warn!(portal = %self.id(), method, "the portal's limit is used up by calls of other programs");
                bucket.on_refusal(Instant::now(), error.retry_after());
            }
            Err(error) if error.code().is_none() => {} // the state of the limit is unknown
            _ => bucket.on_success(),
        }
        answer
    }

    /// Reads the file at a one-time address of this portal.
    pub(in crate::portal) async fn download(
        &self,
        method: &str,
        address: &str,
        limit: usize,
    ) -> Result<FileContent, Error> {
        self.acquire_one(method).await?;
        let http = &self.inner.http;
        http.download(method, address, &self.endpoint(), limit)
            .await
    }

    /// Reads name, type and size of the file at a one-time address of this portal.
    pub(in crate::portal) async fn file_header(
        &self,
        method: &str,
        address: &str,
    ) -> Result<FileHeader, Error> {
        self.acquire_one(method).await?;
        let http = &self.inner.http;
        http.file_header(method, address, &self.endpoint()).await
    }

    /// Posts to the portal's address, if this process may send the call, and at most for as long as
    /// it may take.
    async fn post_in_time(&self, method: &str, path: &str, body: &Value) -> Result<Answer, Error> {
        if !self.may_send() {
            return Err(Error::not_owner(method));
        }
        match self.inner.store.send_limit() {
            None => self.post(method, path, body).await,
            Some(limit) => timeout(limit, self.post(method, path, body))
                .await
                .unwrap_or_else(|_| Err(Error::no_answer_within(method, limit))),
        }
    }

    /// Posts to the portal's address, and follows redirects to a new one, which is stored.
    async fn post(&self, method: &str, path: &str, body: &Value) -> Result<Answer, Error> {
        let http = &self.inner.http;
        let (moved_to, answer) = http.post(method, &self.endpoint(), path, body).await?;
        if let Some(endpoint) = moved_to {
            self.move_to(&endpoint).await;
        }
        Ok(answer)
    }
}

impl Http {
    /// Posts to an address of REST methods, and follows redirects. Returns the new address, if
    /// there was one, and the answer.
    pub(in crate::portal) async fn post(
        &self,
        method: &str,
        endpoint: &str,
        path: &str,
        body: &Value,
    ) -> Result<(Option<String>, Answer), Error> {
        let mut moved_to: Option<String> = None;
        for _ in 0..=HOPS_MAX {
            let endpoint = moved_to.as_deref().unwrap_or(endpoint);
            let address = format!("{endpoint}{path}");
            match self.call(method, &address, body).await? {
                Hop::Answer(answer) => return Ok((moved_to, answer)),
                Hop::Redirect(to) => moved_to = Some(to.follow(method, endpoint)?),
            }
        }
        let why = Forbidden::TooManyRedirects(HOPS_MAX);
        Err(Error::forbidden(method, why))
    }
}
