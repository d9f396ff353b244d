//! The address of a request's client, which limits are counted by.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use poem::http::HeaderMap;
use poem::{Addr, FromRequest, Request, RequestBody};

/// Header in which proxies list the addresses that a request came through, the client's first.
const FORWARDED: &str = "x-forwarded-for";

/// The address of a request's client: the connection's peer or, if the peer is a trusted proxy, the
/// right-most address of `X-Forwarded-For` that is not a trusted proxy.
///
/// It is an extractor of poem, for the endpoints that a program nests as well:
///
/// ```
/// use imbot::serve::Source;
///
/// #[poem::handler]
/// fn greet(source: Source) -> String {
///     format!("You come from {}.", source.address())
/// }
/// ```
///
/// Requests without an address, such as those over a Unix socket, share the address 0.0.0.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// Returns the client's address. An IPv4 address is never in its IPv6 form.
    pub fn address(&self) -> IpAddr {
        self.0
    }

    /// Returns the key for limits: the IPv4 address, or the /64 network of an IPv6 address, since
    /// one customer of a provider has at least that many addresses.
    pub fn bucket(&self) -> IpAddr {
        match self.0 {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                const HOSTS: u128 = u64::MAX as u128;
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !HOSTS))
            }
        }
    }

    /// Returns the client of a request.
    pub(super) fn of(request: &Request, proxies: &TrustedProxies) -> Self {
        proxies.client(Self::peer(&request.remote_addr().0), request.headers())
    }

    /// Returns the peer of a connection.
    pub(super) fn peer(address: &Addr) -> Self {
        let address = match address {
            Addr::SocketAddr(address) => address.ip(),
            _ => Ipv4Addr::UNSPECIFIED.into(),
        };
        Self(address.to_canonical())
    }
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

impl<'a> FromRequest<'a> for Source {
    /// Outside of [`EventEndpoint`](super::EventEndpoint), which knows the proxies, the client is
    /// the connection's peer.
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let source = request.extensions().get::<Self>().copied();
        Ok(source.unwrap_or_else(|| Self::peer(&request.remote_addr().0)))
    }
}

/// A network of addresses, such as `10.0.0.0/8`, `fd00::/8`, or the single address `127.0.0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Returns true if the address is in this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// # Errors
    /// The text is neither a network nor an address.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let single = || text.parse::<IpAddr>().map(IpNet::from);
        let network = text.parse().or_else(|_| single());
        network
            .map(|it: IpNet| Self(it.trunc()))
            .map_err(|_| NetworkError)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a network, such as 10.0.0.0/8")]
#[non_exhaustive]
pub struct NetworkError;

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub(super) struct TrustedProxies(Arc<[Network]>);

impl TrustedProxies {
    pub(super) fn new(networks: impl IntoIterator<Item = Network>) -> Self {
        Self(networks.into_iter().collect())
    }

    pub(super) fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Returns the right-most forwarded address that is not a trusted proxy. Each proxy adds the
    /// address that it saw, so everything to the left of that one is the client's own word.
    ///
    /// Where the list ends, or is not a list of addresses, the last trusted address is the client.
    fn client(&self, peer: Source, headers: &HeaderMap) -> Source {
        let mut client = peer;
        let mut hops = headers
            .get_all(FORWARDED)
            .iter()
            .rev()
            .flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        while self.contain(client.0) {
            match hops.next().and_then(|hop| address_of(hop.trim())) {
                Some(hop) => client = hop.into(),
                None => break,
            }
        }
        client
    }
}

/// Returns the address of an entry. Some proxies write its port as well.
fn address_of(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().ok().map(|it| it.ip());
    let in_brackets = || {
        let hop = hop.strip_prefix('[')?.strip_suffix(']')?;
        hop.parse().ok()
    };
    hop.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use crate::serve::source::*;

    fn source(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8", "192.0.2.1"];
        let proxies = TrustedProxies::new(trusted.map(|network| network.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED, value.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 7);
        let source = proxies.client(Source::peer(&Addr::SocketAddr(peer)), &headers);
        source.address().to_string()
    }

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
        assert_eq!(source("203.0.113.9", &["198.51.100.7"]), "203.0.113.9");
        assert_eq!(source("192.0.2.2", &["198.51.100.7"]), "192.0.2.2");
        assert_eq!(source("192.0.2.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(source("10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(source("::ffff:10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(source("10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn the_client_is_the_right_most_address_that_is_not_a_trusted_proxy() {
        let check = |forwarded: &[&str], client| assert_eq!(source("10.0.0.1", forwarded), client);
        check(&["1.1.1.1, 198.51.100.7"], "198.51.100.7");
        check(&["1.1.1.1, 198.51.100.7, 10.9.9.9"], "198.51.100.7");
        check(
            &["1.1.1.1", "198.51.100.7", "fd00::1,10.9.9.9"],
            "198.51.100.7",
        );
        check(&["10.2.2.2,10.3.3.3"], "10.2.2.2");
        check(&["1.1.1.1, unknown, 10.9.9.9"], "10.9.9.9");
        check(&["1.1.1.1, "], "10.0.0.1");
        check(&["198.51.100.7:5060"], "198.51.100.7");
        check(&["[2001:db8::7]:5060"], "2001:db8::7");
        check(&["[2001:db8::7]"], "2001:db8::7");
        check(&["::ffff:198.51.100.7"], "198.51.100.7");
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_have_one_bucket() {
        let bucket = |address: &str| {
            let source = Source::from(address.parse::<IpAddr>().unwrap());
            source.bucket().to_string()
        };
        assert_eq!(bucket("198.51.100.7"), "198.51.100.7");
        assert_eq!(bucket("::ffff:198.51.100.7"), "198.51.100.7");
        assert_eq!(bucket("2001:db8:0:1:a:b:c:d"), "2001:db8:0:1::");
        assert_eq!(bucket("2001:db8:0:1::1"), "2001:db8:0:1::");
        assert_eq!(bucket("2001:db8:0:2::1"), "2001:db8:0:2::");
    }

    #[test]
    fn a_network_is_a_range_or_one_address() {
        let network = |text: &str| text.parse::<Network>().map(|it| it.to_string());
        assert_eq!(network("10.1.2.3/8"), Ok("10.0.0.0/8".to_owned()));
        assert_eq!(network("127.0.0.1"), Ok("127.0.0.1/32".to_owned()));
        assert_eq!(network("::1"), Ok("::1/128".to_owned()));
        assert_eq!(network("10.0.0.0/33"), Err(NetworkError));
        assert_eq!(network("nginx"), Err(NetworkError));
    }
}
