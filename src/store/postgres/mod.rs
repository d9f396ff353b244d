//! The PostgreSQL store: several processes work on one database.
//!
//! Every process may append deliveries. Everything else of a portal is the work of the process that
//! owns the portal's [partition](super::Partition), and each write checks that in its transaction
//! ([`fence`]). Operations that wait at the same time share a transaction and a flush. Bodies and
//! tokens are sealed ([`Key`]).
//!
//! The store has threads of its own and seven connections: for turns ([`group`]), for appending
//! ([`append`]), for other changes, for reading, and three for its membership. It has no spool: an
//! event that waits in a file of one process could be overtaken by a later one of the same chat in
//! another process. So while the database is not available, events are not acknowledged.

mod append;
#[cfg(feature = "sqlite")]
mod archive;
mod conversations;
mod dead;
mod diagnosis;
mod error;
mod fault;
mod fence;
mod forget;
mod group;
mod inbox;
mod link;
mod members;
mod notices;
mod number;
mod outbox;
mod portals;
mod reader;
mod rekey;
mod reminders;
mod schema;
mod session;
mod step;
mod store;
#[cfg(feature = "testing")]
mod testing;
mod tls;
mod turns;
mod upkeep;
mod url;
mod work;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

#[cfg(feature = "sqlite")]
pub(super) use archive::DatabaseArchive;
pub use diagnosis::{ConnectionLimit, Diagnosis, Standby};
pub use error::PostgresError;
pub use members::{MemberStatus, Members, PartitionStatus};

use super::Key;
use super::seal::Sealer;
use crate::store::{Appended, NewDelivery, StoreError};
use crate::tasks::Watch;
use append::{Append, Appender, BodyIds, PreparedDelivery};
use diagnosis::are_shared;
use fault::Fault;
use fence::Holdings;
use group::{Operation, Pending, Writer};
use link::{Link, PATIENCE, Place};
use members::{Membership, OwnSessions};
use reader::Reader;
use session::{Purpose, Session};
use url::Server;
use work::{Job, Reply, Running};

/// Maximum number of operations that wait for a task. Callers wait while it is full; nothing is
/// dropped.
const QUEUE_MAX: usize = 4_096;

/// Number of threads of a store: one can encrypt while the other waits for a lock.
const THREADS: usize = 2;

/// A store in a PostgreSQL database, which several processes share.
///
/// Opening it waits for the database on the calling thread, so do it at the start of a program.
#[derive(Debug)]
pub struct Postgres {
    place: Place,
    sealer: Arc<Sealer>,
    holdings: Arc<Holdings>,
    members: Membership,
    bodies: BodyIds,
    watch: Watch,
    /// Whether this is an operator's command, which owns nothing.
    is_guest: bool,
    append: mpsc::Sender<append::Request>,
    commit: mpsc::Sender<group::Request>,
    other: mpsc::Sender<group::Request>,
    read: Reader,
    _threads: Threads,
}

/// The threads of a store.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Threads {
    fn start() -> Result<Self, PostgresError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("store")
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => Ok(Self(Some(runtime))),
            Err(error) => Err(PostgresError::Start {
                cause: error.to_string(),
            }),
        }
    }

    fn handle(&self) -> &Handle {
        self.0
            .as_ref()
            .expect("the threads run until this is dropped")
            .handle()
    }
}

impl Drop for Threads {
    /// Ends the threads without waiting for them: the caller may be inside of a runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What opening a store has made.
struct Opened {
    place: Place,
    sealer: Arc<Sealer>,
    holdings: Arc<Holdings>,
    members: Membership,
    watch: Watch,
    other: Session,
    append: Session,
    commit: Session,
    read: Session,
}

impl Postgres {
    /// Opens the store at an address such as `postgres://user:password@host/database`. Creates the
    /// tables in an empty database, and upgrades those of an older version. Other processes may run
    /// on the same store, with the same keys.
    ///
    /// The first key seals new values. All keys open values. So a key is changed by adding the new
    /// one to all processes, then making it the first in all processes, and then removing the old
    /// one after [`rekey`](Self::rekey).
    ///
    /// # Errors
    /// The address cannot be read; the database cannot be used; its tables are not those of a
    /// store, or of a version that does not allow this one; or no key is the key of this store.
    pub fn open(url: &SecretString, keys: &[Key]) -> Result<Self, PostgresError> {
        Self::start(url, keys, false, PATIENCE)
    }

