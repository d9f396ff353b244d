//! Ready-made bots, on the public interface of `imbot` only: to run as they are, and to copy from.
//!
//! - [`Echo`] repeats what it hears; it shows text, buttons, pages that turn, and the two kinds of welcome
//! - [`Menu`] leads through a tree of choices; it shows a conversation's state
//! - [`Poll`] lets a group vote; it shows a message that changes as people press
//! - [`Reception`] welcomes the clients of a line and fetches people; it shows a bot of open channels
//! - [`Widget`] puts a chat on any web page, through an open line to operators and bots; it shows a connector

mod echo;
mod menu;
mod poll;
mod reception;
pub mod widget;

pub use echo::Echo;
pub use menu::{Choice, Menu};
pub use poll::{Poll, Vote};
pub use reception::Reception;
pub use widget::Widget;
