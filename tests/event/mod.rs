//! What a portal says, decoded: every body that we know, and bodies that nobody sends on purpose.

mod catalogue;
mod fixtures;
mod payload;
mod project;
mod properties;