    /// Opens the store for an operator's command, which never owns a partition. The command can
    /// read it, decide about dead letters and remove data. The processes that run the bots get
    /// [`notices`](super::Upkeep::notices) of the changes.
    ///
    /// # Errors
    /// As for [`open`](Self::open). Also if there is no store, or one of an older version.
    pub fn attend(url: &SecretString, keys: &[Key]) -> Result<Self, PostgresError> {
        Self::start(url, keys, true, PATIENCE)
    }

    /// Seals everything with the first key that another key has sealed, in small steps. Calls
    /// `progress` with the number of finished bodies and the number of all bodies. Processes may
    /// run on the store; their first key must be this one already.
    ///
    /// # Errors
    /// The store could not be read or written, or no key opens a value. It can be called again.
    pub async fn rekey(&self, mut progress: impl FnMut(u64, u64)) -> Result<(), StoreError> {
        let failed = |fault| self.failed(fault);
        let total = self.job((), |db, ()| Box::pin(rekey::count(db))).await;
        let (total, mut done, mut last) = (total.map_err(failed)?, 0, None);
        progress(done, total);
        loop {
            let step = self.job((Arc::clone(&self.sealer), last), |db, (sealer, last)| {
                Box::pin(rekey::bodies(db, sealer, *last))
            });
            let Some((at, count)) = step.await.map_err(failed)? else {
                break;
            };
            last = Some(at);
            done += count;
            progress(done, total.max(done));
        }
        let rest = self.job(Arc::clone(&self.sealer), |db, sealer| {
            Box::pin(async move {
                rekey::tokens(db, sealer).await?;
                rekey::secret(db, sealer).await?;
                rekey::key_check(db, sealer).await
            })
        });
        rest.await.map_err(failed)
    }

    fn start(
        url: &SecretString,
        keys: &[Key],
        is_guest: bool,
        patience: Duration,
    ) -> Result<Self, PostgresError> {
        let server = Server::parse(url)?;
        let sealer = Arc::new(sealer(keys)?);
        let tls = tls::connector(&server.verify)?;
        let place = Place::new(server, tls, patience);
        let threads = Threads::start()?;
        // The caller may be inside of a runtime, whose thread must not wait for a future.
        let (sender, opened) = std::sync::mpsc::sync_channel(1);
        threads.handle().spawn(async move {
            let _ = sender.send(open(place, sealer, is_guest).await); // the receiver waits
        });
        match opened.recv() {
            Ok(opened) => opened.map(|opened| Self::run(threads, opened, is_guest)),
            Err(_) => Err(PostgresError::Start {
                cause: "opening it panicked".to_owned(),
            }),
        }
    }

    fn run(threads: Threads, opened: Opened, is_guest: bool) -> Self {
        let runtime = threads.handle();
        let Opened {
            place,
            sealer,
            holdings,
            members,
            watch,
            ..
        } = opened;
        let writer = |name, purpose, session| {
            let (queue, requests) = mpsc::channel(QUEUE_MAX);
            let writer = Writer {
                link: Link::new(&place, purpose, Some(session)),
                holdings: Arc::clone(&holdings),
            };
            runtime.spawn(watch.watch(name, writer.run(requests)));
            queue
        };
        let commit = writer("store commits", Purpose::Commit, opened.commit);
        let other = writer("store changes", Purpose::Other, opened.other);
        let (append, requests) = mpsc::channel(QUEUE_MAX);
        let appender = Appender {
            link: Link::new(&place, Purpose::Append, Some(opened.append)),
            id: holdings.member(),
        };
        runtime.spawn(watch.watch("store appends", appender.run(requests)));
        let read = Reader::new(runtime.clone(), &place, opened.read);
        Self {
            bodies: BodyIds::new(),
            place,
            sealer,
            holdings,
            members,
            watch,
            is_guest,
            append,
            commit,
            other,
            read,
            _threads: threads,
        }
    }

    /// Runs a function in a transaction of its own. It may run more than once.
    async fn job<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        run: impl for<'a> Fn(&'a Session, &'a I) -> Running<'a, T> + Send + 'static,
    ) -> Result<T, Fault> {
        let since = Instant::now();
        ask(&self.other, |reply| {
            let job = Job {
                input,
                run,
                done: None,
                reply,
            };
            group::Request::Work(Box::new(job), since)
        })
        .await
    }

