//! The operator's address: figures that are nobody else's business.
//!
//! | address | purpose |
//! |---|---|
//! | `/health` | JSON: the state in a word, portals, waiting events and calls, counts since the start |

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::{Endpoint, Request, Response, Server};
use serde_json::json;
use tokio::net::TcpListener;

use super::Acceptor;
use super::reply::{health_status, refuse};
use crate::engine::{Engine, Health};

/// Maximum number of open connections of operators.
const OPERATORS_MAX: usize = 64;

/// Serves the operator's address until the future is dropped.
///
/// It has no password, so the socket must be bound to a loopback address.
///
/// # Errors
/// The socket is bound to another address, or fails.
pub async fn admin(engine: Arc<Engine>, listener: TcpListener) -> io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        let reason = format!("the operator's address {address} is not a loopback address");
        return Err(io::Error::new(ErrorKind::InvalidInput, reason));
    }
    let acceptor = Acceptor::new(listener)?.connections_max(OPERATORS_MAX);
    let acceptor = acceptor.connections_per_address(OPERATORS_MAX);
    Server::new_with_acceptor(acceptor).run(Admin(engine)).await
}

struct Admin(Arc<Engine>);

impl Endpoint for Admin {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if !is_local(request.header(header::HOST).unwrap_or_default()) {
            let reason = "this address is called by its own name, such as 127.0.0.1";
            return Ok(refuse(StatusCode::FORBIDDEN, reason));
        }
        Ok(match request.uri().path() {
            "/health" | "/health/" => self.health().await,
            _ => refuse(StatusCode::NOT_FOUND, "the figures are at /health"),
        })
    }
}

impl Admin {
    async fn health(&self) -> Response {
        let engine = &self.0;
        let state = engine.health().await;
        let reason = match &state {
            Health::Failing(reason) => Some(reason),
            _ => None,
        };
        let (events, calls) = engine.waiting();
        let health = json!({
            "status": state.word(),
            "reason": reason,
            "portals": engine.portals().len(),
            "waiting": { "events": events, "calls": calls },
            "since_start": engine.counts(),
        });
        Response::builder()
            .status(health_status(&state))
            .content_type("application/json")
            .body(health.to_string())
    }
}

/// Returns true for a loopback address. A page of another site, whose name leads here, is refused
/// (DNS rebinding).
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use crate::serve::admin::*;

    #[test]
    fn only_the_names_of_this_machine_are_local() {
        for host in ["127.0.0.1:8073", "127.0.0.1", "[::1]:8073", "localhost:80"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "example.com", "example.com:8073", "10.0.0.1:80"] {
            assert!(!is_local(host), "{host}");
        }
    }
}
