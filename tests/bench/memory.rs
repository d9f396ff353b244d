//! Memory of an idle conversation with a state of 200 bytes, at a million of them.

use std::process::Command;

use super::{row, server};

const CONVERSATIONS: u64 = 1_000_000;
const BYTES_MAX: f64 = 1_024.0;

pub(crate) fn run() {
    let program = std::env::current_exe().unwrap();
    let filled = Command::new(program)
        .args(["fill", &CONVERSATIONS.to_string()])
        .output()
        .unwrap();
    let bytes: f64 = String::from_utf8(filled.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let measured = format!("{bytes:.0} bytes each at {CONVERSATIONS}");
    row(
        "memory of an idle conversation, to 1 KB",
        &measured,
        bytes / BYTES_MAX,
        "at most 1",
    );
}

/// In a process of its own: makes conversations known and prints the bytes each takes.
pub(crate) fn fill(conversations: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = server::engine().await;
        let before = resident();
        server::fill(&engine, conversations).await;
        println!("{}", (resident() - before) / conversations as f64);
    });
}

/// Returns the resident bytes of this process.
pub(crate) fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        * 1_024.0
}
