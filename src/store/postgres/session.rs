//! A session: one connection to the server, which is set up for the store.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_postgres::error::Severity;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection, NoTls, Row, SimpleQueryMessage, Socket, Statement,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use super::url::Server;

/// Maximum time to connect, with TLS and the password.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How much earlier than the next one a host of the address is tried.
const HEAD_START: Duration = Duration::from_millis(200);

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// What a session is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Transactions that are sent in one go, by the keys of rows.
    Commit,
    /// Appending deliveries.
    Append,
    /// Transactions whose statements depend on each other.
    Other,
    /// Reading.
    Read,
    /// The lease of this process among the members. Nothing else may delay it.
    Lease,
    /// Reading what other processes have appended, and hearing of it.
    Listen,
    /// Waking other processes.
    Notify,
}

impl Purpose {
    /// Returns the settings of a session.
    ///
    /// The tables grow from nothing to millions of rows and back, so statistics are often wrong.
    /// Every statement has an index for its rows, and is planned to use it.
    fn settings(self) -> &'static str {
        match self {
            Self::Commit => {
                "SET lock_timeout = '2s'; SET statement_timeout = '20s';
                 SET idle_in_transaction_session_timeout = '1s';
                 SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
            }
            Self::Append => {
                "SET lock_timeout = '2s'; SET statement_timeout = '20s';
                 SET idle_in_transaction_session_timeout = '1s'; SET enable_seqscan = off;"
            }
            Self::Other => {
                "SET lock_timeout = '2s'; SET statement_timeout = '60s';
                 SET idle_in_transaction_session_timeout = '10s'; SET enable_seqscan = off;"
            }
            Self::Read => {
                "SET lock_timeout = '2s'; SET statement_timeout = '60s'; SET enable_seqscan = off;
                 SET default_transaction_read_only = on;"
            }
            Self::Lease => {
                "SET lock_timeout = '500ms'; SET statement_timeout = '1500ms';
                 SET idle_in_transaction_session_timeout = '1s'; SET synchronous_commit = off;"
            }
            Self::Listen => {
                "SET lock_timeout = '2s'; SET statement_timeout = '20s'; SET enable_seqscan = off;
                 SET synchronous_commit = off;"
            }
            Self::Notify => {
                "SET lock_timeout = '2s'; SET statement_timeout = '2s';
                 SET synchronous_commit = off;"
            }
        }
    }
}

/// The settings of all sessions. Notices below a warning are not sent, so that every notice on a
/// session that commits is one that matters.
const SETTINGS: &str = "SET client_min_messages = warning; SET jit = off;
    SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on;";

/// One connection with its prepared statements.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
    warnings: Arc<Warnings>,
    /// What was sent by NOTIFY, until it is taken.
    messages: Mutex<Option<Messages>>,
    driver: AbortHandle,
}

/// The texts that were sent by NOTIFY to a session that listens.
pub(super) type Messages = mpsc::UnboundedReceiver<String>;

/// The warnings that the server has sent outside of answers.
#[derive(Debug, Default)]
struct Warnings {
    count: AtomicU64,
    last: Mutex<String>,
}

impl Session {
    /// Connects. Needs a tokio runtime, which drives the connection until the session is dropped.
    pub(super) async fn connect(
        server: &Server,
        tls: &MakeRustlsConnect,
        purpose: Purpose,
    ) -> Result<Self, Fault> {
        let connect = async {
            let session = Self::start(server, tls).await?;
            session.set_up(purpose).await?;
            Ok(session)
        };
        in_time(connect).await
    }

    /// Connects, without the settings of a purpose.
    pub(super) async fn connect_plain(
        server: &Server,
        tls: &MakeRustlsConnect,
    ) -> Result<Self, Fault> {
        in_time(Self::start(server, tls)).await
    }

    /// Applies the settings of a purpose.
    pub(super) async fn set_up(&self, purpose: Purpose) -> Result<(), Fault> {
        self.batch(&format!("{SETTINGS} {}", purpose.settings()))
            .await
    }

    async fn start(server: &Server, tls: &MakeRustlsConnect) -> Result<Self, Fault> {
        if server.is_plain() {
            return Self::start_with(&server.hosts, NoTls).await;
        }
        Self::start_with(&server.hosts, tls.clone()).await
    }

    /// Connects to the first of several hosts that accepts writes. Each gets a head start over the
    /// next one. Nobody waits for one that is away without refusing connections, as a machine that
    /// was switched off.
    async fn start_with<T>(hosts: &[Config], tls: T) -> Result<Self, Fault>
    where
        T: MakeTlsConnect<Socket> + Clone,
        T::Stream: Send + 'static,
    {
        let attempts = (0_u32..).zip(hosts).map(|(before, host)| {
            let tls = tls.clone();
            async move {
                tokio::time::sleep(HEAD_START * before).await;
                let (client, connection) = host.connect(tls).await?;
                let session = Self::driven(client, connection);
                session.check_writable().await?;
                Ok(session)
            }
        });
        let mut attempts: FuturesUnordered<_> = attempts.collect();
        let mut faults = Vec::new();
        while let Some(attempt) = attempts.next().await {
            match attempt {
                Ok(session) => return Ok(session),
                Err(fault) => faults.push(fault),
            }
        }
        Err(Fault::of_hosts(faults))
    }

