//! The command line that every program of bots gets.

#![expect(
    clippy::print_stdout,
    reason = "what a command answers goes to standard output"
)]

use std::error::Error;
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::config::Config;
use crate::emulator::{Emulator, NewApp, Options};
use crate::engine::Engine;
use crate::event::{Delivery, Page};
use crate::serve;

/// Bots for Bitrix24. Without a command: runs the bots, on an emulated portal if no real one is configured.
#[derive(Parser)]
#[command(version, arg_required_else_help = false)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the bots: on your portals, or on an emulated one with --emulator
    Run(Run),
    /// Run the portal emulator alone, for bots of other programs
    Emulate {
        /// The address to listen on
        #[arg(long, default_value_t = Options::default().listen, value_name = "ADDRESS")]
        listen: SocketAddr,
    },
    /// Show an event body as JSON, or tell which key of it is wrong
    Decode {
        /// A file with the body of a POST, or the JSON answer to a poll. Default: standard input
        file: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Run {
    /// Run a portal emulator in the same process and install the bots on it: no account, token or network
    #[arg(long)]
    emulator: bool,

    /// The address of that emulator
    #[arg(long, default_value_t = Options::default().listen, value_name = "ADDRESS")]
    emulator_listen: SocketAddr,

    #[command(flatten)]
    config: Config,
}

type Done = Result<(), Box<dyn Error>>;

/// Runs the command line.
pub(crate) fn run(app: App) -> ExitCode {
    let cli = Cli::parse();
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,poem=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    let done = match cli.command {
        None => on_runtime(run_somewhere(app)),
        Some(Command::Run(run)) => on_runtime(run_bots(app, run)),
        Some(Command::Emulate { listen }) => on_runtime(emulate(listen)),
        Some(Command::Decode { file }) => decode(file),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn on_runtime(work: impl Future<Output = Done>) -> Done {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Without a command: on the portal that the environment names, else on an emulated one.
async fn run_somewhere(app: App) -> Done {
    let Cli {
        command: Some(Command::Run(mut run)),
    } = Cli::parse_from(["imbot", "run"])
    else {
        unreachable!()
    };
    run.emulator = run.config.client_id.is_none();
    run_bots(app, run).await
}

async fn run_bots(app: App, run: Run) -> Done {
    let Run {
        emulator,
        emulator_listen,
        config,
    } = run;
    let listener = listen(config.listen, emulator).await?;
    if !emulator {
        let path = path_of(config.public_url.as_deref());
        tracing::info!(bots = app.names().join(", "), listen = %listener.local_addr()?, "the bots are running");
        return serve_engine(app.engine(&config)?, &config, listener, &path).await;
    }
    let portal = start_emulator(emulator_listen).await?;
    let handler = format!("http://{}/", listener.local_addr()?);
    let credentials = portal.register_app(NewApp::new("bots", &handler));
    let config = Config {
        turn_timeout: config.turn_timeout,
        stop_timeout: config.stop_timeout,
        ..Config::emulated(&portal, &credentials, handler)
    };
    let engine = app.engine(&config)?;
    let greeting = greet(&portal, &credentials.client_id, &engine);
    let served = tokio::select! {
        served = serve_engine(Arc::clone(&engine), &config, listener, "") => served,
        greeted = greeting => greeted,
    };
    portal.stop().await;
    served
}

async fn serve_engine(
    engine: Arc<Engine>,
    config: &Config,
    listener: TcpListener,
    path: &str,
) -> Done {
    Ok(serve::run(
        engine,
        listener,
        path,
        serve::asked_to_stop(),
        config.stop_timeout(),
    )
    .await?)
}

/// Installs the bots on the emulated portal, and says where to talk once the first click will find them.
async fn greet(portal: &Emulator, client_id: &str, engine: &Engine) -> Done {
    const SET_UP_TIMEOUT: Duration = Duration::from_secs(10);
    portal.install(client_id).await?;
    if tokio::time::timeout(SET_UP_TIMEOUT, engine.until_set_up(1))
        .await
        .is_err()
    {
        tracing::warn!("the bots are not set up on the emulated portal yet");
    }
    println!(
        "\n  No portal is configured, so this one is emulated. Talk to the bots here:\n\n      {}\n\n  Ctrl-C ends it.\n",
        portal.url()
    );
    std::future::pending().await
}

/// Listens; for a trial any other port will do as well.
async fn listen(address: SocketAddr, is_trial: bool) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if is_trial && error.kind() == ErrorKind::AddrInUse => {
            TcpListener::bind(SocketAddr::new(address.ip(), 0)).await
        }
        Err(error) => Err(std::io::Error::new(
            error.kind(),
            format!("cannot listen on {address}: {error}"),
        )),
        listener => listener,
    }
}

async fn start_emulator(listen: SocketAddr) -> std::io::Result<Emulator> {
    let start = |listen| {
        Emulator::start(Options {
            listen,
            ..Options::default()
        })
    };
    match start(listen).await {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            start(SocketAddr::new(listen.ip(), 0)).await
        }
        started => started,
    }
}

async fn emulate(listen: SocketAddr) -> Done {
    let portal = Emulator::start(Options {
        listen,
        ..Options::default()
    })
    .await
    .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let url = portal.url();
    println!(
        "\
  A portal is emulated. Its web chat:        {url}
  REST for an inbound webhook:               {webhook}
  REST for an application:                   {url}/rest/
  Authorization server:                      {url}

  Register an application, then install it; its handler gets ONAPPINSTALL:

    curl {url}/emulator/app -H 'content-type: application/json' \\
         -d '{{\"title\": \"my bots\", \"handler\": \"http://127.0.0.1:8072/\"}}'
    curl {url}/emulator/install -H 'content-type: application/json' -d '{{\"client_id\": \"…\"}}'

  A program made with imbot connects with:

    IMBOT_CLIENT_ID=… IMBOT_CLIENT_SECRET=… IMBOT_OAUTH_URL={url} \\
    IMBOT_BX24_URL={bx24} \\
    IMBOT_ALLOW_HOST={address} IMBOT_PUBLIC_URL=http://127.0.0.1:8072/ your-bot run

  Ctrl-C ends it.",
        webhook = portal.webhook_url(),
        address = portal.address(),
        bx24 = portal.bx24_url(),
    );
    serve::asked_to_stop().await;
    portal.stop().await;
    Ok(())
}

/// The path of an address, for a reverse proxy that passes it on.
fn path_of(url: Option<&str>) -> String {
    let rest = url
        .and_then(|url| url.split_once("://"))
        .map_or("", |(_, rest)| rest);
    rest.find('/')
        .map_or("", |start| &rest[start..])
        .trim_end_matches('/')
        .to_owned()
}

fn decode(file: Option<PathBuf>) -> Done {
    let mut body = Vec::new();
    match file {
        Some(file) => {
            let opened = std::fs::File::open(&file)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            std::io::BufReader::new(opened).read_to_end(&mut body)?;
        }
        None => drop(std::io::stdin().read_to_end(&mut body)?),
    }
    let body = body.trim_ascii();
    let shown = if body.starts_with(b"{") {
        let page = Page::from_json(body)?;
        let events: Result<Vec<Value>, _> = page.events.iter().map(show).collect();
        json!({ "next_offset": page.next_offset, "has_more": page.has_more, "events": events? })
    } else {
        show(&Delivery::from_form(body.to_vec())?)?
    };
    println!("{}", serde_json::to_string_pretty(&shown)?);
    Ok(())
}

fn show(delivery: &Delivery) -> Result<Value, Box<dyn Error>> {
    let events = serde_json::to_value(delivery.events()?)?;
    let mut raw = delivery.root().to_json();
    hide_tokens(&mut raw);
    Ok(
        json!({ "event": delivery.name, "category": format!("{:?}", delivery.category), "events": events, "raw": raw }),
    )
}

/// Shortens what must not be shown, wherever it stands.
fn hide_tokens(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) if key.to_ascii_lowercase().ends_with("token") => {
                        *text = text.chars().take(4).chain(['…']).collect();
                    }
                    field => hide_tokens(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_tokens),
        _ => {}
    }
}
