//! Ready-made bots, on the public interface of `imbot` only: to run as they are, and to copy from.
//!
//! - [`Echo`] repeats what it hears; it shows text, buttons, pages that turn, and the two kinds of welcome
//! - [`Menu`] leads through a tree of choices; it shows a conversation's state
//! - [`Poll`] lets a group vote; it shows a message that changes as people press
//! - [`Frontdesk`] receives the clients of an open channel; it shows sessions, working hours and handing over to people
//! - [`Overdue`] tells what is burning; it shows how the portal is asked
//! - [`Widget`] puts a chat on any web page, through an open line to operators and bots; it shows a connector

mod all;
mod echo;
pub mod frontdesk;
mod menu;
pub mod overdue;
mod poll;
pub mod widget;

pub use all::all;
pub use echo::Echo;
pub use frontdesk::Frontdesk;
pub use menu::{Choice, Menu};
pub use overdue::Overdue;
pub use poll::{Poll, Vote};
pub use widget::Widget;
