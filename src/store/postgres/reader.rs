//! Reading: queries of many callers share one session.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::fault::Fault;
use super::link::{self, Link, Place};
use super::session::{Purpose, Session};
use super::work::Running;

/// The session that reads. Each query sees what was committed when it began.
#[derive(Debug)]
pub(super) struct Reader {
    runtime: Handle,
    link: Arc<Mutex<Link>>,
}

impl Reader {
    pub(super) fn new(runtime: Handle, place: &Place, session: Session) -> Self {
        let link = Arc::new(Mutex::new(Link::new(place, Purpose::Read, Some(session))));
        runtime.spawn(link::give_way(place.clone(), Arc::downgrade(&link)));
        Self { runtime, link }
    }

    /// Runs queries, again if the database is not available.
    pub(super) async fn run<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        run: impl for<'a> Fn(&'a Session, &'a I) -> Running<'a, T> + Send + Sync + 'static,
    ) -> Result<T, Fault> {
        let link = Arc::clone(&self.link);
        // On the store's own threads, which drive the session.
        let running = self.runtime.spawn(attempts(link, input, run));
        running.await.unwrap_or(Err(Fault::Panicked))
    }
}

async fn attempts<I, T>(
    link: Arc<Mutex<Link>>,
    input: I,
    run: impl for<'a> Fn(&'a Session, &'a I) -> Running<'a, T>,
) -> Result<T, Fault> {
    let mut attempts = link.lock().await.attempts(Instant::now());
    loop {
        let attempt = async {
            let session = link.lock().await.session().await?;
            run(&session, &input).await
        };
        let ran = timeout(attempts.left(), attempt)
            .await
            .unwrap_or(Err(Fault::Slow));
        let Err(fault) = ran else { return ran };
        link.lock().await.apply(&fault);
        if !attempts.again(&fault).await {
            return Err(attempts.reason(fault));
        }
    }
}
