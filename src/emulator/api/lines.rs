//! Open channels for tests and programs in this process: lines and their connectors. Clients and
//! operators have files of their own.

use serde_json::Value;

use crate::emulator::placement::open_settings;
use crate::emulator::refusal::Refusal;
use crate::emulator::serve::Emulator;
use crate::emulator::view::lines as view;
use crate::emulator::world::line::connector::UserCode;

/// The administrator, who sets up lines.
const ADMIN: u64 = 1;

/// A line to be created. It has the portal's own live chat, and no bot unless one is set.
#[derive(Clone, Debug, Default)]
pub struct NewLine {
    queue: Vec<u64>,
    settings: Vec<(String, String)>,
}

impl NewLine {
    /// Returns a line with this name and an empty queue.
    pub fn new(name: &str) -> Self {
        NewLine::default().set("LINE_NAME", name)
    }

    /// Sets the operators, in their order.
    #[must_use]
    pub fn queue(mut self, operators: &[u64]) -> Self {
        self.queue = operators.to_vec();
        self
    }

    /// Sets the bot that greets clients; it must support open channels.
    #[must_use]
    pub fn bot(self, bot: u64) -> Self {
        self.set("WELCOME_BOT_ENABLE", "Y")
            .set("WELCOME_BOT_ID", &bot.to_string())
    }

    /// Sets any setting by its name in `imopenlines.config.add`, such as `WELCOME_BOT_TIME`.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The answer of an application whose page was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// The HTTP status.
    pub status: u16,
    /// The beginning of the page.
    pub body: String,
}

/// Lines and their connectors, set up by the administrator.
impl Emulator {
    /// Creates a line and returns its id.
    pub fn add_line(&self, line: NewLine) -> u64 {
        let NewLine { queue, settings } = line;
        self.portal.act(ADMIN, |tx| tx.add_line(&settings, &queue))
    }

    /// Changes a setting of a line.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` if there is no such line.
    pub fn set_line(&self, line: u64, name: &str, value: &str) -> Result<(), Refusal> {
        let settings = [(name.to_owned(), value.to_owned())];
        self.portal
            .act(ADMIN, |tx| tx.change_line(line, &settings, None))
    }

    /// Replaces the operators of a line.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` if there is no such line.
    pub fn set_queue(&self, line: u64, operators: &[u64]) -> Result<(), Refusal> {
        self.portal
            .act(ADMIN, |tx| tx.change_line(line, &[], Some(operators)))
    }

    /// Deletes a line: its sessions end, then `ONIMCONNECTORLINEDELETE` is sent to the applications
    /// of its connectors.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` if there is no such line.
    pub fn delete_line(&self, line: u64) -> Result<(), Refusal> {
        self.portal.act(ADMIN, |tx| tx.delete_line(line))
    }

    /// Switches a connector off on a line, as a person does: `ONIMCONNECTORSTATUSDELETE` is sent to
    /// its application.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` if there is no such line, `IMCONNECTOR_NO_CORRECT_PROVIDER` if there is no such
    /// connector.
    pub fn switch_off(&self, connector: &str, line: u64) -> Result<(), Refusal> {
        self.portal.act(ADMIN, |tx| tx.switch_off(connector, line))
    }

    /// Opens the settings page of a connector on a line: posts the placement `SETTING_CONNECTOR` to
    /// its handler.
    ///
    /// # Errors
    ///
    /// Those of [`Emulator::switch_off`], and `PLACEMENT_UNREACHABLE` if the handler does not
    /// answer.
    pub async fn open_settings(
        &self,
        as_user: u64,
        connector: &str,
        line: u64,
    ) -> Result<Opened, Refusal> {
        let (status, body) = open_settings(&self.portal, as_user, connector, line).await?;
        Ok(Opened { status, body })
    }

    /// Returns all lines with their connectors, and all sessions: the object of `GET /chat/lines`.
    pub fn lines(&self) -> Value {
        self.portal.read(view::lines)
    }

    /// Returns the last session of a chat in the form of [`Emulator::lines`]; null if there is
    /// none.
    pub fn session(&self, chat: u64) -> Value {
        self.portal.read(|world| {
            let session = world.lines.last_session(chat);
            session.map_or(Value::Null, |session| view::session(world, session))
        })
    }

    /// Returns the chat of a client, by the four parts of its `USER_CODE`.
    pub fn line_chat(&self, connector: &str, line: u64, chat: &str, user: &str) -> Option<u64> {
        let user_code = UserCode {
            connector: connector.to_owned(),
            line,
            chat: chat.to_owned(),
            user: user.to_owned(),
        };
        self.portal.act(ADMIN, |tx| tx.chat_with_code(&user_code))
    }

    /// Returns all messages of a line's chat, oldest first, whoever asks; `outside` has the state
    /// of each message outside.
    pub fn line_history(&self, chat: u64) -> Vec<Value> {
        self.portal.read(|world| view::messages(world, chat))
    }
}
