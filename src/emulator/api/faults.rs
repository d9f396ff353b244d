//! Faults on demand: what a test cannot wait for a real portal to do.
//!
//! Programs cause the same faults by `POST /emulator/faults`, where a fault has the name of its
//! method here.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::emulator::faults::Fault;
use crate::emulator::limit::RateCounts;
use crate::emulator::refusal::Refusal;
use crate::emulator::serve::Emulator;
use crate::emulator::world::answers::{MethodAnswer, SetAnswer};

/// Faults for tests. Plans for calls and events apply to the next ones; several plans apply in
/// their order.
impl Emulator {
    /// Refuses the next calls with this HTTP status and code, before any other check.
    pub fn refuse(&self, times: usize, status: u16, code: &str) {
        let code = code.to_owned();
        self.cause(Fault::Refuse {
            times,
            status,
            code,
        });
    }

    /// Answers a REST method from now on, in place of the portal: `answer` gets the parameters of
    /// each call. The method may be one that the portal does not have.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use imbot::emulator::{Emulator, Options, Refusal};
    /// use serde_json::json;
    ///
    /// let portal = Emulator::start(Options::default()).await?;
    /// portal.answers("crm.deal.get", |params| match params["id"].as_u64() {
    ///     Some(7) => Ok(json!({ "ID": "7", "TITLE": "Chairs" })),
    ///     _ => Err(Refusal::new("NOT_FOUND", "Not found")),
    /// });
    /// # Ok(()) }
    /// ```
    pub fn answers<A: Into<MethodAnswer>>(
        &self,
        method: &str,
        answer: impl Fn(&Value) -> A + Send + Sync + 'static,
    ) {
        let answer: SetAnswer = Arc::new(move |params| answer(params).into());
        self.portal
            .act(0, |tx| tx.world.answers.set(method, answer));
    }

    /// Refuses the next requests to the authorization server; the refresh tokens in them stay
    /// valid.
    pub fn refuse_tokens(&self, times: usize, status: u16, code: &str) {
        let code = code.to_owned();
        self.cause(Fault::RefuseTokens {
            times,
            status,
            code,
        });
    }

    /// Redirects the next calls to this address with 302, without running them, as a login or
    /// maintenance page in front of the portal does.
    pub fn redirect(&self, times: usize, to: &str) {
        let to = to.to_owned();
        self.cause(Fault::Redirect { times, to });
    }

    /// Runs the next calls that succeed, but answers them like a gateway that lost the portal, with
    /// 502. The caller cannot know that they were run.
    pub fn swallow(&self, answers: usize) {
        self.answer_html(answers, 502);
    }

    /// Like [`Emulator::swallow`] with any HTTP status; a login page comes with 200.
    pub fn answer_html(&self, times: usize, status: u16) {
        self.cause(Fault::AnswerHtml { times, status });
    }

    /// Runs the next calls that succeed, and closes the connection in the middle of the answer.
    pub fn cut_answers(&self, times: usize) {
        self.cause(Fault::CutAnswers { times });
    }

    /// Runs the next calls that succeed, and delays their answers by this time, in whole
    /// milliseconds.
    pub fn delay_answers(&self, times: usize, late: Duration) {
        let ms = milliseconds(late);
        self.cause(Fault::DelayAnswers { times, ms });
    }

    /// Expires every access token now.
    pub fn expire_tokens(&self) {
        self.cause(Fault::ExpireTokens {});
    }

    /// Adds operating time to a method that it did not take; 420 seconds within ten minutes block
    /// it.
    pub fn charge(&self, client_id: &str, method: &str, seconds: f64) {
        let (client_id, method) = (client_id.to_owned(), method.to_owned());
        self.cause(Fault::Charge {
            client_id,
            method,
            seconds,
        });
    }

    /// Loses the next events; a portal does not send them again.
    pub fn lose(&self, events: usize) {
        self.cause(Fault::LoseEvents { times: events });
    }

    /// Delivers each of the next events twice, as a distributed queue may.
    pub fn repeat(&self, events: usize) {
        self.cause(Fault::RepeatEvents { times: events });
    }

    /// Delays the next events by this time, in whole milliseconds; later events arrive before them.
    pub fn delay_events(&self, events: usize, late: Duration) {
        let ms = milliseconds(late);
        self.cause(Fault::DelayEvents { times: events, ms });
    }

    /// Removes an application from the portal without an event: its tokens are refused with
    /// `APPLICATION_NOT_FOUND`, it cannot renew them, and its bots get no events.
    ///
    /// # Errors
    ///
    /// `APPLICATION_NOT_FOUND` if there is no such application.
    pub fn revoke_app(&self, client_id: &str) -> Result<(), Refusal> {
        let client_id = client_id.to_owned();
        Fault::RevokeApp { client_id }.cause(&self.portal)
    }

    /// Gives the inbound webhook another secret: calls with the old one are refused with
    /// `INVALID_CREDENTIALS`.
    pub fn revoke_webhook(&self) {
        self.cause(Fault::RevokeWebhook {});
    }

    /// Gives the portal another address, `host` or `host:port`. Calls to the old one are answered
    /// with 302, whose `Location` has the port and the whole path; the caller has to repeat method
    /// and body.
    pub fn rename(&self, domain: &str) {
        let domain = domain.to_owned();
        self.cause(Fault::Rename { domain });
    }

    /// Removes all plans for calls and events.
    pub fn calm(&self) {
        self.cause(Fault::Calm {});
    }

    /// Returns how many REST calls the rate limit has accepted and refused so far.
    pub fn rate_counts(&self) -> RateCounts {
        self.portal.limits().counts
    }

    /// Causes a fault that cannot fail.
    fn cause(&self, fault: Fault) {
        let caused = fault.cause(&self.portal);
        debug_assert!(caused.is_ok(), "{caused:?}");
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
