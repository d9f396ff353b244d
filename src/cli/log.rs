//! The log on standard error: a line for an event, whatever the event contains, and no more.
//!
//! - Nothing that is logged can write a line of its own, or commands to a terminal: control
//!   characters are escaped in every message and field, so no call site can forget to.
//! - Logging never disturbs the work. A line that cannot be written, because the disk is full, the
//!   pipe is closed or nobody reads it, is dropped.
//! - One place in the code writes a bounded number of lines a minute (`log_limit`).

use std::fmt::{self, Debug, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::log_limit::LineLimit;

/// Maximum time, in milliseconds, for which the first line waits for the reader of a full pipe.
/// Further lines do not wait until the pipe is read again.
#[cfg(unix)]
const PIPE_PATIENCE_MS: u32 = 100;

/// Maximum size, in bytes, of what is written at once: a pipe that is ready has room for as much
/// (`PIPE_BUF`), and a longer write would wait.
const PART_BYTES: usize = if cfg!(target_os = "linux") {
    4_096
} else {
    512
};

/// Starts the log of the program.
pub(super) fn start() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,poem=warn"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(LossyStderr::default())
        .fmt_fields(EscapedFields)
        .with_ansi(has_colors())
        .with_target(false)
        .log_internal_errors(false); // the subscriber prints them with a macro that can panic
    tracing_subscriber::registry()
        .with(filter)
        .with(LineLimit::default())
        .with(lines)
        .init();
}

/// Returns true if the log is read on a terminal that shows colours.
fn has_colors() -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !is_unwanted
}

/// Standard error, which drops what it cannot write.
#[derive(Debug, Default)]
struct LossyStderr {
    dropped: AtomicU64,
}

impl<'a> MakeWriter<'a> for LossyStderr {
    type Writer = &'a LossyStderr;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &LossyStderr {
    /// Writes a whole line, as the subscriber passes it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let dropped = self.dropped.load(Ordering::Relaxed);
        let mut stderr = io::stderr().lock();
        if !write_if_ready(&mut stderr, line, dropped == 0) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        } else if dropped > 0 {
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            let note = format!("({dropped} lines of the log could not be written)\n");
            write_if_ready(&mut stderr, note.as_bytes(), false);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a line in parts that do not wait for the reader of a pipe. Returns false if the rest of
/// the line is dropped.
fn write_if_ready(stderr: &mut impl Write, line: &[u8], may_wait: bool) -> bool {
    let mut parts = line.chunks(PART_BYTES);
    parts.all(|part| is_ready(may_wait) && stderr.write_all(part).is_ok())
}

/// Returns true if a part can be written to standard error without waiting for its reader.
#[cfg(unix)]
fn is_ready(may_wait: bool) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stderr = rustix::stdio::stderr();
    let patience = if may_wait { PIPE_PATIENCE_MS } else { 0 };
    let patience = Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(patience * 1_000_000),
    };
    let ready = poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], Some(&patience));
    ready != Ok(0) // on errors, the write fails at once
}

#[cfg(not(unix))]
fn is_ready(_: bool) -> bool {
    true
}

/// Formats fields as the subscriber does, with control characters escaped.
#[derive(Clone, Copy, Debug)]
struct EscapedFields;

impl<'w> FormatFields<'w> for EscapedFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = FieldWriter {
            writer,
            is_first: true,
            result: Ok(()),
        };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct FieldWriter<'w> {
    writer: Writer<'w>,
    is_first: bool,
    result: fmt::Result,
}

impl FieldWriter<'_> {
    fn write(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if self.result.is_ok() {
            self.result = self.try_write(field.name(), value);
        }
    }

    fn try_write(&mut self, name: &str, value: fmt::Arguments<'_>) -> fmt::Result {
        if !std::mem::take(&mut self.is_first) {
            self.writer.write_char(' ')?;
        }
        match name {
            "message" => {}
            name if self.writer.has_ansi_escapes() => {
                write!(self.writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m")?;
            }
            name => write!(self.writer, "{name}=")?,
        }
        Escaping(&mut self.writer).write_fmt(value)
    }
}

impl Visit for FieldWriter<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.write(field, format_args!("{value}")),
            _ => self.write(field, format_args!("{value:?}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write(field, format_args!("{value:?}"));
    }
}

/// Escapes the characters that would end a line, command a terminal, or change the direction in
/// which a line is read.
struct Escaping<W>(W);

impl<W: fmt::Write> fmt::Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_unsafe) {
            self.0.write_str(&rest[..at])?;
            let mut after = rest[at..].chars();
            if let Some(unsafe_char) = after.next() {
                write!(self.0, "{}", unsafe_char.escape_default())?;
            }
            rest = after.as_str();
        }
        self.0.write_str(rest)
    }
}

fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use crate::cli::log::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns what is logged, without the times.
    fn logged(log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .fmt_fields(EscapedFields)
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let lines = lines.0.lock().unwrap().clone();
        String::from_utf8(lines).unwrap()
    }

    const FORGED: &str = "x\n2026 ERROR FORGED\u{1b}[31m\u{1b}]0;t\u{7}\r\u{9b}31m\u{202e}\u{2028}";

    #[test]
    fn nothing_that_is_logged_writes_a_line_or_a_command_of_its_own() {
        let text = logged(|| {
            tracing::warn!(portal = %FORGED, event = ?FORGED, name = FORGED, "refused: {FORGED}");
            let span = tracing::error_span!("of", dialog = %FORGED);
            let _entered = span.enter();
            tracing::warn!("{}", FORGED);
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(
            !text.trim_end().contains(|it| is_unsafe(it) && it != '\n'),
            "{text:?}"
        );
        assert!(
            text.contains("refused: x\\n2026 ERROR FORGED\\u{1b}[31m"),
            "{text}"
        );
    }

    #[test]
    fn other_text_is_logged_as_it_is() {
        let text = logged(|| tracing::info!(name = %"Зоя – 東京 🙂", count = 7, "Grüße"));
        assert_eq!(text, " INFO Grüße name=Зоя – 東京 🙂 count=7\n");
    }
}