    /// Runs an operation of a turn.
    async fn turn<I, O>(
        &self,
        make: impl FnOnce(Pending<I, O>) -> Operation,
        input: I,
    ) -> Result<O, Fault> {
        let since = Instant::now();
        ask(&self.commit, |reply| {
            let pending = Pending {
                input,
                done: None,
                reply,
            };
            group::Request::Turn(make(pending), since)
        })
        .await
    }

    /// Appends a delivery.
    async fn append_delivery(&self, delivery: &NewDelivery) -> Result<Appended, Fault> {
        if delivery.events.is_empty() {
            return Ok(Appended::Now(Vec::new()));
        }
        let delivery = PreparedDelivery::new(&self.sealer, &self.bodies, delivery);
        let since = Instant::now();
        let appending = self.members.appending(Some(delivery.body()));
        let appended = ask(&self.append, |reply| {
            append::Request::Append(Append {
                delivery,
                since,
                reply,
            })
        })
        .await?;
        if let Appended::Now(events) = &appended {
            self.members.appended(events.iter().flatten().copied());
        }
        appending.returned();
        Ok(appended)
    }

    /// Ends the tasks after the operations before.
    async fn close_tasks(&self) -> Result<(), Fault> {
        let appends = ask(&self.append, append::Request::Close);
        let commits = ask(&self.commit, group::Request::Close);
        let changes = ask(&self.other, group::Request::Close);
        let closed = [appends.await, commits.await, changes.await];
        for closed in closed {
            match closed {
                Ok(()) | Err(Fault::Closed) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    fn failed(&self, fault: Fault) -> StoreError {
        fault.of(&self.place.server)
    }
}

/// Returns what seals values with the first key.
fn sealer(keys: &[Key]) -> Result<Sealer, PostgresError> {
    match keys {
        [first, others @ ..] => Ok(Sealer::with_others(first, others)),
        [] => Err(PostgresError::Start {
            cause: "there is no key".to_owned(),
        }),
    }
}

/// Connects, and checks or makes the tables.
async fn open(place: Place, sealer: Arc<Sealer>, is_guest: bool) -> Result<Opened, PostgresError> {
    let failed = |fault: Fault| PostgresError::fault(&place.server, &fault);
    let connect = || Session::connect_plain(&place.server, &place.tls);
    // Before anything is set in a session that may be that of another program.
    let (first, other) = tokio::try_join!(connect(), connect()).map_err(failed)?;
    if are_shared(&first, &other, 2).await.map_err(failed)? {
        let place = place.server.to_string();
        return Err(PostgresError::Pooled { place });
    }
    other.set_up(Purpose::Other).await.map_err(failed)?;
    if is_guest {
        schema::check_current(&place.server, &other).await?;
    } else {
        schema::upgrade(&place.server, &other).await?;
    }
    schema::check_finished(&place.server, &other).await?;
    schema::check_key(&place.server, &other, &sealer).await?;
    let (append, commit) = tokio::try_join!(
        place.connect(Purpose::Append),
        place.connect(Purpose::Commit)
    )
    .map_err(failed)?;
    // A process whose connections do not suffice does not start, rather than work without some.
    let (read, own) = if is_guest {
        first.set_up(Purpose::Read).await.map_err(failed)?;
        (first, None)
    } else {
        first.set_up(Purpose::Lease).await.map_err(failed)?;
        let (read, listen, notify) = tokio::try_join!(
            place.connect(Purpose::Read),
            place.connect(Purpose::Listen),
            place.connect(Purpose::Notify)
        )
        .map_err(failed)?;
        let own = OwnSessions {
            lease: first,
            listen,
            notify,
        };
        (read, Some(own))
    };
    let (holdings, watch) = (Arc::new(Holdings::new(Uuid::new_v4())), Watch::default());
    let members = Membership::new(&place, &holdings, &watch, &read, own);
    let members = members.await.map_err(failed)?;
    Ok(Opened {
        place,
        sealer,
        holdings,
        members,
        watch,
        other,
        append,
        commit,
        read,
    })
}

/// Sends a request to a task and waits for its answer.
async fn ask<R, T>(
    queue: &mpsc::Sender<R>,
    request: impl FnOnce(Reply<T>) -> R,
) -> Result<T, Fault> {
    let (reply, outcome) = oneshot::channel();
    queue
        .send(request(reply))
        .await
        .map_err(|_| Fault::Closed)?;
    outcome.await.unwrap_or(Err(Fault::Closed))
}
