//! Runs all ready-made bots in one process; without settings, on a portal that is emulated.

use bots::{Echo, Frontdesk, Menu, Overdue, Poll};
use imbot::prelude::*;

fn main() -> ExitCode {
    let frontdesk = match Frontdesk::from_env() {
        Ok(frontdesk) => frontdesk,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    // The front desk is first: on lines the portal transfers and finishes as the application's first bot, whichever asks
    // (server-behaviour, section 6.2).
    let app = App::new().bot(frontdesk);
    app.bot(Echo)
        .bot(Menu::office())
        .bot(Poll)
        .bot(Overdue)
        .run()
}
