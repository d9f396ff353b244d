//! A chat widget for web pages: it connects visitors, through an open channel, with operators and
//! bots.
//!
//! ```no_run
//! use bots::{Frontdesk, Widget};
//! use imbot::prelude::*;
//!
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! let widget = Widget::new().folder("widget").site("https://shop.example.com");
//! let app = App::new().bot(Frontdesk::from_env()?).connector(widget.clone());
//! let app = app.nest(widget.path(), widget);
//! # let _: App = app; Ok(()) }
//! ```
//!
//! To connect it to a line, open its settings among the connectors of that line. The settings page
//! shows the tag to put on your pages:
//!
//! ```html
//! <script src="https://bots.example.com/widget/widget.js" data-line="7"></script>
//! ```
//!
//! `data-name` is the visitor's name, if the page knows it; `data-title`, `data-hello` and
//! `data-color` change the look; `data-portal` (a `member_id`) selects the portal, if several
//! portals have a line with this number. `GET /widget/` is a demo page; `cargo run` starts one on a
//! line of the emulated portal, where the front desk answers.
//!
//! # Guarantees
//!
//! **For the visitor.** One tick: the message is stored and will be sent to the line. Two ticks:
//! the line has accepted it. If the line refuses it, the message says so. Messages that are written
//! without a network wait in the browser and are sent later; repeats are dropped. The chat is still
//! there after a reload, in another tab, and, with a [folder](Widget::folder), after a restart of
//! the program. It keeps [`MESSAGES_MAX`] messages of each chat, for [`RETENTION`] after the last
//! change, in [`CHATS_MAX`] chats.
//!
//! **For the operator.** A message counts as delivered when it is stored for the visitor, whether
//! or not the visitor's page is open: with a folder on the disk, without one until the program
//! ends. Edits and deletions are shown.
//!
//! There is no typing indicator, since a portal neither reports typing to connectors nor accepts it
//! from them.
//!
//! # Security
//!
//! A visitor is identified by a random secret, which their browser keeps for the page's site; the
//! line gets only its hash. So a visitor cannot read another visitor's chat, but scripts on that
//! site can read the chats of its visitors. Pages of other sites are refused unless they are
//! [allowed](Widget::site). Visitors' messages are escaped for the portal, and messages from the
//! portal are plain text on the page; only `http` and `https` addresses become links. Files are
//! downloads without a type, at unguessable addresses; anybody who knows the address can read the
//! file.
//!
//! # Limits
//!
//! A message has at most [`TEXT_CHARS_MAX`] characters, and a visitor can send
//! [`MESSAGES_A_MINUTE_MAX`] messages a minute. A visitor has at most [`VISITOR_STREAMS_MAX`] open
//! pages, and all visitors together [`STREAMS_MAX`]. A file has at most [`FILE_BYTES_MAX`] bytes,
//! and all files together [`FILES_BYTES_MAX`].
//!
//! A secret costs nothing, so chats, messages, bytes, open pages and uploads are also limited by
//! the address that the visitor comes from and by the line:
//!
//! | | for each address | for each line |
//! |---|---|---|
//! | new chats a minute | [`ADDRESS_CHATS_A_MINUTE_MAX`] | [`LINE_CHATS_A_MINUTE_MAX`] |
//! | messages and files a minute | [`ADDRESS_MESSAGES_A_MINUTE_MAX`] | [`LINE_MESSAGES_A_MINUTE_MAX`] |
//! | kilobytes of files a day | [`ADDRESS_KILOBYTES_A_DAY_MAX`] | [`LINE_KILOBYTES_A_DAY_MAX`] |
//! | open pages | [`ADDRESS_STREAMS_MAX`] | |
//! | simultaneous uploads | [`ADDRESS_UPLOADS_MAX`] | |
//!
//! An address is the [`Source`](imbot::serve::Source) of the request. Behind a reverse proxy, name
//! the proxy with `--trusted-proxy`, or all visitors share the limits of its address.
//!
//! Requests above a limit are refused with a message for the visitor. A browser is notified only
//! that something is new, and reads it from the chat, so nothing is queued for a slow browser.
//!
//! A request, with its file, must arrive within [`REQUEST_TIMEOUT`](imbot::serve::REQUEST_TIMEOUT).

