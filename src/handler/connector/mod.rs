//! Connecting an outside messenger to open channels: the trait [`Connector`].
//!
//! Outbound: messages of operators and bots come to [`Connector::outbound`], stored first, in order
//! per outside chat, and retried after an error. When it returns, the framework reports to the
//! portal that the message is delivered, and its outside ids. Inbound: messages of clients go
//! through a [`Channel`] to the line, stored before [`Channel::inbound`] returns, once per outside
//! id, in order.
//!
//! ```no_run
//! use imbot::prelude::*;
//! # struct Sms;
//! # impl Sms {
//! #     async fn send(&self, _: &str, _: &str) -> std::io::Result<String> { Ok(String::new()) }
//! # }
//!
//! struct SmsConnector { sms: Sms }
//!
//! impl Connector for SmsConnector {
//!     async fn outbound(&self, _: &Channel, message: OutboundMessage) -> Result<Receipt> {
//!         let id = self.sms.send(&message.chat, &message.text()).await?;
//!         Ok(Receipt::one(id))
//!     }
//! }
//!
//! # fn main() -> ExitCode {
//! App::new().connector(SmsConnector { sms: Sms }).run()
//! # }
//! ```

mod channel;
mod erased;
mod inbound;
mod outbound;
mod profile;

use std::future::{Future, ready};

use super::Result;
use crate::event::Session;

pub use channel::{Channel, Channels};
pub(crate) use channel::{ConnectorGateway, Joined};
pub(crate) use erased::{AnyConnector, ErasedConnector};
pub use inbound::{Client, FILES_MAX, InboundMessage, InboundReceipt, OUTSIDE_ID_MAX};
pub use outbound::{OutboundMessage, Receipt};
pub use profile::{ConnectorIcon, ConnectorProfile};

/// An outside messenger, connected to open channels.
///
/// It needs an application with a public address; webhooks cannot have connectors
/// (protocol/open-channels.md 2). The portal lists it among the connectors of each line. Opening
/// its settings there connects it to the line, and [`activated`](Connector::activated) is called.
///
/// ```
/// use imbot::prelude::*;
///
/// /// Logs what operators write.
/// struct Printer;
///
/// impl Connector for Printer {
///     async fn outbound(&self, _: &Channel, message: OutboundMessage) -> Result<Receipt> {
///         tracing::info!(?message.chat, text = message.text());
///         Ok(Receipt::one(message.id))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a connector",
    label = "this should implement `Connector`",
    note = "write `impl Connector for {Self} {{ async fn outbound(&self, channel: &Channel, message: OutboundMessage) -> Result<Receipt> {{ … }} }}`"
)]
pub trait Connector: Send + Sync + 'static {
    /// Returns the connector's profile on the portal. Default: id and name are made from the type's
    /// name. A changed id makes another connector on the portal, so override this before you rename
    /// the type.
    fn profile(&self) -> ConnectorProfile {
        ConnectorProfile::of::<Self>()
    }

    /// Delivers a message of an operator or a bot to the client, and returns its outside ids.
    ///
    /// The message may come again if the process dies; its `id` stays the same.
    ///
    /// # Errors
    /// After an error it is retried with growing pauses, for about a day
    /// ([`OUTSIDE_ATTEMPTS_MAX`](crate::engine::OUTSIDE_ATTEMPTS_MAX)), and later messages of this
    /// chat wait. Then it is a dead letter, and the portal shows the connector's error. An answer
    /// ([`tell`](super::tell)) or a [permanent](super::Error::is_permanent) error is not retried
    /// and concerns this message only. In each case the operators read in the chat that the message
    /// was not delivered, after an answer with its text; the client does not see that.
    fn outbound(
        &self,
        channel: &Channel,
        message: OutboundMessage,
    ) -> impl Future<Output = Result<Receipt>> + Send;

    /// A delivered message was edited on the portal to this text. Default: ignored.
    ///
    /// # Errors
    /// Those of your implementation; see [`Connector`].
    fn edited(
        &self,
        channel: &Channel,
        message: OutboundMessage,
    ) -> impl Future<Output = Result> + Send {
        let _ = (channel, message);
        ready(Ok(()))
    }

    /// A delivered message was deleted on the portal. Default: ignored.
    ///
    /// # Errors
    /// Those of your implementation; see [`Connector`].
    fn deleted(
        &self,
        channel: &Channel,
        message: OutboundMessage,
    ) -> impl Future<Output = Result> + Send {
        let _ = (channel, message);
        ready(Ok(()))
    }

    /// The portal took a client's message, or refused it for good. Called once per message; after a
    /// crash it may be missing, although the message was passed on. Default: ignored.
    ///
    /// # Errors
    /// Those of your implementation; see [`Connector`].
    fn inbound_receipt(
        &self,
        channel: &Channel,
        receipt: InboundReceipt,
    ) -> impl Future<Output = Result> + Send {
        let _ = (channel, receipt);
        ready(Ok(()))
    }

    /// A session with a client began on the line. Default: ignored.
    ///
    /// # Errors
    /// Those of your implementation; see [`Connector`].
    fn started(&self, channel: &Channel, session: Session) -> impl Future<Output = Result> + Send {
        let _ = (channel, session);
        ready(Ok(()))
    }

    /// A session with a client ended. Default: ignored.
    ///
    /// # Errors
    /// Those of your implementation; see [`Connector`].
    fn finished(&self, channel: &Channel, session: Session) -> impl Future<Output = Result> + Send {
        let _ = (channel, session);
        ready(Ok(()))
    }

    /// Somebody connected the connector to a line, on the line's settings page. Default: ignored.
    ///
    /// # Errors
    /// The error is shown on that page, and the connector is not connected.
    fn activated(&self, channel: &Channel) -> impl Future<Output = Result> + Send {
        let _ = channel;
        ready(Ok(()))
    }

    /// The connector was removed from a line, or the line was deleted. Default: ignored.
    ///
    /// # Errors
    /// Those of your implementation; see [`Connector`].
    fn deactivated(&self, channel: &Channel) -> impl Future<Output = Result> + Send {
        let _ = channel;
        ready(Ok(()))
    }

    /// Returns HTML for the settings page on the portal, below the connector's status. Default:
    /// empty.
    ///
    /// # Errors
    /// Those of your implementation; see [`Connector`].
    fn settings(&self, channel: &Channel) -> impl Future<Output = Result<String>> + Send {
        let _ = channel;
        ready(Ok(String::new()))
    }

    /// Runs in the background for as long as the program. Listen to the outside messenger here, and
    /// pass its messages on with [`Channel::inbound`]. It is not restarted when it returns.
    /// Default: returns at once.
    fn run(&self, channels: Channels) -> impl Future<Output = ()> + Send {
        let _ = channels;
        ready(())
    }
}
