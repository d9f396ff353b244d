//! The result of one check: its status, a detail, and a fix.

use std::time::Duration;

use serde::Serialize;

/// The status of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckStatus {
    /// It is as it should be.
    Ok,
    /// Events may come, and something is not as it should be.
    Warning,
    /// Events cannot come, or nothing can be done with them.
    Failed,
    /// It could not be determined.
    Unknown,
    /// It does not apply to this portal, or something before it has to be fixed first.
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
    /// What was observed.
    pub(super) detail: String,
    /// What to do, unless all is well.
    pub(super) fix: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &str, detail: impl Into<String>) -> Check {
        Check::new(name, CheckStatus::Ok, detail, None)
    }

    pub(super) fn skipped(name: &str, why: impl Into<String>) -> Check {
        Check::new(name, CheckStatus::Skipped, why, None)
    }

    pub(super) fn warning(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(name, CheckStatus::Warning, detail, Some(fix.into()))
    }

    pub(super) fn failed(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(name, CheckStatus::Failed, detail, Some(fix.into()))
    }

    pub(super) fn unknown(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(name, CheckStatus::Unknown, detail, Some(fix.into()))
    }

    /// Returns true if later checks cannot be made.
    pub(super) fn is_in_the_way(&self) -> bool {
        self.status == CheckStatus::Failed
    }

    fn new(
        name: &str,
        status: CheckStatus,
        detail: impl Into<String>,
        fix: Option<String>,
    ) -> Check {
        Check {
            name: name.to_owned(),
            status,
            // A portal's words may hold anything, also what moves a terminal's cursor.
            detail: detail.into().replace(char::is_control, " "),
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
