//! The lines of a connector, and the way for clients' messages to them.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Client, InboundMessage};
use crate::event::{ChatId, Inbound, InboundKind, LineId, MemberId, MessageId};
use crate::handler::Result;
use crate::portal::Portal;
use crate::store::Time;

/// The engine's side of channels.
pub(crate) trait ConnectorGateway: Send + Sync {
    fn now(&self) -> Time;
    /// Returns the program's public address.
    fn address(&self) -> Option<String>;
    /// Returns the client for a portal with an installation.
    fn portal(&self, portal: &MemberId) -> Option<Portal>;
    /// Stores an action of a client. Returns true if it is new.
    fn append(
        &self,
        portal: MemberId,
        inbound: Inbound,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + '_>>;
}

/// A connector on one line of a portal. Cheap to clone.
#[derive(Clone)]
pub struct Channel {
    gateway: Arc<dyn ConnectorGateway>,
    portal: Portal,
    connector: Arc<str>,
    line: LineId,
}

impl Channel {
    pub(crate) fn new(
        gateway: Arc<dyn ConnectorGateway>,
        portal: Portal,
        connector: Arc<str>,
        line: LineId,
    ) -> Self {
        Self {
            gateway,
            portal,
            connector,
            line,
        }
    }

    /// Returns the client for this portal.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// Returns the line.
    pub fn line(&self) -> LineId {
        self.line
    }

    /// Returns the connector's id.
    pub fn connector(&self) -> &str {
        &self.connector
    }

    /// Passes a client's message to the line. When it returns, the message is stored; it is sent as
    /// soon as the portal takes it, in order per outside chat. Returns true if the message is new:
    /// a message with the same id is dropped.
    ///
    /// # Errors
    /// The message is over a limit, or cannot be stored.
    pub async fn inbound(&self, message: InboundMessage) -> Result<bool> {
        message.check(true)?;
        self.pass(InboundKind::Wrote, message).await
    }

    /// Reports to the line that a client edited a message.
    ///
    /// # Errors
    /// The message is over a limit, or cannot be stored.
    pub async fn edited(&self, message: InboundMessage) -> Result<bool> {
        message.check(true)?;
        self.pass(InboundKind::Edited, message).await
    }

    /// Reports to the line that a client deleted a message.
    ///
    /// # Errors
    /// An id is over a limit, or the deletion cannot be stored.
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

    /// Reports to the line that a client has read a message of an operator or a bot, with the ids
    /// of the [`OutboundMessage`](super::OutboundMessage). The portal accepts it; no effect of it
    /// is known (protocol/open-channels.md 2).
    ///
    /// # Errors
    /// The report cannot be stored.
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

    async fn pass(&self, kind: InboundKind, message: InboundMessage) -> Result<bool> {
        let element = message.element(self.gateway.now());
        self.append(kind, message.chat, message.id, element).await
    }

    async fn append(
        &self,
        kind: InboundKind,
        chat: String,
        id: String,
        message: serde_json::Value,
    ) -> Result<bool> {
        let inbound = Inbound {
            kind,
            connector: self.connector.to_string(),
            line: self.line,
            chat,
            id,
            message,
        };
        self.gateway.append(self.portal.id().clone(), inbound).await
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

/// The lines of a connector, on all portals.
pub(crate) type Joined = Vec<(MemberId, LineId)>;

/// The current lines of a connector, on all portals. Cheap to clone.
#[derive(Clone)]
pub struct Channels {
    gateway: Arc<dyn ConnectorGateway>,
    connector: Arc<str>,
    joined: watch::Receiver<Joined>,
}

impl Channels {
    pub(crate) fn new(
        gateway: Arc<dyn ConnectorGateway>,
        connector: Arc<str>,
        joined: watch::Receiver<Joined>,
    ) -> Self {
        Self {
            gateway,
            connector,
            joined,
        }
    }

    /// Returns the channels known now. At a start they are read from the portals.
    pub fn all(&self) -> Vec<Channel> {
        let joined = self.joined.borrow().clone();
        joined
            .into_iter()
            .filter_map(|(portal, line)| self.channel(&portal, line))
            .collect()
    }

    /// Returns the channel of one line, if the connector is connected to it. Without a portal, the
    /// first portal that has the line.
    pub fn of(&self, portal: Option<&MemberId>, line: LineId) -> Option<Channel> {
        let joined = self.joined.borrow();
        let is_it =
            |it: &&(MemberId, LineId)| it.1 == line && portal.is_none_or(|own| *own == it.0);
        let (portal, line) = joined.iter().find(is_it)?.clone();
        drop(joined);
        self.channel(&portal, line)
    }

    /// Returns the program's public address (`--public-url`). Below it, a connector can serve files
    /// for the portal.
    pub fn address(&self) -> Option<String> {
        self.gateway.address()
    }

    /// Waits until the channels have changed since the last call. Never returns once the program
    /// ends.
    pub async fn changed(&mut self) {
        if self.joined.changed().await.is_err() {
            std::future::pending().await
        }
    }

    fn channel(&self, portal: &MemberId, line: LineId) -> Option<Channel> {
        let portal = self.gateway.portal(portal)?;
        let (gateway, connector) = (Arc::clone(&self.gateway), Arc::clone(&self.connector));
        Some(Channel::new(gateway, portal, connector, line))
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
