//! The commands of an author, and the name and version of their program.

use std::time::Duration;

use clap::{ArgMatches, Command};

use super::Done;
use super::run::{settings, start};
use crate::app::{App, CommandLine, OwnCommand, RunCommand};
use crate::config::File;
use crate::engine::Engine;
use crate::handler;

/// The flag that every command has.
pub(super) const CONFIG: &str = "config";

/// The command that clap adds.
const HELP: &str = "help";

impl CommandLine {
    /// Adds the commands and the version.
    ///
    /// # Errors
    /// A name is in use.
    pub(super) fn add_to(&self, imbot: Command) -> Result<Command, String> {
        let imbot_version = env!("CARGO_PKG_VERSION");
        let mut all = match &self.version {
            Some(own) => {
                // clap prints a name, a space and a version.
                let (name, version) = own.split_once(' ').unwrap_or((own, ""));
                let version = format!("{version} (imbot {imbot_version})");
                imbot
                    .display_name(name)
                    .version(version.trim_start().to_owned())
            }
            None => imbot,
        };
        for own in &self.commands {
            if let Some(name) = names(&own.command).find(|name| is_in_use(&all, name)) {
                return Err(format!(
                    "the command `{name}` that the program adds has the name of another one; `--help` lists those of imbot"
                ));
            }
            if has_config(&own.command) {
                let name = own.command.get_name();
                return Err(format!(
                    "the command `{name}` that the program adds has a flag `--{CONFIG}`, which every command has already: the file of settings"
                ));
            }
            all = all.subcommand(own.command.clone());
        }
        Ok(all)
    }

    /// Takes the command that was given, if it is one of the author, with its flags.
    pub(super) fn take(&mut self, matches: &ArgMatches) -> Option<(RunCommand, ArgMatches)> {
        let (name, flags) = matches.subcommand()?;
        let is_given = |own: &OwnCommand| own.command.get_name() == name;
        let at = self.commands.iter().position(is_given)?;
        Some((self.commands.swap_remove(at).run, flags.clone()))
    }
}

/// Returns the names of a command.
fn names(command: &Command) -> impl Iterator<Item = &str> {
    [command.get_name()]
        .into_iter()
        .chain(command.get_all_aliases())
}

fn is_in_use(all: &Command, name: &str) -> bool {
    name == HELP
        || all
            .get_subcommands()
            .any(|it| names(it).any(|it| it == name))
}

/// Whether a command or one below it has a flag of the name that is for all.
fn has_config(command: &Command) -> bool {
    let is_config = |arg: &clap::Arg| {
        arg.get_id() == CONFIG || arg.get_long().is_some_and(|long| long == CONFIG)
    };
    command.get_arguments().any(is_config) || command.get_subcommands().any(has_config)
}

/// Runs a command of the author, and the engine from the first use of its handle on.
pub(super) async fn run(app: App, command: RunCommand, flags: ArgMatches, file: &File) -> Done {
    let handle = app.handle();
    let wanted = handle.wanted();
    let mut work = command(flags, handle);
    tokio::select! {
        biased;
        done = &mut work => return reported(done),
        () = wanted => {}
    }
    let config = settings(file)?;
    let engine = app.engine(&config)?;
    start(&engine).await?;
    let done = work.await;
    finish(&engine, config.stop_timeout()).await;
    reported(done)
}

/// Does what was asked, for at most this time, and stops the engine.
async fn finish(engine: &Engine, limit: Duration) {
    /// Interval between two looks at what is left.
    const INTERVAL: Duration = Duration::from_millis(20);
    let idle = async {
        while engine.waiting() != (0, 0) {
            tokio::time::sleep(INTERVAL).await;
        }
    };
    let _ = tokio::time::timeout(limit, idle).await; // the stop logs what is left
    engine.stop(limit).await;
}

