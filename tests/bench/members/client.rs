//! Clients that post events to several processes in turn, as a load balancer does.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// Pause after no process has accepted an event.
const PAUSE: Duration = Duration::from_millis(5);

/// A client with a connection to each process.
pub(crate) struct Client {
    ports: Rc<[u16]>,
    streams: Vec<Option<TcpStream>>,
    next: usize,
}

impl Client {
    pub(crate) fn new(ports: &Rc<[u16]>, first: usize) -> Self {
        Self {
            ports: Rc::clone(ports),
            streams: ports.iter().map(|_| None).collect(),
            next: first,
        }
    }

    /// Posts an event to the next process, or to the one behind it if that does not answer, until
    /// one has accepted it. Returns when it was posted first and when it was accepted.
    pub(crate) async fn post(&mut self, body: &str) -> (Instant, Instant) {
        let head =
            "POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded";
        let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let begin = Instant::now();
        for attempt in 1.. {
            let process = self.next % self.ports.len();
            self.next += 1;
            if let Ok(answer) = self.ask(process, &request).await {
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                return (begin, Instant::now());
            }
            if attempt % self.ports.len() == 0 {
                sleep(PAUSE).await;
            }
        }
        unreachable!("it does not give up")
    }

    /// Returns the body at a path of a process.
    pub(crate) async fn get(&mut self, process: usize, path: &str) -> io::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
        let answer = self.ask(process, &request).await?;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        Ok(body.to_owned())
    }

    /// Sends a request and returns the answer. The connection is made if there is none.
    async fn ask(&mut self, process: usize, request: &str) -> io::Result<String> {
        let mut stream = match self.streams[process].take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(("127.0.0.1", self.ports[process])).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = [0; 1_024];
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.streams[process] = Some(stream);
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }
}
