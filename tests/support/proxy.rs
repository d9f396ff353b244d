//! A TCP proxy in front of a server, which loses what it is asked to lose.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A proxy, which ends with the runtime of its test.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    plan: Arc<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    /// The bytes of a request whose answer is to be lost.
    needle: Mutex<Option<Vec<u8>>>,
    lost: AtomicU32,
    /// Whether what clients send is swallowed.
    swallows_requests: AtomicBool,
    /// Whether what the server sends is swallowed.
    swallows_answers: AtomicBool,
}

impl Proxy {
    /// Starts a proxy to a port of this machine.
    pub(crate) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            plan: Arc::default(),
        };
        let plan = Arc::clone(&proxy.plan);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", to)).await;
                if let Ok(server) = server {
                    tokio::spawn(relay(client, server, Arc::clone(&plan)));
                }
            }
        });
        proxy
    }

    /// Returns the port of the proxy.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Loses the answer to the next request with these bytes: the server gets the request and
    /// answers, and the connection of the client ends instead.
    pub(crate) fn lose_answer_to(&self, needle: &[u8]) {
        *self.plan.needle.lock().unwrap() = Some(needle.to_vec());
    }

    /// Returns the number of answers that were lost.
    pub(crate) fn lost(&self) -> u32 {
        self.plan.lost.load(Ordering::SeqCst)
    }

    /// Begins or ends to swallow requests and answers. What was swallowed is lost, so connections
    /// that were used meanwhile do not work any more, and stay open.
    pub(crate) fn swallow(&self, requests: bool, answers: bool) {
        let plan = &self.plan;
        plan.swallows_requests.store(requests, Ordering::SeqCst);
        plan.swallows_answers.store(answers, Ordering::SeqCst);
    }
}

impl Plan {
    /// Returns true if the answer to this request is to be lost. That happens once.
    fn is_met(&self, request: &[u8]) -> bool {
        let mut needle = self.needle.lock().unwrap();
        let is_met = needle
            .as_ref()
            .is_some_and(|needle| request.windows(needle.len()).any(|window| window == needle));
        if is_met {
            *needle = None;
        }
        is_met
    }
}

async fn relay(client: TcpStream, server: TcpStream, plan: Arc<Plan>) {
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let is_losing = AtomicBool::new(false);
    let forth = forth(from_client, to_server, &plan, &is_losing);
    let back = back(from_server, to_client, &plan, &is_losing);
    tokio::select! {
        () = forth => {}
        () = back => {}
    }
}

async fn forth(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    plan: &Plan,
    is_losing: &AtomicBool,
) {
    let mut bytes = vec![0; 64 * 1024];
    let mut has_swallowed = false;
    while let Ok(read) = from.read(&mut bytes).await {
        if plan.is_met(&bytes[..read]) {
            is_losing.store(true, Ordering::SeqCst);
        }
        has_swallowed |= plan.swallows_requests.load(Ordering::SeqCst);
        let is_end = read == 0;
        if is_end || (!has_swallowed && to.write_all(&bytes[..read]).await.is_err()) {
            return;
        }
    }
}

/// Passes answers on until one is to be lost. Then it waits until the server has answered all of
/// the request: the transaction is idle.
async fn back(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    plan: &Plan,
    is_losing: &AtomicBool,
) {
    /// `ReadyForQuery` outside of a transaction, the last message of an answer.
    const READY: [u8; 6] = [b'Z', 0, 0, 0, 5, b'I'];
    let mut bytes = vec![0; 64 * 1024];
    let (mut unpassed, mut has_swallowed) = (Vec::new(), false);
    while let Ok(read) = from.read(&mut bytes).await {
        if read == 0 {
            return;
        }
        has_swallowed |= plan.swallows_answers.load(Ordering::SeqCst);
        if has_swallowed {
            continue;
        }
        if is_losing.load(Ordering::SeqCst) {
            unpassed.extend_from_slice(&bytes[..read]);
            if unpassed.ends_with(&READY) {
                plan.lost.fetch_add(1, Ordering::SeqCst);
                return;
            }
        } else if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
