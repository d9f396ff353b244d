//! Runs all ready-made bots in one process; without settings, on a portal that is emulated.

use bots::{Echo, Menu, Poll};
use imbot::prelude::*;

fn main() -> ExitCode {
    App::new().bot(Echo).bot(Menu::office()).bot(Poll).run()
}
