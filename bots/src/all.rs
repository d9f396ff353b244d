//! The application that has all of these bots.

use imbot::App;

use crate::{Echo, Frontdesk, Menu, Overdue, Poll, Widget};

/// All ready-made bots in one application; where it brings an emulated portal along, the [`Widget`] is joined to a line with
/// the front desk.
///
/// The front desk is its first: on lines the portal transfers and finishes as the application's first bot, whichever asks
/// (protocol/server-behaviour.md 6.2).
pub fn all(frontdesk: Frontdesk) -> App {
    let widget = Widget::new();
    let outside = App::new()
        .connector(widget.clone())
        .nest(widget.path(), widget);
    let app = App::new().bot(frontdesk).bot(Echo).bot(Menu::office());
    app.bot(Poll).bot(Overdue).emulated_only(outside)
}
