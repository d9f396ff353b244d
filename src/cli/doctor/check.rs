//! The result of one check: its status, a detail, and a fix.

use std::time::Duration;

use serde::Serialize;

/// The status of a check.
#[derive(Clone, Debug, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckStatus {
    /// All is well.
    Ok,
    /// Events may arrive, but something is wrong.
    Warning,
    /// Events cannot arrive, or cannot be handled.
    Failed,
    /// The check has no result.
    Unknown,
    /// The check does not apply to this portal, or depends on one that failed.
    Skipped,
}

impl CheckStatus {
    /// Returns the status as it is printed.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }
}

/// The result of one check.
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
    pub(super) fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self::new(name, CheckStatus::Ok, detail, None)
    }

    pub(super) fn skipped(name: &str, why: impl Into<String>) -> Self {
        Self::new(name, CheckStatus::Skipped, why, None)
    }

    pub(super) fn warning(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(name, CheckStatus::Warning, detail, Some(fix.into()))
    }

    pub(super) fn failed(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(name, CheckStatus::Failed, detail, Some(fix.into()))
    }

    pub(super) fn unknown(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(name, CheckStatus::Unknown, detail, Some(fix.into()))
    }

    /// Returns true if the check failed.
    pub(super) fn has_failed(&self) -> bool {
        self.status == CheckStatus::Failed
    }

    fn new(
        name: &str,
        status: CheckStatus,
        detail: impl Into<String>,
        fix: Option<String>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            status,
            // A portal's text may contain control characters, which could move a terminal's cursor.
            detail: detail.into().replace(char::is_control, " "),
            fix,
        }
    }
}

/// Returns a duration in its largest unit, for people.
pub(in crate::cli) fn span(time: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "min")];
    let seconds = time.as_secs();
    let unit = UNITS.iter().find(|(length, _)| seconds >= 2 * length);
    match unit {
        Some((length, name)) => format!("{} {name}", seconds / length),
        None if seconds > 0 => format!("{seconds} s"),
        None => format!("{} ms", time.as_millis()),
    }
}
