//! Distinguishes public addresses from private ones: a portal has a public address unless it is
//! allowed by name.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A name cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub(in crate::portal) enum ResolveError {
    #[error(transparent)]
    Lookup(#[from] io::Error),
    #[error("{host} has no public address")]
    NotPublic { host: String },
}

/// Resolves names without private addresses, so that no name can lead there.
#[derive(Debug)]
pub(in crate::portal) struct PublicOnly {
    pub(in crate::portal) local: HashSet<String>,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let is_local = self.local.contains(&host);
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0))
                .await
                .map_err(ResolveError::Lookup)?;
            let passing: Vec<SocketAddr> = found
                .filter(|address| is_local || is_public(address.ip()))
                .collect();
            if passing.is_empty() {
                return Err(ResolveError::NotPublic { host }.into());
            }
            Ok(Box::new(passing.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is on the public internet.
pub(in crate::portal) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            let is_special =
                a == 0 || a >= 224 || (a == 192 && b == 0) || (a == 198 && (b == 18 || b == 19));
            !(v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_documentation()
                || is_shared
                || is_special)
        }
        IpAddr::V6(v6) => match v6.to_ipv4() {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => {
                let first = v6.segments()[0];
                let is_translated = first == 0x64; // 64:ff9b::/96 leads to IPv4
                !(v6.is_multicast()
                    || (first & 0xfe00) == 0xfc00
                    || (first & 0xffc0) == 0xfe80
                    || is_translated)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::portal::http::public::*;

    #[test]
    fn only_public_addresses_are_called_by_default() {
        let closed = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
        ];
        for address in closed {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1111"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
