//! The program that is killed: two bots on a durable store, told by its environment where the portal is and when to die.

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

const ADDRESS: &str = "KILL_ADDRESS";
const RELAY: &str = "KILL_RELAY";
const PORTAL: &str = "KILL_PORTAL";
const ID: &str = "KILL_ID";
const SECRET: &str = "KILL_SECRET";
const STORE: &str = "KILL_STORE";
const TORN: &str = "KILL_TORN";
/// After how many messages the program dies in a handler.
pub(crate) const IN_HANDLER: &str = "KILL_IN_HANDLER";
/// After how many answers of the portal it dies before they are noted.
pub(crate) const AFTER_ANSWER: &str = "KILL_AFTER_ANSWER";

/// What the program is told, but for when to die.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) address: String,
    /// Where the portal finds it.
    pub(crate) relay: String,
    pub(crate) portal: String,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) store: PathBuf,
    pub(crate) torn: bool,
}

impl Settings {
    /// The program as a process to be started.
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
            .env(TORN, if self.torn { "yes" } else { "" });
        command
    }
}

/// Whether this process is to be the program.
pub(crate) fn is_asked_for() -> bool {
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
    let set = |name| std::env::var(name).unwrap_or_default();
    let store = PathBuf::from(set(STORE));
    let mut config = Config::default();
    config.client_id = Some(set(ID));
    config.client_secret = Some(set(SECRET).into());
    config.public_url = Some(format!("http://{}/", set(RELAY)));
    config.oauth_url = format!("http://{}", set(PORTAL));
    config.allow_host = vec![set(PORTAL)];
    // A message may be begun by many lives before one ends it, and is no poison for that.
    config.attempts = u32::MAX;
    config.plan = Plan::OnPremise;
    config.store.file = Some(store.clone());
    let deaths = Deaths::new(set(IN_HANDLER).parse().ok());
    let torn = (!set(TORN).is_empty()).then(|| store.with_extension("torn"));
    torn.as_ref()
        .map(fs::create_dir_all)
        .transpose()
        .expect("a folder");
    let counter = |code, redelivery| Counter {
        code,
        redelivery,
        torn: torn.clone(),
        deaths: Arc::clone(&deaths),
    };
    let app = App::new()
        .bot(counter("once", Redelivery::Deduplicated))
        .bot(counter("resend", Redelivery::AtLeastOnce))
        .transport(Mortal(Deaths::new(set(AFTER_ANSWER).parse().ok())));
    let engine = app.engine(&config).expect("an engine");
    let listener = TcpListener::bind(set(ADDRESS)).await.expect("the address");
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

/// A death after so many steps.
#[derive(Debug)]
struct Deaths {
    left: Option<AtomicU64>,
}

impl Deaths {
    fn new(steps: Option<u64>) -> Arc<Deaths> {
        Arc::new(Deaths {
            left: steps.map(AtomicU64::new),
        })
    }

    /// One step nearer to it.
    fn step(&self) {
        if let Some(left) = &self.left
            && left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            std::process::abort();
        }
    }
}

/// Numbers what it is told: the first message is 1, and so on.
struct Counter {
    code: &'static str,
    redelivery: Redelivery,
    /// The folder where it keeps its state apart from its replies, if it does.
    torn: Option<PathBuf>,
    deaths: Arc<Deaths>,
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
        if let Some(torn) = &self.torn {
            turns = count_apart(&torn.join(format!("{} {}", self.code, cx.dialog())))?;
        }
        self.deaths.step();
        cx.say(format!("{turns} {}", message.text));
        Ok(())
    }
}

/// What this test would find out: a state that is written by itself, and well.
fn count_apart(file: &std::path::Path) -> std::io::Result<u64> {
    let before = fs::read_to_string(file).unwrap_or_default();
    let turns = before.parse().unwrap_or(0) + 1;
    let next = file.with_extension("next");
    let mut written = fs::File::create(&next)?;
    write!(written, "{turns}")?;
    fs::rename(next, file)?;
    Ok(turns)
}

/// Sends as usual, and dies when the portal has answered.
#[derive(Debug)]
struct Mortal(Arc<Deaths>);

impl Transport for Mortal {
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
