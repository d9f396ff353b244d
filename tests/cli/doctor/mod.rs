//! `doctor` next to a running program, over real HTTP.

mod certificates;
mod healthy;
mod problems;

use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use bots::{Assistant, Frontdesk};
use imbot::emulator::{Emulator, NewApp, NewLine, Options};
use imbot::engine::Engine;
use imbot::portal::Plan;
use imbot::prelude::App;
use imbot::{Config, serve};
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};

use super::{bots, text};

/// Maximum time of anything a test waits for.
const TIMEOUT: Duration = Duration::from_secs(60);
/// `--timeout` of the doctor, in seconds: so long that no question times out on a slow machine.
const ANSWER_TIMEOUT: &str = "600";
/// Ann, the administrator of every emulated portal.
const ANN: u64 = 1;
/// An address where nothing listens.
const NOWHERE: &str = "127.0.0.1:9";

/// A portal, and a running program with the included bots and a store.
struct Setup {
    portal: Emulator,
    config: Config,
    engine: Arc<Engine>,
    served: JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
}

/// The result of the doctor.
struct Findings {
    exit_code: Option<i32>,
    checks: Vec<Value>,
}

impl Setup {
    /// A program that polls.
    async fn polling() -> Self {
        Self::polling_on(portal().await, Plan::OnPremise).await
    }

    /// A program that polls on a portal with this plan.
    async fn polling_on(portal: Emulator, plan: Plan) -> Self {
        let (mut config, folder) = with_store(Config::polling(&portal));
        config.plan = plan;
        let engine = program().engine(&config).unwrap();
        engine.start().await.unwrap();
        assert!(engine.reconcile().await.is_empty());
        put_on_a_line(&portal);
        let served = tokio::spawn(serve::poll(
            Arc::clone(&engine),
            std::future::pending(),
            TIMEOUT,
        ));
        Self {
            portal,
            config,
            engine,
            served,
            _folder: folder,
        }
    }

    /// A program that is installed as an application.
    async fn application(scope: Option<&str>) -> Self {
        let portal = portal().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let handler = format!("http://{address}/");
        let mut app = NewApp::new("bots", &handler);
        app.scope = scope.map_or(app.scope, str::to_owned);
        let credentials = portal.register_app(app);
        let mut config = Config::emulated(&portal, &credentials, &handler);
        config.allow_host.push(address);
        let (config, folder) = with_store(config);
        let engine = program().engine(&config).unwrap();
        let serving = Arc::clone(&engine);
        let served = tokio::spawn(async move {
            serve::run(
                serve::endpoint(serving),
                listener,
                std::future::pending(),
                TIMEOUT,
            )
            .await
        });
        portal.install(&credentials.client_id).await.unwrap();
        timeout(TIMEOUT, engine.until_set_up(1)).await.unwrap();
        put_on_a_line(&portal);
        Self {
            portal,
            config,
            engine,
            served,
            _folder: folder,
        }
    }

