//! The command line of every program of bots.

/// Prints a line of a command's output. A closed pipe, such as that of `head`, is not an error.
macro_rules! out {
    ($($line:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout().lock(), $($line)*);
    }};
}

mod broadcast;
mod config;
mod conversation;
mod dead;
mod decode;
mod doctor;
#[cfg(feature = "emulator")]
mod emulate;
#[cfg(feature = "emulator")]
mod emulated;
mod events;
mod listen;
mod log;
mod log_limit;
mod own;
mod register;
mod run;
mod store;

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::app::{App, CommandLine};
use crate::config::File;

/// Bots for Bitrix24. Without a command: runs the bots
#[derive(Parser)]
#[command(version, arg_required_else_help = false)]
#[cfg_attr(
    feature = "emulator",
    command(
        about = "Bots for Bitrix24. Without a command: runs the bots, on an emulated portal if no real one is configured"
    )
)]
struct Cli {
    /// A file of settings (TOML); flags and environment variables take precedence. Default:
    /// imbot.toml, if it exists
    #[arg(long, global = true, env = "IMBOT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the bots on your portals
    #[cfg_attr(
        feature = "emulator",
        command(about = "Run the bots: on your portals, or on an emulated one with --emulator")
    )]
    Run(run::Run),
    /// Update the bots and commands on your portals to match this program, as `run` does at its
    /// start
    Register(register::Register),
    /// Show what would be removed from your portals; with --yes, remove it
    Unregister(register::Unregister),
    /// Find out why events do not arrive, and what to do about it (works while the bots run)
    Doctor(doctor::Doctor),
    /// Run the portal emulator alone, for bots of other programs
    #[cfg(feature = "emulator")]
    Emulate(emulate::Emulate),
    /// Show an event body as JSON, or report which key of it is wrong
    Decode {
        /// A file with the body of a POST, or the JSON answer to a poll. Default: standard input
        file: Option<PathBuf>,
    },
    /// List the portal's events: what each means, where it is bound, for which user, and how often
    /// it has arrived
    Events(events::Events),
    /// Inspect the store, back it up (both work while the bots run), or change its key
    #[command(subcommand)]
    Store(store::Command),
    /// Inspect, retry or drop failed events (works while the bots run)
    #[command(subcommand)]
    Dead(dead::Command),
    /// List conversations, show or delete what is stored of one, or pause a bot in one (works while
    /// the bots run)
    #[command(subcommand)]
    Conversation(conversation::Command),
    /// Follow, pause, resume or cancel broadcasts (works while the bots run)
    #[command(subcommand)]
    Broadcast(broadcast::Command),
    /// Show the current settings and where each comes from, or print a file of all settings with
    /// their defaults
    Config(config::Show),
}

/// The result of a command.
type Done = Result<(), Box<dyn Error>>;

impl App {
    /// Runs the command line; `--help` describes it.
    pub fn run(self) -> ExitCode {
        run(self)
    }
}

/// Runs the command line.
fn run(mut app: App) -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let own = app.take_command_line();
    let given = match own.add_to(Cli::command()) {
        Ok(command) => Ok(command.get_matches_from(&args)), // ends the program for --help
        Err(error) => Err(error.into()),
    };
    log::start();
    match given.and_then(|matches| act(app, own, &args, &matches)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Runs the command that was given.
fn act(app: App, mut own: CommandLine, args: &[OsString], given: &ArgMatches) -> Done {
    let file = given.get_one::<PathBuf>(own::CONFIG).map(PathBuf::as_path);
    if let Some((command, flags)) = own.take(given) {
        return on_runtime(own::run(app, command, flags, &File::find(file)?));
    }
    match Cli::from_arg_matches(given)?.command {
        Some(Command::Config(show)) if show.example => config::example(),
        _ => with_settings(app, args, &File::find(file)?),
    }
}

/// Runs a command of imbot. The command line is parsed again, with the values of the file as
/// defaults.
fn with_settings(app: App, args: &[OsString], file: &File) -> Done {
    let matches = file.apply_to(Cli::command()).get_matches_from(args);
    match Cli::from_arg_matches(&matches)?.command {
        None => on_runtime(run::without_command(app, file)),
        Some(Command::Run(run)) => on_runtime(run::bots(app, run, file)),
        Some(Command::Register(register)) => on_runtime(register::register(app, register)),
        Some(Command::Unregister(unregister)) => on_runtime(register::unregister(app, unregister)),
        Some(Command::Doctor(doctor)) => on_runtime(doctor::examine(app, doctor)),
        #[cfg(feature = "emulator")]
        Some(Command::Emulate(emulate)) => on_runtime(emulate.run()),
        Some(Command::Decode { file }) => decode::decode(file),
        Some(Command::Events(events)) => on_runtime(events.run(app)),
        Some(Command::Store(command)) => on_runtime(command.run()),
        Some(Command::Dead(command)) => on_runtime(command.run()),
        Some(Command::Conversation(command)) => on_runtime(command.run()),
        Some(Command::Broadcast(command)) => on_runtime(command.run()),
        Some(Command::Config(show)) => show.run(file),
    }
}

fn on_runtime(work: impl Future<Output = Done>) -> Done {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            survive_size_limits();
            work.await
        })
}

/// Makes a write beyond the size limit of files (`ulimit -f`) fail like one on a full disk. Without
/// a handler, its signal ends the program.
fn survive_size_limits() {
    #[cfg(unix)]
    {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};
        if let Err(error) = signal(SignalKind::from_raw(Signal::XFSZ.as_raw())) {
            tracing::debug!(%error, "the signal of the size limit cannot be handled");
        }
    }
}

/// Returns an error's message and its causes, without repetition.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}
