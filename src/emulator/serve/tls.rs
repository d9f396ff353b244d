//! TLS on the portal's own address, and a proxy through which every client sees the names of a real portal.
//!
//! The clients of other languages insist on https and on `…bitrix24…` (item 9 of other-clients.md). One address serves
//! them all: the first byte of a connection says whether it is plain HTTP, TLS, or a proxy that is asked for a tunnel.

pub(crate) use super::authority::{Authority, LIFE, names};
pub(crate) use super::greet::{Greeter, Stream};
pub(crate) use super::proxy::{DEMO, OAUTH, Proxy, only_ours};
