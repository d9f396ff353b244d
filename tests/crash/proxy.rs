//! A proxy between a process and the database, which can swallow what it should pass on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A proxy in front of the database.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// The port that it listens on.
    pub(crate) port: u16,
    /// Whether it swallows what the process sends.
    swallows_requests: Arc<AtomicBool>,
    /// Whether it swallows what the server sends.
    swallows_answers: Arc<AtomicBool>,
}

impl Proxy {
    /// Starts a proxy in front of the server on this port.
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Self {
            port: listener.local_addr().expect("an address").port(),
            swallows_requests: Arc::default(),
            swallows_answers: Arc::default(),
        };
        let accepting = proxy.clone();
        tokio::spawn(async move {
            while let Ok((process, _)) = listener.accept().await {
                let proxy = accepting.clone();
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
                        return; // the process sees that its connection ends
                    };
                    let (from_process, to_process) = process.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::spawn(pass_on(from_process, to_server, proxy.swallows_requests));
                    pass_on(from_server, to_process, proxy.swallows_answers).await;
                });
            }
        });
        proxy
    }

    /// Begins or ends to swallow requests and answers. What was swallowed is lost, so connections
    /// that were used meanwhile do not work any more, and stay open.
    pub(crate) fn swallow(&self, requests: bool, answers: bool) {
        self.swallows_requests.store(requests, Ordering::Relaxed);
        self.swallows_answers.store(answers, Ordering::Relaxed);
    }
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, swallows: Arc<AtomicBool>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut has_swallowed = false;
    while let Ok(length) = from.read(&mut buffer).await
        && length > 0
    {
        has_swallowed |= swallows.load(Ordering::Relaxed);
        if !has_swallowed && to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
