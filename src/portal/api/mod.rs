//! What can be called on a portal: its bots, bindings, offline events, open channels, files, pages of lists, batches.

pub(super) mod batch;
pub(super) mod bindings;
pub(super) mod bot_client;
pub(super) mod bots;
pub(super) mod files;
pub(super) mod offline;
pub(super) mod open_channels;
pub(super) mod paging;