    /// Fails if the server accepts no writes.
    async fn check_writable(&self) -> Result<(), Fault> {
        let answer = self.first_value("SHOW transaction_read_only").await?;
        if answer.as_deref() == Some("on") {
            return Err(Fault::ReadOnly);
        }
        Ok(())
    }

    /// Returns the first value that a statement answers with. The statement is not prepared: a
    /// pooler may send it to another session than its preparation.
    pub(super) async fn first_value(&self, sql: &str) -> Result<Option<String>, Fault> {
        let answer = self.client.simple_query(sql).await?;
        Ok(answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    fn driven<T>(client: Client, connection: Connection<Socket, T>) -> Self
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let warnings = Arc::new(Warnings::default());
        let (sender, messages) = mpsc::unbounded_channel();
        let driver = tokio::spawn(drive(connection, Arc::clone(&warnings), sender));
        Self {
            client,
            statements: Mutex::default(),
            warnings,
            messages: Mutex::new(Some(messages)),
            driver: driver.abort_handle(),
        }
    }

    /// Asks the server to cancel what it does for this session.
    pub(super) async fn cancel(&self, server: &Server, tls: &MakeRustlsConnect) {
        let token = self.client.cancel_token();
        let cancelled = if server.is_plain() {
            token.cancel_query(NoTls).await
        } else {
            token.cancel_query(tls.clone()).await
        };
        if let Err(error) = cancelled {
            tracing::debug!(%error, "a statement was not cancelled");
        }
    }

    /// Returns the messages of this session, which end with it. Returns `None` the second time.
    pub(super) fn take_messages(&self) -> Option<Messages> {
        self.messages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Returns true if the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Returns the number of warnings so far.
    pub(super) fn warnings(&self) -> u64 {
        self.warnings.count.load(Ordering::Acquire)
    }

    /// Fails if there were warnings after `before`: what was committed meanwhile may not be
    /// durable.
    pub(super) fn check_warnings(&self, before: u64) -> Result<(), Fault> {
        if self.warnings() == before {
            return Ok(());
        }
        let last = self.warnings.last.lock();
        Err(Fault::NotDurable(
            last.unwrap_or_else(PoisonError::into_inner).clone(),
        ))
    }

    /// Returns the prepared statement of an SQL text.
    pub(super) async fn prepared(&self, sql: &str) -> Result<Statement, Fault> {
        let known = self.known_statement(sql);
        match known {
            Some(statement) => Ok(statement),
            None => {
                let statement = self.client.prepare(sql).await?;
                let mut statements = self
                    .statements
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                statements.insert(sql.to_owned(), statement.clone());
                Ok(statement)
            }
        }
    }

    fn known_statement(&self, sql: &str) -> Option<Statement> {
        let statements = self.statements.lock();
        statements
            .unwrap_or_else(PoisonError::into_inner)
            .get(sql)
            .cloned()
    }

    /// Returns all rows of a query.
    pub(super) async fn list(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        let statement = self.prepared(sql).await?;
        Ok(self.client.query(&statement, params).await?)
    }

    /// Returns the first row of a query, if there is one.
    pub(super) async fn find(&self, sql: &str, params: Params<'_>) -> Result<Option<Row>, Fault> {
        Ok(self.list(sql, params).await?.into_iter().next())
    }

    /// Runs a statement. Returns the number of changed rows.
    pub(super) async fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64, Fault> {
        let statement = self.prepared(sql).await?;
        Ok(self.client.execute(&statement, params).await?)
    }

    /// Runs statements without parameters.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Fault> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Returns the client, for statements that are sent in one go.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Runs a future between BEGIN and COMMIT, or ROLLBACK if it fails.
    pub(super) async fn transaction<T>(
        &self,
        run: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let before = self.warnings();
        self.batch("BEGIN").await?;
        match run.await {
            Ok(done) => {
                self.batch("COMMIT").await?;
                self.check_warnings(before)?;
                Ok(done)
            }
            Err(fault) => {
                if !fault.breaks_connection() {
                    self.batch("ROLLBACK").await?;
                }
                Err(fault)
            }
        }
    }
}

/// Fails if connecting takes too long.
async fn in_time(connect: impl Future<Output = Result<Session, Fault>>) -> Result<Session, Fault> {
    match tokio::time::timeout(CONNECT_MAX, connect).await {
        Ok(connected) => connected,
        Err(_) => Err(Fault::Silent),
    }
}

impl Drop for Session {
    /// Ends the connection at once, also if the server does not answer.
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Drives a connection until it ends.
async fn drive<T>(
    mut connection: Connection<Socket, T>,
    warnings: Arc<Warnings>,
    messages: mpsc::UnboundedSender<String>,
) where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                let is_serious = !matches!(
                    notice.parsed_severity(),
                    Some(Severity::Debug | Severity::Info | Severity::Log | Severity::Notice)
                );
                tracing::warn!(
                    severity = notice.severity(),
                    notice = notice.message(),
                    "the database sent a notice"
                );
                if is_serious {
                    let mut last = warnings.last.lock().unwrap_or_else(PoisonError::into_inner);
                    notice.message().clone_into(&mut last);
                    warnings.count.fetch_add(1, Ordering::Release);
                }
            }
            Ok(AsyncMessage::Notification(sent)) => {
                let _ = messages.send(sent.payload().to_owned()); // nobody may listen
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "a connection to the database ended");
                return;
            }
        }
    }
}