/// Returns the result of a command with its error as a text.
fn reported(done: handler::Result) -> Done {
    done.map_err(|error| match error.answer() {
        Some(answer) => answer.text().to_owned().into(),
        None => error.to_string().into(),
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;

    use clap::{Arg, CommandFactory};
    use tempfile::TempDir;

    use crate::cli::own::*;
    use crate::cli::{Cli, act};
    use crate::handler::{Bot, Error};

    struct Greeter;

    impl Bot for Greeter {}

    fn nothing(command: Command) -> App {
        App::new().command(command, |_, _| async { Ok(()) })
    }

    fn refused(mut app: App) -> String {
        app.take_command_line().add_to(Cli::command()).unwrap_err()
    }

    #[test]
    fn a_name_that_is_in_use_is_refused() {
        for name in ["run", "store", "help"] {
            let error = refused(nothing(Command::new(name)));
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
        let alias = refused(nothing(Command::new("go").visible_alias("run")));
        assert!(alias.contains("`run`"), "{alias}");
        let twice =
            nothing(Command::new("go")).command(Command::new("go"), |_, _| async { Ok(()) });
        assert!(refused(twice).contains("`go`"));
        let config = Command::new("below").arg(Arg::new("file").long("config"));
        let config = refused(nothing(Command::new("go").subcommand(config)));
        assert!(
            config.contains("`go`") && config.contains("`--config`"),
            "{config}"
        );
    }

    #[test]
    fn the_version_is_that_of_the_program_and_of_imbot() {
        let version = |mut app: App| {
            let command = app.take_command_line().add_to(Cli::command());
            command.unwrap().render_version()
        };
        let imbot = env!("CARGO_PKG_VERSION");
        assert_eq!(version(App::new()), format!("imbot {imbot}\n"));
        for own in ["shop 1.2", "shop", "My shop 1.2"] {
            let app = App::new().version(own);
            assert_eq!(version(app), format!("{own} (imbot {imbot})\n"));
        }
    }

    /// Runs a program with these arguments.
    fn run_with(mut app: App, args: &[&str]) -> Done {
        let args: Vec<OsString> = ["shop"].iter().chain(args).map(OsString::from).collect();
        let own = app.take_command_line();
        let given = own.add_to(Cli::command())?.try_get_matches_from(&args)?;
        act(app, own, &args, &given)
    }

    #[test]
    fn a_command_gets_its_flags_and_needs_no_settings() {
        let app = || {
            let loud = Arg::new("loud")
                .long("loud")
                .action(clap::ArgAction::SetTrue);
            App::new().command(Command::new("shout").arg(loud), |matches, _| async move {
                match matches.get_flag("loud") {
                    true => Ok(()),
                    false => Err(Error::failed("not loud")),
                }
            })
        };
        run_with(app(), &["shout", "--loud"]).unwrap();
        let error = run_with(app(), &["shout"]).unwrap_err();
        assert_eq!(error.to_string(), "not loud");
        assert!(run_with(app(), &["shout", "--quiet"]).is_err());
    }

    #[cfg(feature = "emulator")]
    #[test]
    fn a_command_speaks_for_the_bots() {
        use crate::emulator::{Emulator, Options};
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let portal = runtime
            .block_on(Emulator::start(Options::default()))
            .unwrap();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("imbot.toml");
        let settings = format!(
            "portal = [{:?}]\nallow_host = [{:?}]\nstore = {:?}\n",
            portal.webhook_url(),
            portal.address().to_string(),
            folder.path().join("store.db").to_str().unwrap(),
        );
        fs::write(&file, settings).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let tell = Command::new("tell").arg(Arg::new("text"));
        let app = App::new()
            .bot(Greeter)
            .command(tell, |matches, handle| async move {
                let text = matches.get_one::<String>("text").unwrap();
                let chat = handle.bot("greeter").chat("1");
                chat.say(text.as_str()).await?;
                Ok(())
            });
        run_with(app, &["tell", "hello", "--config", file.to_str().unwrap()]).unwrap();
        let bot = portal.bot("greeter").unwrap().to_string();
        let seen = portal.whole_history(1, &bot);
        assert_eq!(seen.last().unwrap()["text"], "hello");
    }
}
