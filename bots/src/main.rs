//! Runs all ready-made bots in one process; without settings, on a portal that is emulated.

use bots::{Echo, Menu, Overdue, Poll};
use imbot::prelude::*;

fn main() -> ExitCode {
    let app = App::new().bot(Echo).bot(Menu::office());
    app.bot(Poll).bot(Overdue).run()
}
