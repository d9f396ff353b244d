//! A chat for web pages: a bubble that talks, through an open line, with operators and bots.
//!
//! ```no_run
//! use bots::{Frontdesk, Widget};
//! use imbot::prelude::*;
//!
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! let widget = Widget::new().folder("widget").site("https://shop.example.com");
//! let app = App::new().bot(Frontdesk::from_env()?).connector(widget.clone()).nest(widget.path(), widget);
//! # let _: App = app; Ok(()) }
//! ```
//!
//! Somebody opens its settings among the connectors of a line, which joins it; that page shows the tag to put on yours:
//!
//! ```html
//! <script src="https://bots.example.com/widget/widget.js" data-line="7"></script>
//! ```
//!
//! `data-name` tells what the visitor is called, where the page knows; `data-title`, `data-hello` and `data-color` dress it;
//! `data-portal` (a `member_id`) says whose line is meant, where several portals have a line of this number. `GET /widget/` is
//! a page to try it on; `cargo run` has one on a line of the emulated portal, where the front desk answers.
//!
//! # What is promised
//!
//! **To the visitor.** One tick: the message is written down and will be passed on. Two: the line has it. If the line does not
//! take it, the message says so. What is written while the network is away waits in the browser and goes by itself; nothing
//! comes twice. The chat is there again after a reload, in another tab, and, with a [folder](Widget::folder), after a restart
//! of the program: [`MESSAGES_MAX`] messages of each chat, for [`KEPT`] after the last one, [`CHATS_MAX`] chats.
//!
//! **To the operator.** A message counts as delivered when it is kept for the visitor, whether or not they look at this moment:
//! with a folder on the disk, without one until the program ends. Changes and deletions are shown.
//!
//! Nobody is shown typing, since a portal neither tells connectors that an operator types nor hears that a client does.
//!
//! # Whom it trusts
//!
//! A visitor is who shows a random secret, which their browser keeps for the page's site; what the line sees of it is a hash.
//! So no visitor reads another's chat, and whoever can run scripts on that site can read those of its visitors. Pages of other
//! sites than its own are refused unless they are [named](Widget::site). What visitors write is no code for the portal, and
//! what comes is text on the page; addresses in it become links of `http` and `https` only. Files are downloads without a type,
//! under names that nobody guesses; whoever knows the address has the file.
//!
//! # Bounds
//!
//! A message has [`TEXT_CHARS_MAX`] characters; a visitor writes [`MESSAGES_A_MINUTE_MAX`] messages a minute and looks from
//! [`VISITOR_STREAMS_MAX`] places; [`STREAMS_MAX`] look at once; a file has [`FILE_BYTES_MAX`] bytes, and all together
//! [`FILES_BYTES_MAX`]. What is above is refused with words that the visitor reads. A browser is told only that there is
//! something new, and reads it from the chat, so no queue is behind a slow one.
//!
//! A request has to arrive within [`REQUEST_TIMEOUT`](imbot::serve::REQUEST_TIMEOUT), its file, too.

mod connector;
mod endpoint;
mod files;
mod folder;
mod refused;
mod say;
mod sites;
mod stream;
mod talk;
mod talks;
mod visitor;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use imbot::prelude::Channels;
use tokio::sync::Semaphore;

use self::files::Files;
use self::folder::Folder;
use self::refused::Refused;
use self::sites::Sites;
use self::talks::Talks;

pub use self::endpoint::WidgetEndpoint;
pub use self::files::{FILE_BYTES_MAX, FILES_BYTES_MAX, UPLOADS_MAX};
pub use self::folder::{CHATS_MAX, KEPT};
pub use self::stream::{STREAMS_MAX, VISITOR_STREAMS_MAX};
pub use self::talk::MESSAGES_MAX;
pub use self::visitor::SECRET_CHARS;

/// The longest text of a message.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// How many messages and files a visitor may write in a minute.
pub const MESSAGES_A_MINUTE_MAX: usize = 30;

/// A chat for web pages. It is both a connector and the addresses that browsers call, and cheap to clone, so that it can be
/// given to the application as both.
#[derive(Clone, Debug)]
pub struct Widget {
    path: String,
    sites: Sites,
    talks: Arc<Talks>,
    files: Arc<Files>,
    streams: Arc<Semaphore>,
    /// The lines, once the program runs.
    channels: Arc<Mutex<Option<Channels>>>,
}

impl Default for Widget {
    fn default() -> Widget {
        Widget::new()
    }
}

impl Widget {
    /// A widget that keeps its chats as long as the program runs, in a folder for temporary things.
    pub fn new() -> Widget {
        let (talks, files) = kept_in(Folder::passing());
        Widget {
            path: "/widget".to_owned(),
            sites: Sites::default(),
            talks,
            files,
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            channels: Arc::default(),
        }
    }

    /// Keeps chats and files in this folder, so that they outlive the program. One process at a time may have it.
    #[must_use]
    pub fn folder(mut self, path: impl Into<PathBuf>) -> Widget {
        (self.talks, self.files) = kept_in(Folder::lasting(path.into()));
        self
    }

    /// Allows it on the pages of a site, such as `https://shop.example.com`. Default: on pages of its own address only.
    #[must_use]
    pub fn site(mut self, origin: &str) -> Widget {
        self.sites.add(origin);
        self
    }

    /// Allows it on every page there is.
    #[must_use]
    pub fn any_site(mut self) -> Widget {
        self.sites.any();
        self
    }

    /// Nests it at another path; it has to know, since it tells the portal where its files are. Default: `/widget`.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Widget {
        self.path = path.into();
        self
    }

    /// The path to nest it at.
    pub fn path(&self) -> String {
        self.path.clone()
    }

    fn channels(&self) -> Option<Channels> {
        let channels = self.channels.lock();
        channels.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where it is reached from outside.
    fn address(&self) -> Result<String, Refused> {
        let channels = self.channels().ok_or(Refused::NoLine)?;
        let program = channels.address().ok_or(Refused::NoLine)?;
        Ok(format!("{}{}", program.trim_end_matches('/'), self.path))
    }
}

fn kept_in(folder: Folder) -> (Arc<Talks>, Arc<Files>) {
    let talks = Talks::new(folder);
    let files = Files::new(Arc::clone(&talks.folder));
    (Arc::new(talks), Arc::new(files))
}