mod chat;
mod chats;
mod connector;
mod endpoint;
mod files;
mod folder;
mod limits;
mod message;
mod refusal;
mod sites;
mod stream;
mod visitor;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use imbot::prelude::Channels;
use tokio::sync::Semaphore;

use self::chats::Chats;
use self::files::Files;
use self::folder::Folder;
use self::limits::Limits;
use self::refusal::Refused;
use self::sites::Sites;

pub use self::chat::MESSAGES_MAX;
pub use self::endpoint::WidgetEndpoint;
pub use self::files::{FILE_BYTES_MAX, FILES_BYTES_MAX, UPLOADS_MAX};
pub use self::folder::{CHATS_MAX, RETENTION};
pub use self::limits::{
    ADDRESS_CHATS_A_MINUTE_MAX, ADDRESS_KILOBYTES_A_DAY_MAX, ADDRESS_MESSAGES_A_MINUTE_MAX,
    ADDRESS_STREAMS_MAX, ADDRESS_UPLOADS_MAX, ADDRESSES_MAX, LINE_CHATS_A_MINUTE_MAX,
    LINE_KILOBYTES_A_DAY_MAX, LINE_MESSAGES_A_MINUTE_MAX,
};
pub use self::stream::{STREAMS_MAX, VISITOR_STREAMS_MAX};
pub use self::visitor::SECRET_CHARS;

/// Maximum length of a message's text, in characters.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// Maximum number of messages and files that a visitor may send in a minute.
pub const MESSAGES_A_MINUTE_MAX: usize = 30;

/// A chat widget for web pages. It is both a connector and an endpoint for browsers; clone it to
/// add it to the application as both.
#[derive(Clone, Debug)]
pub struct Widget {
    path: String,
    sites: Sites,
    chats: Arc<Chats>,
    files: Arc<Files>,
    streams: Arc<Semaphore>,
    limits: Arc<Limits>,
    /// The connected lines, once the program runs.
    channels: Arc<Mutex<Option<Channels>>>,
}

impl Default for Widget {
    fn default() -> Self {
        Self::new()
    }
}

impl Widget {
    /// Returns a widget that keeps its chats while the program runs, in a temporary folder.
    pub fn new() -> Self {
        let (chats, files) = stored_in(Folder::temporary());
        Self {
            path: "/widget".to_owned(),
            sites: Sites::default(),
            chats,
            files,
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            limits: Arc::new(Limits::new()),
            channels: Arc::default(),
        }
    }

    /// Stores chats and files in this folder, so that they outlive the program. Only one process at
    /// a time may use it.
    #[must_use]
    pub fn folder(mut self, path: impl Into<PathBuf>) -> Self {
        (self.chats, self.files) = stored_in(Folder::permanent(path.into()));
        self
    }

    /// Allows the widget on the pages of a site, such as `https://shop.example.com`. Default: only
    /// on pages of its own address.
    #[must_use]
    pub fn site(mut self, origin: &str) -> Self {
        self.sites.add(origin);
        self
    }

    /// Allows the widget on all pages.
    #[must_use]
    pub fn any_site(mut self) -> Self {
        self.sites.add_all();
        self
    }

    /// Sets the path at which the widget is nested. The widget needs it for the addresses of files.
    /// Default: `/widget`.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Returns the path to nest the widget at.
    pub fn path(&self) -> String {
        self.path.clone()
    }

    /// Returns the connected lines, once the program runs.
    fn channels(&self) -> Option<Channels> {
        let channels = self.channels.lock();
        channels.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the public address of the widget.
    fn address(&self) -> Result<String, Refused> {
        let channels = self.channels().ok_or(Refused::NotConnected)?;
        let program = channels.address().ok_or(Refused::NotConnected)?;
        Ok(format!("{}{}", program.trim_end_matches('/'), self.path))
    }
}

/// Returns the chats and files in this folder.
fn stored_in(folder: Folder) -> (Arc<Chats>, Arc<Files>) {
    let chats = Chats::new(folder);
    let files = Files::new(Arc::clone(&chats.folder));
    (Arc::new(chats), Arc::new(files))
}
