//! Runs all ready-made bots in one process; without settings, on a portal that is emulated, with the widget on a line.

use bots::{Echo, Menu, Poll, Reception, Widget};
use imbot::prelude::*;

fn main() -> ExitCode {
    let widget = Widget::new();
    let line = App::new()
        .bot(Reception::office())
        .connector(widget.clone())
        .nest(widget.path(), widget);
    App::new()
        .bot(Echo)
        .bot(Menu::office())
        .bot(Poll)
        .with_in_trial(line)
        .run()
}
