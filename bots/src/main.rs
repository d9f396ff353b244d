//! Runs all ready-made bots in one process. Without settings it starts an emulated portal, with the
//! widget on a line.

use std::io::Write;

use bots::{Assistant, Frontdesk};
use imbot::prelude::*;

/// Handling an event takes about sixty small allocations and a few large ones; mimalloc serves both
/// quickly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match app() {
        Ok(app) => app.run(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the application that the environment describes.
fn app() -> Result<App, Box<dyn std::error::Error>> {
    Ok(bots::all(Frontdesk::from_env()?, Assistant::from_env()?))
}
