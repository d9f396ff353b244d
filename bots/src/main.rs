//! Runs all ready-made bots in one process; without settings, on a portal that is emulated, with the widget on a line.

use bots::Frontdesk;
use imbot::prelude::*;

fn main() -> ExitCode {
    match Frontdesk::from_env() {
        Ok(frontdesk) => bots::all(frontdesk).run(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
