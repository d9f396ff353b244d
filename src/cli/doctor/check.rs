//! What one check found: a verdict, what was found, and how to mend it.

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use super::super::with_causes;
use crate::portal::Error;

/// How long one question to a portal may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// It is as it should be.
    Ok,
    /// Events may come, and something is not as it should be.
    Warning,
    /// Events cannot come, or nothing can be done with them.
    Failed,
    /// It could not be found out.
    Unknown,
    /// It does not concern this portal, or something before it has to be mended first.
    Skipped,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "failed",
            Verdict::Unknown => "unknown",
            Verdict::Skipped => "skipped",
        }
    }
}

/// One check.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) found: String,
    /// What to do, where something is not as it should be.
    pub(super) mend: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &str, found: impl Into<String>) -> Check {
        Check::new(name, Verdict::Ok, found.into(), None)
    }

    pub(super) fn skipped(name: &str, why: impl Into<String>) -> Check {
        Check::new(name, Verdict::Skipped, why.into(), None)
    }

    pub(super) fn warning(name: &str, found: impl Into<String>, mend: impl Into<String>) -> Check {
        Check::new(name, Verdict::Warning, found.into(), Some(mend.into()))
    }

    pub(super) fn failed(name: &str, found: impl Into<String>, mend: impl Into<String>) -> Check {
        Check::new(name, Verdict::Failed, found.into(), Some(mend.into()))
    }

    pub(super) fn unknown(name: &str, found: impl Into<String>, mend: impl Into<String>) -> Check {
        Check::new(name, Verdict::Unknown, found.into(), Some(mend.into()))
    }

    /// Whether what comes after it cannot be looked at.
    pub(super) fn is_in_the_way(&self) -> bool {
        self.verdict == Verdict::Failed
    }

    fn new(name: &str, verdict: Verdict, found: String, mend: Option<String>) -> Check {
        Check {
            name: name.to_owned(),
            verdict,
            found,
            mend,
        }
    }
}

/// Why a question got no good answer.
#[derive(Debug)]
pub(super) struct Trouble {
    /// The portal's words, or what was in the way.
    found: String,
    mend: String,
    /// Whether the same question may be answered later.
    may_pass: bool,
}

impl Trouble {
    /// The check that this leaves without an answer: failed where the portal refuses for good.
    pub(super) fn of(self, name: &str) -> Check {
        match self.may_pass {
            true => Check::unknown(name, self.found, self.mend),
            false => Check::failed(name, self.found, self.mend),
        }
    }

    /// The same for a check without which nothing works.
    pub(super) fn fails(self, name: &str) -> Check {
        Check::failed(name, self.found, self.mend)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        let bare = format!("{error:#}");
        let words = with_causes(&error);
        let causes = words.strip_prefix(&error.to_string()).unwrap_or_default();
        Trouble {
            found: format!("{bare}{causes}"),
            mend: mend(&error, &words).to_owned(),
            may_pass: error.may_pass_later(),
        }
    }
}

/// What to do about an error. What was in the way of a connection stands in its causes only.
fn mend<'e>(error: &'e Error, words: &str) -> &'e str {
    if let Some(advice) = error.advice() {
        return advice;
    }
    if error.is_rate_limited() {
        return "the limit is reached: see whether other programs at this address call the portal, and ask again in a minute";
    }
    if error.code().is_some() {
        return "look this code up in the portal's documentation; it may be a matter of rights or of the plan";
    }
    if words.contains("dns error") || words.contains("has no public address") {
        return "check the address for typing errors, and this machine's name server";
    }
    if words.contains("certificate") {
        return "the certificate is not one that this machine trusts: renew it, give the server its whole chain, and \
                check this machine's clock";
    }
    if words.contains("is not JSON") {
        return "open the address in a browser: a gateway, a login or a maintenance page answers in the portal's place";
    }
    if words.contains("allow it by name") {
        return "if it stands in your own network, allow it with --allow-host";
    }
    "check that this machine may call it: firewall, routing, proxy"
}

/// Asks, and does not wait for ever.
pub(super) async fn ask<T>(question: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
    match timeout(PATIENCE, question).await {
        Ok(answer) => answer.map_err(Trouble::from),
        Err(_) => Err(Trouble {
            found: format!("no answer within {} s", PATIENCE.as_secs()),
            mend: "the portal is slow, or its limit is reached; ask again in a minute".into(),
            may_pass: true,
        }),
    }
}

/// A span of time for people: its largest unit.
pub(super) fn span(time: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "min")];
    let seconds = time.as_secs();
    let unit = UNITS.iter().find(|(length, _)| seconds >= 2 * length);
    match unit {
        Some((length, name)) => format!("{} {name}", seconds / length),
        None if seconds > 0 => format!("{seconds} s"),
        None => format!("{} ms", time.as_millis()),
    }
}
