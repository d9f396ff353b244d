//! The program that is ended: bots on a durable store, configured by environment variables.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use imbot::engine::{Engine, RepeatId, RestTransport, Transport};
use imbot::event::{DialogId, MessageId};
use imbot::portal::{BotClient, Error, Plan};
use imbot::prelude::*;
use imbot::store::{Call, Key, Postgres, Sqlite, Store};
use imbot::{Config, serve};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

const ADDRESS: &str = "CRASH_ADDRESS";
const RELAY: &str = "CRASH_RELAY";
const PORTAL: &str = "CRASH_PORTAL";
const ID: &str = "CRASH_ID";
const SECRET: &str = "CRASH_SECRET";
const STORE: &str = "CRASH_STORE";
const VARIANT: &str = "CRASH_VARIANT";
const DATABASE: &str = "CRASH_DATABASE";
const KEY: &str = "CRASH_KEY";
const WEBHOOKS: &str = "CRASH_WEBHOOKS";
const HOSTS: &str = "CRASH_HOSTS";

/// Number of messages after which the program aborts in a handler.
pub(crate) const IN_HANDLER: &str = "CRASH_IN_HANDLER";

/// Number of the portal's answers after which the program aborts before it stores the last one.
pub(crate) const AFTER_ANSWER: &str = "CRASH_AFTER_ANSWER";

/// Name of the task that panics, or [`WRITER`] or [`READER`].
pub(crate) const FAIL: &str = "CRASH_FAIL";

/// Time after which it panics, in milliseconds. 0: before the program starts to work.
pub(crate) const FAIL_AFTER: &str = "CRASH_FAIL_AFTER";

/// The store's thread that writes.
pub(crate) const WRITER: &str = "the store's writer";

/// The store's thread that reads.
pub(crate) const READER: &str = "the store's reader";

/// The program that all processes of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Two bots.
    Plain,
    /// The bots store their state separately from their replies, which is the control.
    SeparateState,
    /// Further bots, a connector and a hook, so that every task runs.
    AllParts,
    /// The command line runs the bots.
    CommandLine,
    /// Several processes share a store.
    Shared,
    /// Several processes share a store, and each takes all partitions for itself.
    Greedy,
}

/// The settings of the program.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) address: String,
    /// The address that the portal posts to.
    pub(crate) relay: String,
    pub(crate) portal: String,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) store: PathBuf,
    /// The store that several processes share, in place of the file.
    pub(crate) shared: Option<Shared>,
    pub(crate) variant: Variant,
}

/// A store that several processes share, and the portals that they are for.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    /// The address of the database.
    pub(crate) database: String,
    /// The key of the store.
    pub(crate) key: String,
    /// The inbound webhooks of the portals.
    pub(crate) webhooks: Vec<String>,
    /// The addresses of the portals.
    pub(crate) hosts: Vec<String>,
}

impl Settings {
    /// Returns the command that starts the program.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .env(ADDRESS, &self.address)
            .env(VARIANT, format!("{:?}", self.variant))
            .env(STORE, &self.store);
        if let Some(shared) = &self.shared {
            command
                .env(DATABASE, &shared.database)
                .env(KEY, &shared.key)
                .env(WEBHOOKS, shared.webhooks.join(" "))
                .env(HOSTS, shared.hosts.join(" "));
        }
        if self.variant == Variant::CommandLine {
            command
                .arg("run")
                .env("IMBOT_LISTEN", &self.address)
                .env("IMBOT_PUBLIC_URL", format!("http://{}/", self.relay))
                .env("IMBOT_OAUTH_URL", format!("http://{}", self.portal))
                .env("IMBOT_ALLOW_HOST", &self.portal)
                .env("IMBOT_CLIENT_ID", &self.id)
                .env("IMBOT_CLIENT_SECRET", &self.secret)
                .env("IMBOT_STORE", &self.store)
                .env("IMBOT_PLAN", "on-premise");
        } else {
            command
                .env(RELAY, &self.relay)
                .env(PORTAL, &self.portal)
                .env(ID, &self.id)
                .env(SECRET, &self.secret);
        }
        command
    }
}

