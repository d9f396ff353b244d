//! Ready-made bots that use only the public API of `imbot`. Run them as they are, or copy from
//! them.
//!
//! - [`Echo`] repeats messages; it shows text, buttons, pages, and both kinds of welcome
//! - [`Menu`] offers a tree of choices; it shows the state of a conversation
//! - [`Poll`] runs polls in groups; it shows a message that is edited when people press buttons
//! - [`Frontdesk`] answers clients of an open channel; it shows sessions, working hours and handing
//!   over to operators
//! - [`Overdue`] lists overdue tasks; it shows calls of REST methods
//! - [`Assistant`] answers with a language model; it shows an answer that grows, tools with the
//!   rights of the person who asks, and a button that changes something
//! - [`Widget`] puts a chat with operators and bots on a web page; it shows a connector

mod all;
pub mod assistant;
mod echo;
pub mod frontdesk;
mod menu;
pub mod overdue;
mod poll;
pub mod widget;

pub use all::all;
pub use assistant::Assistant;
pub use echo::Echo;
pub use frontdesk::Frontdesk;
pub use menu::{Choice, Menu};
pub use overdue::Overdue;
pub use poll::{Poll, Vote};
pub use widget::Widget;
