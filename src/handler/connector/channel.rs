//! A line that a connector is joined to, and the way in for what clients write.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Client, InboundMessage};
use crate::event::{ChatId, Inbound, InboundKind, LineId, MemberId, MessageId};
use crate::handler::Result;
use crate::portal::Portal;
use crate::store::Time;

/// What the engine does for channels.
pub(crate) trait ConnectorGateway: Send + Sync {
    fn now(&self) -> Time;
    /// Where the program is reached from outside.
    fn address(&self) -> Option<String>;
    /// The client for a portal that we are installed on.
    fn portal(&self, portal: &MemberId) -> Option<Portal>;
    /// Writes an act of a client down, and says whether it is new.
    fn append(
        &self,
        portal: MemberId,
        act: Inbound,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + '_>>;
}

/// A connector on a line of a portal. Cheap to clone.
#[derive(Clone)]
pub struct Channel {
    door: Arc<dyn ConnectorGateway>,
    portal: Portal,
    connector: Arc<str>,
    line: LineId,
}

impl Channel {
    pub(crate) fn new(
        door: Arc<dyn ConnectorGateway>,
        portal: Portal,
        connector: Arc<str>,
        line: LineId,
    ) -> Channel {
        Channel {
            door,
            portal,
            connector,
            line,
        }
    }

    /// The client for this portal.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// The line.
    pub fn line(&self) -> LineId {
        self.line
    }

    /// The connector's id.
    pub fn connector(&self) -> &str {
        &self.connector
    }

    /// Passes a client's message to the line. When it returns, the message is written down, and it is sent as soon as the
    /// portal takes it, in the order of its chat outside. Says whether it is new: what comes again under the same id is
    /// dropped.
    ///
    /// # Errors
    /// The message is over a limit, or cannot be written down.
    pub async fn inbound(&self, message: InboundMessage) -> Result<bool> {
        message.check(true)?;
        self.pass(InboundKind::Wrote, message).await
    }

    /// Tells the line that a client changed a message.
    ///
    /// # Errors
    /// As of [`incoming`](Channel::incoming).
    pub async fn edited(&self, message: InboundMessage) -> Result<bool> {
        message.check(true)?;
        self.pass(InboundKind::Edited, message).await
    }

    /// Tells the line that a client deleted a message.
    ///
    /// # Errors
    /// As of [`incoming`](Channel::incoming).
    pub async fn deleted(
        &self,
        chat: impl Into<String>,
        client: Client,
        message: impl ToString,
    ) -> Result<bool> {
        let message = InboundMessage::new(chat, client, message);
        message.check(false)?;
        self.pass(InboundKind::Deleted, message).await
    }

    /// Tells the line that a client has read a message of an operator or a bot, by what [`OutboundMessage`](super::Outgoing) told
    /// of it. The portal takes it and, for all that is known, does nothing about it (open-channels, section 2).
    ///
    /// # Errors
    /// It cannot be written down.
    pub async fn read(
        &self,
        outside_chat: &str,
        chat: ChatId,
        message: MessageId,
        outside_ids: &[String],
    ) -> Result<bool> {
        let element = serde_json::json!({
            "im": { "chat_id": chat, "message_id": message },
            "message": { "id": outside_ids },
            "chat": { "id": outside_chat },
        });
        self.append(
            InboundKind::Read,
            outside_chat.to_owned(),
            message.to_string(),
            element,
        )
        .await
    }

    async fn pass(&self, what: InboundKind, message: InboundMessage) -> Result<bool> {
        let element = message.element(self.door.now());
        self.append(what, message.chat, message.id, element).await
    }

    async fn append(
        &self,
        what: InboundKind,
        chat: String,
        id: String,
        message: serde_json::Value,
    ) -> Result<bool> {
        let act = Inbound {
            kind: what,
            connector: self.connector.to_string(),
            line: self.line,
            chat,
            id,
            message,
        };
        self.door.append(self.portal.id().clone(), act).await
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("portal", self.portal.id())
            .field("connector", &self.connector)
            .field("line", &self.line)
            .finish()
    }
}

/// The lines that a connector is joined to, on all portals.
pub(crate) type Joined = Vec<(MemberId, LineId)>;

/// The lines that a connector is joined to, on all portals, as they come and go. Cheap to clone.
#[derive(Clone)]
pub struct Channels {
    door: Arc<dyn ConnectorGateway>,
    connector: Arc<str>,
    joined: watch::Receiver<Joined>,
}

impl Channels {
    pub(crate) fn new(
        door: Arc<dyn ConnectorGateway>,
        connector: Arc<str>,
        joined: watch::Receiver<Joined>,
    ) -> Channels {
        Channels {
            door,
            connector,
            joined,
        }
    }

    /// Those that are known now. At a start they are asked of the portals.
    pub fn all(&self) -> Vec<Channel> {
        let joined = self.joined.borrow().clone();
        joined
            .into_iter()
            .filter_map(|(portal, line)| self.channel(&portal, line))
            .collect()
    }

    /// The channel of one line, if the connector is joined to it; without a portal, of whichever portal has it.
    pub fn of(&self, portal: Option<&MemberId>, line: LineId) -> Option<Channel> {
        let joined = self.joined.borrow();
        let is_it =
            |it: &&(MemberId, LineId)| it.1 == line && portal.is_none_or(|own| *own == it.0);
        let (portal, line) = joined.iter().find(is_it)?.clone();
        drop(joined);
        self.channel(&portal, line)
    }

    /// Where this program is reached from outside, as it is set (`--public-url`): below it the portal finds what a connector
    /// serves, such as a client's file.
    pub fn address(&self) -> Option<String> {
        self.door.address()
    }

    /// Waits until they are not what they were when this was last called. Never returns once the program ends.
    pub async fn changed(&mut self) {
        if self.joined.changed().await.is_err() {
            std::future::pending().await
        }
    }

    fn channel(&self, portal: &MemberId, line: LineId) -> Option<Channel> {
        let portal = self.door.portal(portal)?;
        let (door, connector) = (Arc::clone(&self.door), Arc::clone(&self.connector));
        Some(Channel::new(door, portal, connector, line))
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels")
            .field("connector", &self.connector)
            .field("joined", &*self.joined.borrow())
            .finish()
    }
}
