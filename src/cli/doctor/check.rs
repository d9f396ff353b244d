//! What one check found: a verdict, what was found, and how to fix it.

use std::time::Duration;

use serde::Serialize;

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckStatus {
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

impl CheckStatus {
    pub(super) fn word(self) -> &'static str {
        match self {
            CheckStatus::Ok => "ok",
            CheckStatus::Warning => "warning",
            CheckStatus::Failed => "failed",
            CheckStatus::Unknown => "unknown",
            CheckStatus::Skipped => "skipped",
        }
    }
}

/// One check.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) status: CheckStatus,
    /// What was found.
    pub(super) found: String,
    /// What to do, where something is not as it should be.
    pub(super) fix: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &str, found: impl Into<String>) -> Check {
        Check::new(name, CheckStatus::Ok, found, None)
    }

    pub(super) fn skipped(name: &str, why: impl Into<String>) -> Check {
        Check::new(name, CheckStatus::Skipped, why, None)
    }

    pub(super) fn warning(name: &str, found: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(name, CheckStatus::Warning, found, Some(fix.into()))
    }

    pub(super) fn failed(name: &str, found: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(name, CheckStatus::Failed, found, Some(fix.into()))
    }

    pub(super) fn unknown(name: &str, found: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(name, CheckStatus::Unknown, found, Some(fix.into()))
    }

    /// Whether what comes after it cannot be looked at.
    pub(super) fn is_in_the_way(&self) -> bool {
        self.status == CheckStatus::Failed
    }

    fn new(
        name: &str,
        status: CheckStatus,
        found: impl Into<String>,
        fix: Option<String>,
    ) -> Check {
        Check {
            name: name.to_owned(),
            status,
            // A portal's words may hold anything, also what moves a terminal's cursor.
            found: found.into().replace(char::is_control, " "),
            fix,
        }
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
