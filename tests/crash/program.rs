//! The program that is killed: two bots on a durable store, configured by environment variables.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use imbot::engine::{RepeatId, RestTransport, Transport};
use imbot::event::{DialogId, MessageId};
use imbot::portal::{BotClient, Error, Plan};
use imbot::prelude::*;
use imbot::store::Call;
use imbot::{Config, serve};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

const ADDRESS: &str = "CRASH_ADDRESS";
const RELAY: &str = "CRASH_RELAY";
const PORTAL: &str = "CRASH_PORTAL";
const ID: &str = "CRASH_ID";
const SECRET: &str = "CRASH_SECRET";
const STORE: &str = "CRASH_STORE";
const SEPARATE_STATE: &str = "CRASH_SEPARATE_STATE";

/// Number of messages after which the program aborts in a handler.
pub(crate) const IN_HANDLER: &str = "CRASH_IN_HANDLER";

/// Number of the portal's answers after which the program aborts before it stores the last one.
pub(crate) const AFTER_ANSWER: &str = "CRASH_AFTER_ANSWER";

/// The settings of the program, except when to abort.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) address: String,
    /// The address that the portal posts to.
    pub(crate) relay: String,
    pub(crate) portal: String,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) store: PathBuf,
    pub(crate) has_separate_state: bool,
}

impl Settings {
    /// Returns the command that starts the program.
    pub(crate) fn command(&self) -> std::process::Command {
        let mut command =
            std::process::Command::new(std::env::current_exe().expect("this program"));
        command
            .env(ADDRESS, &self.address)
            .env(RELAY, &self.relay)
            .env(PORTAL, &self.portal)
            .env(ID, &self.id)
            .env(SECRET, &self.secret)
            .env(STORE, &self.store)
            .env(
                SEPARATE_STATE,
                if self.has_separate_state { "yes" } else { "" },
            );
        command
    }
}

/// Returns true if this process was started to be the program.
pub(crate) fn is_child() -> bool {
    std::env::var_os(ADDRESS).is_some()
}

pub(crate) fn run() -> ExitCode {
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    log.with_max_level(tracing::Level::WARN).init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(serve_bots());
    ExitCode::SUCCESS
}

async fn serve_bots() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let store = PathBuf::from(variable(STORE));
    let mut config = Config::default();
    config.client_id = Some(variable(ID));
    config.client_secret = Some(variable(SECRET).into());
    config.public_url = Some(format!("http://{}/", variable(RELAY)));
    config.oauth_url = format!("http://{}", variable(PORTAL));
    config.allow_host = vec![variable(PORTAL)];
    // Many processes may die while they handle a message, and it must be tried again each time.
    config.attempts = u32::MAX;
    config.plan = Plan::OnPremise;
    config.store.file = Some(store.clone());
    let countdown = Countdown::new(variable(IN_HANDLER).parse().ok());
    let separate_state =
        (!variable(SEPARATE_STATE).is_empty()).then(|| store.with_extension("separate"));
    separate_state
        .as_ref()
        .map(fs::create_dir_all)
        .transpose()
        .expect("a folder");
    let counter = |code, redelivery| Counter {
        code,
        redelivery,
        separate_state: separate_state.clone(),
        countdown: Arc::clone(&countdown),
    };
    let app = App::new()
        .bot(counter("once", Redelivery::Deduplicated))
        .bot(counter("resend", Redelivery::AtLeastOnce))
        .transport(AbortingTransport(Countdown::new(
            variable(AFTER_ANSWER).parse().ok(),
        )));
    let engine = app.engine(&config).expect("an engine");
    let listener = TcpListener::bind(variable(ADDRESS))
        .await
        .expect("the address");
    let limit = config.stop_timeout();
    serve::run(
        serve::endpoint(engine),
        listener,
        serve::stop_signal(),
        limit,
    )
    .await
    .expect("served");
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
    code: &'static str,
    redelivery: Redelivery,
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
        Profile::new(self.code, self.code).redelivery(self.redelivery)
    }

    async fn message(&self, cx: &mut Context<Count>, message: Message) -> Result {
        cx.state.turns += 1;
        let mut turns = cx.state.turns;
        if let Some(folder) = &self.separate_state {
            turns = count_in_file(&folder.join(format!("{} {}", self.code, cx.dialog())))?;
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