    /// Ann writes to Echo, and waits for its answer.
    async fn talk_to_echo(&self, words: &str) {
        let echo = self.portal.bot("echo").unwrap();
        let dialog = echo.to_string();
        self.portal.send(ANN, &dialog, words).unwrap();
        let end = Instant::now() + TIMEOUT;
        let is_answered = || {
            let history = self.portal.history(ANN, &dialog);
            history.iter().any(|message| {
                message["author"] == echo
                    && message["text"]
                        .as_str()
                        .is_some_and(|text| text.contains(words))
            })
        };
        while !is_answered() {
            assert!(Instant::now() < end, "no answer to `{words}`");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops the program, which releases its store.
    async fn stop(self) -> (Emulator, Config, TempDir) {
        assert!(self.engine.stop(TIMEOUT).await);
        self.served.abort();
        let _ = self.served.await; // it was aborted
        self.engine.store().close().await.unwrap();
        (self.portal, self.config, self._folder)
    }
}

impl Findings {
    fn check(&self, name: &str) -> &Value {
        let check = self.checks.iter().find(|check| check["name"] == name);
        check.unwrap_or_else(|| panic!("no check `{name}` among {:#?}", self.checks))
    }

    /// Asserts the status of a check, and that its detail contains a text.
    #[track_caller]
    fn is(&self, name: &str, status: &str, text: &str) -> &Self {
        let check = self.check(name);
        let detail = check["detail"].as_str().unwrap();
        assert!(
            check["status"] == status && detail.contains(text),
            "expected {status}, `{text}`: {check:#}"
        );
        let needs_no_fix = matches!(status, "ok" | "skipped");
        assert_eq!(check["fix"].is_null(), needs_no_fix, "{check:#}");
        self
    }

    /// Asserts that the fix of a check contains a text.
    #[track_caller]
    fn advises(&self, name: &str, text: &str) -> &Self {
        let fix = self.check(name)["fix"].as_str().unwrap_or_default();
        assert!(fix.contains(text), "expected `{text}` in `{fix}`");
        self
    }

    /// Asserts that the doctor succeeds and that only these checks are neither ok nor skipped.
    fn only_complains_about(&self, names: &[&str]) {
        assert_eq!(
            (self.exit_code, self.complaints()),
            (Some(0), names.to_vec())
        );
    }

    /// Returns the names of the checks that are neither ok nor skipped.
    fn complaints(&self) -> Vec<&str> {
        self.checks
            .iter()
            .filter(|check| check["status"] != "ok" && check["status"] != "skipped")
            .map(|check| check["name"].as_str().unwrap())
            .collect()
    }
}

fn program() -> App {
    bots::all(Frontdesk::from_env().unwrap(), Assistant::scripted())
}

/// Chooses the front desk and the assistant as the bots of lines 1 and 2, which a person does on a
/// real portal.
fn put_on_a_line(portal: &Emulator) {
    for (bot, line) in [("frontdesk", "Support"), ("assistant", "Questions")] {
        if let Some(bot) = portal.bot(bot) {
            portal.add_line(NewLine::new(line).bot(bot));
        }
    }
}

async fn portal() -> Emulator {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        rate: None,
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

fn with_store(mut config: Config) -> (Config, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    config.store.place = Some(folder.path().join("store.db").into());
    (config.poll_quick, config.poll_slow) = (0.05, 0.05);
    config.plan = Plan::OnPremise; // the emulated portal has no limit
    (config, folder)
}

/// Returns the value of `--plan`.
fn plan(plan: Plan) -> &'static str {
    match plan {
        Plan::Standard => "standard",
        Plan::Enterprise => "enterprise",
        _ => "on-premise",
    }
}

/// Runs `doctor` with these settings.
async fn run(config: &Config, args: &'static [&str]) -> Output {
    let mut command = bots();
    let secrets: Vec<String> = config
        .portal
        .iter()
        .map(|url| url.expose_secret().to_owned())
        .collect();
    command
        .args(["doctor", "--timeout", ANSWER_TIMEOUT])
        .args(args)
        .env("IMBOT_ALLOW_HOST", config.allow_host.join(","))
        .env("IMBOT_OAUTH_URL", &config.oauth_url)
        .env("IMBOT_STORE", config.store.file().unwrap())
        .env("IMBOT_PLAN", plan(config.plan))
        .env("IMBOT_POLL_QUICK", config.poll_quick.to_string())
        .env("IMBOT_POLL_SLOW", config.poll_slow.to_string());
    if !secrets.is_empty() {
        command.env("IMBOT_PORTAL", secrets.join(","));
    }
    if let Some(id) = &config.client_id {
        command.env("IMBOT_CLIENT_ID", id);
    }
    if let Some(secret) = &config.client_secret {
        command.env("IMBOT_CLIENT_SECRET", secret.expose_secret());
    }
    if let Some(file) = &config.ca_file {
        command.env("IMBOT_CA_FILE", file);
    }
    if let Some(admin) = config.admin {
        command.env("IMBOT_ADMIN", admin.to_string());
    }
    if let Some(url) = &config.public_url {
        command.env("IMBOT_PUBLIC_URL", url);
    }
    let output = spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let printed = text(&output.stdout) + &text(&output.stderr);
    let codes = secrets
        .iter()
        .filter_map(|url| url.trim_end_matches('/').rsplit('/').next());
    let secret = config.client_secret.as_ref();
    for secret in codes.chain(secret.map(ExposeSecret::expose_secret)) {
        assert!(!printed.contains(secret), "a secret is shown:\n{printed}");
    }
    output
}

/// Runs `doctor --json` with these settings.
async fn doctor(config: &Config) -> Findings {
    let output = run(config, &["--json"]).await;
    let checks = serde_json::from_slice(&output.stdout);
    Findings {
        exit_code: output.status.code(),
        checks: checks.unwrap_or_else(|_| panic!("{}", text(&output.stderr))),
    }
}
