//! Runs all ready-made bots in one process. Without settings it starts an emulated portal, with the
//! widget on a line.

use std::io::Write;

use bots::Frontdesk;
use imbot::prelude::*;

/// Handling an event takes about sixty small allocations and a few large ones; mimalloc serves both
/// quickly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Frontdesk::from_env() {
        Ok(frontdesk) => bots::all(frontdesk).run(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