/// Returns true if this process was started to be the program.
pub(crate) fn is_child() -> bool {
    std::env::var_os(ADDRESS).is_some()
}

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let app = app();
    if is_variant(Variant::CommandLine) {
        return app.run();
    }
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    log.with_max_level(tracing::Level::WARN).init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    match runtime.expect("a runtime").block_on(serve_bots(app)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the program ends");
            ExitCode::FAILURE
        }
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn is_variant(variant: Variant) -> bool {
    variable(VARIANT) == format!("{variant:?}")
}

/// Returns the bots.
fn app() -> App {
    let store = PathBuf::from(variable(STORE));
    let countdown = Countdown::new(variable(IN_HANDLER).parse().ok());
    let separate_state =
        is_variant(Variant::SeparateState).then(|| store.with_extension("separate"));
    separate_state
        .as_ref()
        .map(fs::create_dir_all)
        .transpose()
        .expect("a folder");
    let counter = |profile| Counter {
        profile,
        separate_state: separate_state.clone(),
        countdown: Arc::clone(&countdown),
    };
    let profile = |code: &str, redelivery| Profile::new(code, code).redelivery(redelivery);
    let app = App::new()
        .bot(counter(profile("once", Redelivery::Deduplicated)))
        .bot(counter(profile("resend", Redelivery::AtLeastOnce)))
        .transport(AbortingTransport(Countdown::new(
            variable(AFTER_ANSWER).parse().ok(),
        )));
    if !is_variant(Variant::AllParts) {
        return app;
    }
    let polled = profile("polled", Redelivery::AtLeastOnce).event_mode(EventMode::Fetch);
    app.bot(counter(polled))
        .connector(Quiet)
        .offline_hook("ONCRMDEALADD", ignore)
}

async fn serve_bots(app: App) -> io::Result<()> {
    let mut config = Config::default();
    config.client_id = Some(variable(ID));
    config.client_secret = Some(variable(SECRET).into());
    config.public_url = Some(format!("http://{}/", variable(RELAY)));
    config.oauth_url = format!("http://{}", variable(PORTAL));
    config.allow_host = vec![variable(PORTAL)];
    // Many processes may die while they handle a message, and it must be tried again each time.
    config.attempts = u32::MAX;
    config.plan = Plan::OnPremise;
    let fails = variable(FAIL);
    if fails == "calls" {
        config.plan = Plan::Standard; // calls wait only where there is a limit
    }
    if is_variant(Variant::Shared) || is_variant(Variant::Greedy) {
        return serve_shared(app, config).await;
    }
    let file = PathBuf::from(variable(STORE));
    let key = Key::of(&file, file.with_extension("key")).expect("the key");
    let store = Arc::new(Sqlite::open(file, &key).expect("the store"));
    let app = app.shared_store(Arc::clone(&store) as Arc<dyn Store>);
    let engine = app.engine(&config).expect("an engine");
    let listener = TcpListener::bind(variable(ADDRESS)).await?;
    if !fails.is_empty() {
        fail_later(&engine, store, fails.clone());
    }
    if is_variant(Variant::AllParts) {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move {
            engine.start().await.expect("started");
            engine.reconcile().await;
        });
    }
    // A part that failed has no time to finish what it began: the harder case, and a quick test.
    let limit = if fails.is_empty() {
        config.stop_timeout()
    } else {
        Duration::from_millis(300)
    };
    serve::run(
        serve::endpoint(engine),
        listener,
        serve::stop_signal(),
        limit,
    )
    .await
}

