//! All processes on one store share one limit: the portal refuses no call, each process makes
//! progress, and a single process has the whole limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use imbot::Config;
use imbot::emulator::Emulator;
use imbot::engine::Engine;
use imbot::portal::Portal;
use imbot::prelude::*;
use imbot::store::{Key, Sqlite};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::stage::{Echo, portal, until};

/// Number of calls of a process that run or wait at any time.
const AT_ONCE: usize = 4;

/// A process that calls as often as it may, and the number of its calls.
struct Process {
    engine: Arc<Engine>,
    calls: Arc<AtomicUsize>,
    work: JoinSet<()>,
}

impl Process {
    async fn on(store: Sqlite, portal: &Emulator, method: &'static str) -> Self {
        let app = App::new().bot(Echo).shared_store(Arc::new(store));
        let engine = app.engine(&Config::polling(portal)).unwrap();
        engine.load_portals().await.unwrap();
        let own = engine.portal(&engine.portals()[0]).unwrap();
        let calls = Arc::default();
        let mut work = JoinSet::new();
        for _ in 0..AT_ONCE {
            work.spawn(call(own.clone(), method, Arc::clone(&calls)));
        }
        Self {
            engine,
            calls,
            work,
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Ends in the middle of its calls, like a process that is killed.
    async fn die(mut self) {
        self.work.shutdown().await;
        self.engine.store().close().await.unwrap();
    }
}

/// Makes calls in a loop. A call with a null is not batched, so each call is one request.
async fn call(portal: Portal, method: &'static str, calls: Arc<AtomicUsize>) {
    loop {
        let answer = portal.call::<Value>(method, &json!({ "by": null })).await;
        answer.unwrap();
        calls.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn processes_on_one_store_share_a_portals_limit_and_a_single_one_has_all_of_it() {
    let portal = portal().await;
    let folder = TempDir::new().unwrap();
    let (path, key) = (folder.path().join("store.db"), Key::random());
    let bots = Process::on(Sqlite::open(&path, &key).unwrap(), &portal, "profile").await;
    until("a full bucket", || bots.calls() >= 46).await;
    // It starts when the first has filled the bucket.
    let other = Sqlite::attend(&path, &key).unwrap();
    let other = Process::on(other, &portal, "server.time").await;
    let before = bots.calls();
    let both = || (bots.calls() - before, other.calls());
    until("twelve calls of both", || both().0 + both().1 >= 12).await;
    let (of_bots, of_other) = both();
    assert!(
        of_bots >= 4 && of_other >= 4,
        "{of_bots} and {of_other} of twelve"
    );
    other.die().await;
    // The measure: a program that has a portal's limit for itself. Half of the limit would be ten
    // of twenty.
    let other_portal = self::portal().await;
    let other_store = Sqlite::open(folder.path().join("other.db"), &Key::random()).unwrap();
    let measure = Process::on(other_store, &other_portal, "profile").await;
    until("a full bucket", || measure.calls() >= 46).await;
    let before = (bots.calls(), measure.calls());
    until("twenty more calls", || measure.calls() >= before.1 + 20).await;
    let of_bots = bots.calls() - before.0;
    assert!(of_bots >= 15, "{of_bots} while another makes twenty");
    bots.die().await;
    measure.die().await;
    for portal in [portal, other_portal] {
        let traffic = portal.rate_counts();
        assert_eq!(traffic.refused, 0, "{traffic:?}");
    }
}
