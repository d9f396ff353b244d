//! What the processes report of chats that are a probe.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::program::TURN;

/// When the first turn of each message has begun, and when its first answer was sent.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    pub(crate) turns: HashMap<u64, Instant>,
    pub(crate) answers: HashMap<u64, Instant>,
}

/// Receives reports.
#[derive(Debug)]
pub(crate) struct Reports {
    pub(crate) address: String,
    reported: Rc<RefCell<Reported>>,
}

impl Reports {
    /// Needs a local set of tasks.
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let reported = Rc::new(RefCell::new(Reported::default()));
        let to = Rc::clone(&reported);
        tokio::task::spawn_local(async move {
            loop {
                let mut report = [0; 9];
                socket.recv(&mut report).await.unwrap();
                let [kind, number @ ..] = report;
                let mut to = to.borrow_mut();
                let times = match kind {
                    TURN => &mut to.turns,
                    _ => &mut to.answers,
                };
                let number = u64::from_le_bytes(number);
                times.entry(number).or_insert_with(Instant::now);
            }
        });
        Self { address, reported }
    }

    /// Returns when the turn of a message has begun.
    pub(crate) fn turn(&self, number: u64) -> Option<Instant> {
        self.reported.borrow().turns.get(&number).copied()
    }

    /// Returns when a message was answered.
    pub(crate) fn answer(&self, number: u64) -> Option<Instant> {
        self.reported.borrow().answers.get(&number).copied()
    }
}
