//! Waiting times, and the times of flushes to compare them with.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

/// Waiting times in seconds: the median and the 99th percentile.
pub(crate) struct Waits {
    pub(crate) median: f64,
    pub(crate) p99: f64,
}

impl Waits {
    pub(crate) fn of(mut waits: Vec<f64>) -> Waits {
        waits.sort_by(f64::total_cmp);
        Waits {
            median: waits[waits.len() / 2],
            p99: waits[waits.len() * 99 / 100],
        }
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Waits { median, p99 } = self;
        write!(f, "{:.2} ms (median {:.2} ms)", p99 * 1e3, median * 1e3)
    }
}

/// Returns the seconds each of many flushes takes, with a pause between them.
pub(crate) fn flushes(folder: &Path, times: usize, pause: Duration) -> Vec<f64> {
    let mut file = File::create(folder.join("flush")).unwrap();
    let flush = |_| {
        std::thread::sleep(pause);
        let begin = Instant::now();
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
        begin.elapsed().as_secs_f64()
    };
    (0..times).map(flush).collect()
}
