//! Runs all ready-made bots in one process; without settings, on a portal that is emulated, with the widget on a line.

use bots::Frontdesk;
use imbot::prelude::*;

/// An event asks for some sixty small pieces and a few large ones; this one has both at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Frontdesk::from_env() {
        Ok(frontdesk) => bots::all(frontdesk).run(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
