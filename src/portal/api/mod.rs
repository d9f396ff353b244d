//! What can be called on a portal: its bots, bindings, offline events, open channels, files, pages of lists, batches.

pub(super) mod batch;
pub(super) mod bindings;
pub(super) mod bot;
pub(super) mod bots_v1;
pub(super) mod bots_v2;
pub(super) mod files;
pub(super) mod offline;
pub(super) mod open_channels;
pub(super) mod paging;
