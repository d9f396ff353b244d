//! What can be called on a portal, beyond single methods.
//!
//! - `bot_client.rs` acts as one bot; `files.rs` adds its files.
//! - `bots.rs` finds bots and polls their events.
//! - `batch.rs` sends several calls in one request; `paging.rs` reads lists page by page.
//! - `bindings.rs` binds events; `offline.rs` fetches those that the portal keeps.
//! - `open_channels.rs` makes the calls of open channels.

pub(super) mod batch;
pub(super) mod bindings;
pub(super) mod bot_client;
pub(super) mod bots;
pub(super) mod files;
pub(super) mod offline;
pub(super) mod open_channels;
pub(super) mod paging;
