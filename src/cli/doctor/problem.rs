//! Why a question to a portal or an address failed, and what to do about it.

use std::time::Duration;

use super::super::with_causes;
use super::check::Check;
use crate::portal::{Error, Reason};

/// What to do if something else answers in a portal's place.
pub(super) const PAGE: &str =
    "open the address in a browser: a gateway, a login or a maintenance page answers instead";
const BUSY: &str = "the portal is slow, or its limit is reached; try again in a minute";

/// Why a question failed.
#[derive(Debug)]
pub(super) struct Problem {
    /// The error, with the portal's own words.
    message: String,
    /// The causes of the error, each after `: `.
    causes: String,
    fix: &'static str,
    /// Whether the same question may succeed later.
    may_pass: bool,
}

impl Problem {
    /// No answer arrived in time.
    pub(super) fn timed_out(limit: Duration) -> Self {
        Self {
            message: format!("no answer within {} s", limit.as_secs()),
            causes: String::new(),
            fix: BUSY,
            may_pass: true,
        }
    }

    /// Returns the check that has no answer: failed if the portal refuses permanently.
    pub(super) fn into_check(self, name: &str) -> Check {
        if self.may_pass {
            Check::unknown(name, self.message + &self.causes, self.fix)
        } else {
            self.into_failure(name)
        }
    }

    /// Returns a failed check, for what must work.
    pub(super) fn into_failure(self, name: &str) -> Check {
        Check::failed(name, self.message + &self.causes, self.fix)
    }

    /// Returns a failed check for an address of this program.
    pub(super) fn into_unreachable(self, name: &str, address: &str) -> Check {
        let why = match self.causes.trim_start_matches(": ") {
            "" => &self.message,
            causes => causes,
        };
        let detail = format!("{address} cannot be reached from this machine: {why}");
        Check::failed(name, detail, self.fix)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let all = with_causes(&error);
        let causes = all.strip_prefix(&error.to_string()).unwrap_or_default();
        Self {
            message: format!("{error:#}"),
            causes: causes.to_owned(),
            fix: fix(&error),
            may_pass: error.may_pass_later(),
        }
    }
}

/// Returns what to do about an error.
fn fix(error: &Error) -> &'static str {
    match (error.reason(), error.advice()) {
        (Some(reason), _) => fix_failure(reason),
        (None, Some(advice)) => advice,
        (None, None) => fix_refusal(error.code().unwrap_or_default()),
    }
}

/// Returns what to do about codes that come before a method runs
/// (protocol/server-behaviour.md 5.2).
fn fix_refusal(code: &str) -> &'static str {
    match code.to_ascii_lowercase().as_str() {
        "access_denied" => "this user or this application lacks a right on the portal",
        "invalid_request" => "call the portal by https",
        _ => "look this code up in the documentation; it may concern rights or the plan",
    }
}

/// Returns what to do if the call was not made, or its answer cannot be used.
fn fix_failure(reason: Reason) -> &'static str {
    match reason {
        Reason::UnknownHost => {
            "check the address for typing errors, and this machine's name server"
        }
        Reason::PrivateAddress => {
            "the address is in your own network, where no cloud portal is; if the portal is there too, allow the host with --allow-host"
        }
        Reason::PlainHttp => {
            "use an https address; in your own network, allow the host with --allow-host"
        }
        Reason::UntrustedCertificate => {
            "this machine does not trust the certificate: if it is from an authority of your own, name that authority's certificate with --ca-file; otherwise renew it, configure the server with its whole chain, and check this machine's clock"
        }
        Reason::Connection => {
            "check that the server is running, and that firewall and routing let this machine through"
        }
        Reason::NotJson | Reason::Redirected => PAGE,
        Reason::UnexpectedAnswer => {
            "open the address in a browser: the answer is not the documented one"
        }
        Reason::QueueFull => BUSY,
        Reason::Store => "run `store status`; make sure that the store's disk can be written",
        Reason::NotCalled => "check the address",
    }
}
