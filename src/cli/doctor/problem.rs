//! Why a portal, or an address, gives no good answer: in its words, and what to do.

use std::time::Duration;

use tokio::time::timeout;

use super::super::with_causes;
use super::check::Check;
use crate::portal::Error;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to do where something else answers in a portal's place.
pub(super) const PAGE: &str = "open the address in a browser: a gateway, a login or a maintenance page answers in the \
                               portal's place";
const INSIDE: &str = "it leads into your own network, where no portal in the cloud comes; if the portal is there, too, \
                      allow the host with --allow-host";
const UNHEARD: &str =
    "see whether somebody listens there, and whether firewall and routing let this machine through";

/// What stands in an error that is no refusal, and what to do about it.
const HINTS: &[(&str, &str)] = &[
    (
        "dns error",
        "check the address for typing errors, and this machine's name server",
    ),
    (
        "certificate",
        "this machine does not trust the certificate: renew it, give the server its whole chain, and check this \
         machine's clock",
    ),
    ("is not JSON", PAGE),
    (
        "without https",
        "give an https address; inside your own network, allow the host with --allow-host",
    ),
    ("own network", INSIDE),
    ("no public address", INSIDE),
];

/// Why a question got no good answer.
#[derive(Debug)]
pub(super) struct Problem {
    /// The portal's words, or what was in the way.
    words: String,
    /// What that came from.
    causes: String,
    fix: &'static str,
    /// Whether the same question may be answered later.
    may_pass: bool,
}

impl Problem {
    /// The check that this leaves without an answer: failed where the portal refuses for good.
    pub(super) fn of(self, name: &str) -> Check {
        let check = if self.may_pass {
            Check::unknown
        } else {
            Check::failed
        };
        check(name, self.words + &self.causes, self.fix)
    }

    /// The same for a check without which nothing works.
    pub(super) fn fails(self, name: &str) -> Check {
        Check::failed(name, self.words + &self.causes, self.fix)
    }

    /// The same for an address that is not a portal's.
    pub(super) fn fails_to_reach(self, name: &str, address: &str) -> Check {
        let why = match self.causes.trim_start_matches(": ") {
            "" => &self.words,
            causes => causes,
        };
        let detail = format!("{address} cannot be reached from here: {why}");
        Check::failed(name, detail, self.fix)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let all = with_causes(&error);
        let causes = all.strip_prefix(&error.to_string()).unwrap_or_default();
        Problem {
            words: format!("{error:#}"),
            causes: causes.to_owned(),
            fix: fix(&error, &all),
            may_pass: error.may_pass_later(),
        }
    }
}

/// What to do about an error. What was in the way of a connection stands in its causes only.
fn fix(error: &Error, words: &str) -> &'static str {
    if let Some(advice) = error.advice() {
        return advice;
    }
    if error.is_rate_limited() {
        return "the limit is reached: see whether other programs at this address call the portal, and ask again later";
    }
    if let Some(code) = error.code() {
        return fix_refusal(code);
    }
    let hint = HINTS.iter().find(|(sign, _)| words.contains(sign));
    hint.map_or(UNHEARD, |(_, hint)| hint)
}

/// What to do about codes that are returned before a method runs (protocol/server-behaviour.md 5.2).
fn fix_refusal(code: &str) -> &'static str {
    match code.to_ascii_lowercase().as_str() {
        "authorization_error" => {
            "the person whose rights we have is dismissed or gone: let an administrator install the application again"
        }
        "user_access_error" => {
            "let an administrator of the portal allow this person to use the application"
        }
        "access_denied" => "this person, or this application, lacks a right on the portal",
        "invalid_request" => "call the portal by https",
        "method_confirm_waiting" => "let an administrator of the portal allow this method",
        _ => "look this code up in the documentation; it may be a matter of rights or of the plan",
    }
}

/// Asks, and does not wait for ever.
pub(super) async fn ask<T>(question: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
    match timeout(PATIENCE, question).await {
        Ok(answer) => answer.map_err(Problem::from),
        Err(_) => Err(Problem {
            words: format!("no answer within {} s", PATIENCE.as_secs()),
            causes: String::new(),
            fix: "the portal is slow, or its limit is reached; ask again in a minute",
            may_pass: true,
        }),
    }
}
