//! An application with all of these bots.

use imbot::App;

use crate::{Assistant, Echo, Frontdesk, Menu, Overdue, Poll, Widget};

/// Returns an application with all ready-made bots. On an emulated portal, the [`Widget`] is
/// connected to a line with the front desk.
///
/// The front desk is the first bot: on open channels, the portal transfers and finishes chats as
/// the application's first bot, whichever bot asks (protocol/server-behaviour.md 6.2).
pub fn all(frontdesk: Frontdesk, assistant: Assistant) -> App {
    let widget = Widget::new();
    let emulated = App::new()
        .connector(widget.clone())
        .nest(widget.path(), widget);
    let app = App::new().bot(frontdesk).bot(Echo).bot(Menu::office());
    let app = app.bot(Poll).bot(Overdue).bot(assistant);
    app.emulated_only(emulated)
}
