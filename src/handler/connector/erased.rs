//! A connector of any type, as the engine runs it.

use std::pin::Pin;

use super::{
    Channel, Channels, Connector, ConnectorProfile, InboundReceipt, OutboundMessage, Receipt,
};
use crate::event::{OutboundKind, SessionChange, payload::connector::Message};
use crate::handler::Result;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connector of any type.
pub(crate) trait AnyConnector: Send + Sync {
    fn profile(&self) -> &ConnectorProfile;
    /// Delivers, edits or deletes an outbound message. Returns the receipt to report to the portal,
    /// if there is one.
    fn deliver_outbound<'a>(
        &'a self,
        channel: &'a Channel,
        kind: OutboundKind,
        message: Message,
    ) -> Boxed<'a, Result<Option<Receipt>>>;
    fn inbound_receipt<'a>(
        &'a self,
        channel: &'a Channel,
        receipt: InboundReceipt,
    ) -> Boxed<'a, Result>;
    fn session<'a>(&'a self, channel: &'a Channel, change: SessionChange) -> Boxed<'a, Result>;
    fn activated<'a>(&'a self, channel: &'a Channel) -> Boxed<'a, Result>;
    fn deactivated<'a>(&'a self, channel: &'a Channel) -> Boxed<'a, Result>;
    fn settings<'a>(&'a self, channel: &'a Channel) -> Boxed<'a, Result<String>>;
    fn run(&self, channels: Channels) -> Boxed<'_, ()>;
}

/// A connector of a known type behind [`AnyConnector`].
pub(crate) struct ErasedConnector<C> {
    connector: C,
    profile: ConnectorProfile,
}

impl<C: Connector> ErasedConnector<C> {
    pub(crate) fn new(connector: C) -> Self {
        Self {
            profile: connector.profile(),
            connector,
        }
    }
}

impl<C: Connector> AnyConnector for ErasedConnector<C> {
    fn profile(&self) -> &ConnectorProfile {
        &self.profile
    }

    fn deliver_outbound<'a>(
        &'a self,
        channel: &'a Channel,
        kind: OutboundKind,
        message: Message,
    ) -> Boxed<'a, Result<Option<Receipt>>> {
        let message = OutboundMessage::new(message);
        Box::pin(async move {
            match kind {
                OutboundKind::Send => self.connector.outbound(channel, message).await.map(Some),
                OutboundKind::Edit => {
                    let ids = message.outside_ids.clone();
                    self.connector.edited(channel, message).await?;
                    Ok(Some(Receipt { ids }))
                }
                OutboundKind::Delete => {
                    self.connector.deleted(channel, message).await?;
                    Ok(None)
                }
            }
        })
    }

    fn inbound_receipt<'a>(
        &'a self,
        channel: &'a Channel,
        receipt: InboundReceipt,
    ) -> Boxed<'a, Result> {
        Box::pin(self.connector.inbound_receipt(channel, receipt))
    }

    fn session<'a>(&'a self, channel: &'a Channel, change: SessionChange) -> Boxed<'a, Result> {
        match change {
            SessionChange::Started(session) => Box::pin(self.connector.started(channel, session)),
            SessionChange::Finished(session) => Box::pin(self.connector.finished(channel, session)),
        }
    }

    fn activated<'a>(&'a self, channel: &'a Channel) -> Boxed<'a, Result> {
        Box::pin(self.connector.activated(channel))
    }

    fn deactivated<'a>(&'a self, channel: &'a Channel) -> Boxed<'a, Result> {
        Box::pin(self.connector.deactivated(channel))
    }

    fn settings<'a>(&'a self, channel: &'a Channel) -> Boxed<'a, Result<String>> {
        Box::pin(self.connector.settings(channel))
    }

    fn run(&self, channels: Channels) -> Boxed<'_, ()> {
        Box::pin(self.connector.run(channels))
    }
}