/// Runs the bots on a store that other processes use as well.
async fn serve_shared(app: App, mut config: Config) -> io::Result<()> {
    let stop = serve::stop_signal(); // handled from here on
    let list = |name| {
        variable(name)
            .split(' ')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    config.portal = list(WEBHOOKS).into_iter().map(Into::into).collect();
    config.allow_host = list(HOSTS);
    (config.client_id, config.client_secret) = (None, None);
    let key = Key::from_base64(&variable(KEY)).expect("the key");
    let store = Postgres::open(&variable(DATABASE).into(), &[key]).expect("the store");
    if is_variant(Variant::Greedy) {
        store.own_everything().await.expect("owned");
    }
    let store: Arc<dyn Store> = Arc::new(store);
    let engine = app.shared_store(Arc::clone(&store)).engine(&config);
    let engine = engine.expect("an engine");
    let listener = TcpListener::bind(variable(ADDRESS)).await?;
    engine.start().await.expect("started");
    engine.reconcile_in_background();
    let limit = config.stop_timeout();
    serve::run(serve::endpoint(engine), listener, stop, limit).await?;
    store.close().await.map_err(io::Error::other)
}

/// Makes a part of the program panic, now or later.
fn fail_later(engine: &Arc<Engine>, store: Arc<Sqlite>, part: String) {
    let after = variable(FAIL_AFTER).parse().unwrap_or(0);
    if after == 0 {
        engine.fail_task(&part);
        return;
    }
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(after)).await;
        match &*part {
            WRITER => store.make_thread_panic(true).await,
            READER => store.make_thread_panic(false).await,
            task => engine.fail_task(task),
        }
    });
}

/// A connector without messages.
struct Quiet;

impl Connector for Quiet {
    async fn outbound(&self, _: &Channel, message: OutboundMessage) -> Result<Receipt> {
        Ok(Receipt::one(message.id))
    }
}

async fn ignore(_: HookEvent) -> Result {
    Ok(())
}

/// Aborts the process after a number of steps.
#[derive(Debug)]
struct Countdown {
    left: Option<AtomicU64>,
}

impl Countdown {
    fn new(steps: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            left: steps.map(AtomicU64::new),
        })
    }

    /// Counts a step.
    fn step(&self) {
        if let Some(left) = &self.left
            && left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            std::process::abort();
        }
    }
}

/// A bot that numbers the messages of a chat from 1.
struct Counter {
    profile: Profile,
    /// The folder of the state, if it is stored separately from the replies.
    separate_state: Option<PathBuf>,
    countdown: Arc<Countdown>,
}

#[derive(Default, Serialize, Deserialize)]
struct Count {
    turns: u64,
}

impl Bot<Count> for Counter {
    fn profile(&self) -> Profile {
        self.profile.clone()
    }

    async fn message(&self, cx: &mut Context<Count>, message: Message) -> Result {
        cx.state.turns += 1;
        let mut turns = cx.state.turns;
        if let Some(folder) = &self.separate_state {
            turns = count_in_file(&folder.join(cx.dialog().to_string()))?;
        }
        self.countdown.step();
        cx.say(format!("{turns} {}", message.text));
        Ok(())
    }
}

/// Counts a turn in a file, atomically, but not in one step with the reply. The test must detect
/// it.
fn count_in_file(file: &std::path::Path) -> std::io::Result<u64> {
    let previous = fs::read_to_string(file).unwrap_or_default();
    let turns = previous.parse().unwrap_or(0) + 1;
    let next = file.with_extension("next");
    let mut written = fs::File::create(&next)?;
    write!(written, "{turns}")?;
    fs::rename(next, file)?;
    Ok(turns)
}

/// A transport that may abort the process after the portal's answer.
#[derive(Debug)]
struct AbortingTransport(Arc<Countdown>);

impl Transport for AbortingTransport {
    fn send<'a>(
        &'a self,
        bot: &'a BotClient,
        dialog: &'a DialogId,
        call: Call<MessageId>,
        repeat_id: Option<RepeatId>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        Box::pin(async move {
            let answer = RestTransport.send(bot, dialog, call, repeat_id).await;
            self.0.step();
            answer
        })
    }
}
