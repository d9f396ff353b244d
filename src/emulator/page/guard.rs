//! Protects a portal without passwords from other web sites.
//!
//! Another site can neither post here (the content type of JSON needs a permission that is never
//! given, and a foreign `Origin` is refused) nor reach the portal under its own name (DNS
//! rebinding: the `Host` must be the loopback, the listening address, or an allowed one). REST
//! calls are not checked: they carry tokens.

use std::net::{IpAddr, SocketAddr};

use poem::http::Method;
use poem::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use poem::{Request, Response};

use super::answer::refused;

/// Checks who may use the page.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    listen: SocketAddr,
    hosts: Vec<String>,
}

impl Guard {
    pub(crate) fn new(listen: SocketAddr, hosts: Vec<String>) -> Self {
        Guard { listen, hosts }
    }

    /// Returns a refusal if the request comes from elsewhere.
    pub(crate) fn check(&self, request: &Request) -> Option<Response> {
        let host = request.header(HOST).unwrap_or_default();
        if !self.is_ours(host) {
            return Some(refused(
                403,
                "This portal does not answer under this host name",
            ));
        }
        if request.method() != Method::POST {
            return None;
        }
        if !request
            .header(CONTENT_TYPE)
            .unwrap_or_default()
            .starts_with("application/json")
        {
            return Some(refused(415, "Send JSON, as application/json"));
        }
        let origin = request.header(ORIGIN).unwrap_or_default();
        let same = origin.is_empty()
            || origin
                .split_once("://")
                .is_some_and(|(_, from)| from == host);
        (!same).then(|| refused(403, "Requests from other sites are refused"))
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = name_of(host);
        let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_local =
            address.is_ok_and(|address| address.is_loopback() || address == self.listen.ip());
        is_local
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|allowed| allowed == name)
    }
}

/// Returns the host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::page::guard::*;

    fn check(host: &str, origin: &str, content_type: &str) -> Option<u16> {
        let guard = Guard::new(([127, 0, 0, 1], 8071).into(), vec!["desk".to_owned()]);
        let request = Request::builder()
            .method(Method::POST)
            .header(HOST, host)
            .header(ORIGIN, origin)
            .header(CONTENT_TYPE, content_type)
            .finish();
        guard
            .check(&request)
            .map(|refused| refused.status().as_u16())
    }

    #[test]
    fn only_requests_from_the_page_itself_are_accepted() {
        let cases = [
            ("127.0.0.1:8071", "", "application/json", None),
            (
                "127.0.0.1:8071",
                "http://127.0.0.1:8071",
                "application/json; charset=utf-8",
                None,
            ),
            ("localhost:8071", "", "application/json", None),
            ("[::1]:8071", "", "application/json", None),
            ("desk:8071", "", "application/json", None),
            (
                "127.0.0.1:8071",
                "https://evil.example",
                "application/json",
                Some(403),
            ),
            (
                "127.0.0.1:8071",
                "http://127.0.0.1:9999",
                "application/json",
                Some(403),
            ),
            (
                "evil.example",
                "http://evil.example",
                "application/json",
                Some(403),
            ),
            ("", "", "application/json", Some(403)),
            ("127.0.0.1:8071", "", "text/plain", Some(415)),
        ];
        for (host, origin, content_type, expected) in cases {
            assert_eq!(
                check(host, origin, content_type),
                expected,
                "{host} {origin} {content_type}"
            );
        }
    }
}
