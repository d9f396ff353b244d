//! Ready-made bots, on the public interface of `imbot` only: to run as they are, and to copy from.
//!
//! - [`Echo`] repeats what it hears; it shows text, buttons, pages that turn, and the two kinds of welcome
//! - [`Menu`] leads through a tree of choices; it shows a conversation's state
//! - [`Poll`] lets a group vote; it shows a message that changes as people press
//! - [`Overdue`] tells what is burning; it shows how the portal is asked

mod echo;
mod menu;
pub mod overdue;
mod poll;

pub use echo::Echo;
pub use menu::{Choice, Menu};
pub use overdue::Overdue;
pub use poll::{Poll, Vote};
