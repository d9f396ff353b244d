//! The proxy: tunnels and requests to the hosts of the portal; all other hosts are refused.
//!
//! Clients use a proxy in two ways: most ask for a tunnel (`CONNECT`), axios sends the whole URL in
//! the request line, over the plain connection. Both end at the portal, and nothing leaves the
//! machine.

use std::io;

use poem::http::StatusCode;
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The portal's domain unless another is set.
pub(crate) const DEMO: &str = "demo.bitrix24.test";

/// The suffix of domains that lead to the portal.
const PORTALS: &str = ".bitrix24.test";

/// The authorization servers of both regions; the first belongs to this portal.
pub(crate) const OAUTH: [&str; 2] = ["oauth.bitrix.info", "oauth.bitrix24.tech"];

/// Maximum size of the head of a `CONNECT`, in bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// The hosts the proxy serves.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// The portal's own domain, without its port.
    domain: String,
}

impl Proxy {
    pub(crate) fn new(domain: &str) -> Self {
        Proxy {
            domain: name_of(domain).to_ascii_lowercase(),
        }
    }

    /// Returns the names a certificate must cover.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = vec![self.domain.clone(), format!("*{PORTALS}")];
        names.extend(OAUTH.map(str::to_owned));
        names
    }

    /// Whether a host is the portal or its authorization server.
    fn is_ours(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let portal = host.strip_suffix(PORTALS);
        let is_portal = portal.is_some_and(|name| !name.is_empty() && !name.contains('.'));
        is_portal || host == self.domain || OAUTH.contains(&host.as_str())
    }

    /// Reads a request for a tunnel and accepts it: what follows on the connection is for the
    /// portal.
    pub(in crate::emulator::serve) async fn open(&self, stream: &mut TcpStream) -> io::Result<()> {
        let head = read_head(stream).await?;
        let target = head.split_ascii_whitespace().nth(1).unwrap_or_default();
        if self.is_ours(name_of(target)) {
            let granted = b"HTTP/1.1 200 Connection established\r\n\r\n";
            return stream.write_all(granted).await;
        }
        let text = self.refusal(target);
        tracing::warn!(host = %target, "the emulator's proxy lets only its own hosts through");
        let answer = format!(
            "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        Err(io::ErrorKind::PermissionDenied.into())
    }

    /// Returns a refusal if a request names another host in its request line. One without a host
    /// was not sent to a proxy.
    fn check(&self, request: &Request) -> Option<Response> {
        let host = request.uri().host()?;
        let refused = || {
            Response::builder()
                .status(StatusCode::FORBIDDEN)
                .content_type("text/plain; charset=utf-8")
                .body(self.refusal(host))
        };
        (!self.is_ours(host)).then(refused)
    }

    fn refusal(&self, host: &str) -> String {
        format!(
            "{host} is not emulated, and the emulator's proxy lets nothing through to the real one: \
             only {}, *{PORTALS}, {} and {} are.\n",
            self.domain, OAUTH[0], OAUTH[1]
        )
    }
}

/// Returns the routes, and refuses requests for other hosts if there is a proxy.
pub(crate) fn only_ours(proxy: Option<Proxy>, routes: Route) -> impl Endpoint {
    routes.around(move |endpoint, request| {
        let refused = proxy.as_ref().and_then(|proxy| proxy.check(&request));
        async move {
            match refused {
                Some(refused) => Ok(refused),
                None => endpoint
                    .call(request)
                    .await
                    .map(IntoResponse::into_response),
            }
        }
    })
}

/// Reads the head of a request byte by byte, since the bytes after it belong to TLS or HTTP.
async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Returns the host without its port.
fn name_of(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use crate::emulator::serve::proxy::*;

    #[test]
    fn the_proxy_serves_only_the_portal_and_its_authorization_servers() {
        let proxy = Proxy::new("crm.example.com:8443");
        for host in [
            "crm.example.com",
            "demo.bitrix24.test",
            "Moved.Bitrix24.Test",
            "oauth.bitrix.info",
            "oauth.bitrix24.tech",
        ] {
            assert!(proxy.is_ours(host), "{host}");
        }
        for host in [
            "example.com",
            ".bitrix24.test",
            "a.b.bitrix24.test",
            "demo.bitrix24.com",
            "127.0.0.1",
            "",
        ] {
            assert!(!proxy.is_ours(host), "{host}");
        }
    }
}
