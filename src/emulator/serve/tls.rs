//! TLS on the portal's own address, and a proxy through which clients see the names of a real
//! portal.
//!
//! Clients of other languages insist on https and on `…bitrix24…` (item protocol/other-clients.md item 9). One
//! address serves all: the first byte of a connection distinguishes plain HTTP, TLS, and a request
//! for a tunnel.

pub(crate) use super::authority::{Authority, LIFE, names};
pub(crate) use super::greet::{Greeter, Stream};
pub(crate) use super::proxy::{DEMO, OAUTH, Proxy, only_ours};
