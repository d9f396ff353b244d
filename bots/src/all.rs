//! The application that has all of these bots.

use imbot::App;

use crate::{Echo, Frontdesk, Menu, Overdue, Poll};

/// All ready-made bots in one application.
///
/// The front desk is its first: on lines the portal transfers and finishes as the application's first bot, whichever asks
/// (server-behaviour, section 6.2).
pub fn all(frontdesk: Frontdesk) -> App {
    let app = App::new().bot(frontdesk);
    app.bot(Echo).bot(Menu::office()).bot(Poll).bot(Overdue)
}
