//! Commands and the version of an author's program in its command line.

use std::fmt;
use std::pin::Pin;

use clap::{ArgMatches, Command};

use super::{App, Handle};
use crate::handler::Result;

/// Runs a command of an author.
pub(crate) type RunCommand =
    Box<dyn FnOnce(ArgMatches, Handle) -> Pin<Box<dyn Future<Output = Result> + Send>> + Send>;

/// A command of an author.
pub(crate) struct OwnCommand {
    /// Its name and its flags.
    pub(crate) command: Command,
    pub(crate) run: RunCommand,
}

/// What an author adds to the command line.
#[derive(Debug, Default)]
pub(crate) struct CommandLine {
    pub(crate) commands: Vec<OwnCommand>,
    /// The name and the version of the program.
    pub(crate) version: Option<String>,
}

impl fmt::Debug for OwnCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnCommand")
            .field(&self.command.get_name())
            .finish()
    }
}

impl App {
    /// Adds a command to the command line ([`run`](App::run)), beside those of imbot.
    ///
    /// It runs in place of the bots. With the first use of its [`Handle`] the program is started as
    /// by `run`, except that it does not listen: the bots are set up on the configured portals, and
    /// what is asked of them is sent. When the command has ended, what was asked is done first, for
    /// at most the time of the setting `stop_timeout`. A command that does not use the handle needs
    /// no settings. With a store in a file, the bots cannot run meanwhile.
    ///
    /// The name must not be that of a command of imbot, and a flag must not be called `--config`.
    /// An error ends the program with the exit status 1 and is logged.
    ///
    /// ```no_run
    /// use imbot::libraries::clap::{Arg, Command};
    /// use imbot::prelude::*;
    ///
    /// # struct Shop; impl Bot for Shop {}
    /// fn main() -> ExitCode {
    ///     let tell = Command::new("tell").arg(Arg::new("chat").required(true));
    ///     App::new()
    ///         .bot(Shop)
    ///         .command(tell, |matches, handle| async move {
    ///             let chat = matches.get_one::<String>("chat").map_or("1", String::as_str);
    ///             handle.bot("shop").chat(chat).say("We are open.").await?;
    ///             Ok(())
    ///         })
    ///         .run()
    /// }
    /// ```
    #[must_use]
    pub fn command<F>(
        mut self,
        command: Command,
        run: impl FnOnce(ArgMatches, Handle) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result> + Send + 'static,
    {
        self.command_line.commands.push(OwnCommand {
            command,
            run: Box::new(|matches, handle| Box::pin(run(matches, handle))),
        });
        self
    }

    /// Sets the name and the version of the program, which `--version` prints with those of imbot:
    /// `App::new().version("shop 1.2")`. Default: those of imbot only.
    #[must_use]
    pub fn version(mut self, name_and_version: impl Into<String>) -> Self {
        self.command_line.version = Some(name_and_version.into());
        self
    }

    /// Removes what the author has added to the command line.
    pub(crate) fn take_command_line(&mut self) -> CommandLine {
        std::mem::take(&mut self.command_line)
    }
}
