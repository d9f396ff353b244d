//! Joining a messenger outside to open channels: what you write for that, a [`Connector`].
//!
//! It goes both ways. What operators and bots write on a line comes to [`Connector::outbound`] as a turn: written down
//! first, in the order of each chat outside, tried again after an error; when it returns, the framework tells the portal
//! that the message is delivered and under which ids. What clients write goes through a [`Channel`] to the line: written
//! down before [`Channel::inbound`] returns, once for each id outside, sent in order.
//!
//! ```no_run
//! use imbot::prelude::*;
//! # struct Sms; impl Sms { async fn send(&self, to: &str, text: &str) -> std::io::Result<String> { Ok(String::new()) } }
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
pub use profile::ConnectorProfile;

/// A messenger outside, joined to open channels.
///
/// It takes an application with a public address: webhooks cannot have connectors (open-channels, section 2). The portal
/// shows it among the connectors of each line; [`activated`](Connector::activated) when somebody opens its settings there.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a connector",
    label = "this should implement `Connector`",
    note = "write `impl Connector for {Self} {{ async fn outgoing(&self, channel: &Channel, message: Outgoing) -> Result<Delivered> {{ … }} }}`"
)]
pub trait Connector: Send + Sync + 'static {
    /// Who the connector is on the portal. Default: id and name by the name of its type; changing the id makes another
    /// connector on the portal, so say it yourself before you rename the type.
    fn profile(&self) -> ConnectorProfile {
        ConnectorProfile::of::<Self>()
    }

    /// Passes a message of an operator or a bot on to the client, and tells under which ids it stands outside.
    ///
    /// After an error it is tried again with growing pauses, for about a day
    /// ([`OUTSIDE_ATTEMPTS_MAX`](crate::engine::OUTSIDE_ATTEMPTS_MAX)), and later messages of this chat wait behind it; then
    /// it rests among the dead letters, and the portal shows the connector's error. An answer
    /// ([`tell`](super::tell)) is final at once, and is this message's alone. It may come again if the process dies in it:
    /// its `id` stays the same.
    fn outbound(
        &self,
        channel: &Channel,
        message: OutboundMessage,
    ) -> impl Future<Output = Result<Receipt>> + Send;

    /// A message was edited on the portal; this is its new text. It comes only for messages that were delivered. Default:
    /// nothing is done.
    fn edited(
        &self,
        channel: &Channel,
        message: OutboundMessage,
    ) -> impl Future<Output = Result> + Send {
        let _ = (channel, message);
        ready(Ok(()))
    }

    /// A message was deleted on the portal. It comes only for messages that were delivered. Default: nothing is done.
    fn deleted(
        &self,
        channel: &Channel,
        message: OutboundMessage,
    ) -> impl Future<Output = Result> + Send {
        let _ = (channel, message);
        ready(Ok(()))
    }

    /// The portal took a client's message, or refused it for good. It is told once, as a tick that people see; a program that
    /// dies at that moment does not tell it, though the message is passed on. Default: nothing is done.
    fn inbound_receipt(
        &self,
        channel: &Channel,
        passed: InboundReceipt,
    ) -> impl Future<Output = Result> + Send {
        let _ = (channel, passed);
        ready(Ok(()))
    }

    /// A conversation with a client began on the line.
    fn started(&self, channel: &Channel, session: Session) -> impl Future<Output = Result> + Send {
        let _ = (channel, session);
        ready(Ok(()))
    }

    /// A conversation with a client ended.
    fn finished(&self, channel: &Channel, session: Session) -> impl Future<Output = Result> + Send {
        let _ = (channel, session);
        ready(Ok(()))
    }

    /// Somebody joined the connector to a line, on the line's settings page. An error is shown there, and it stays apart.
    fn activated(&self, channel: &Channel) -> impl Future<Output = Result> + Send {
        let _ = channel;
        ready(Ok(()))
    }

    /// The connector was taken from a line, or the line was deleted.
    fn deactivated(&self, channel: &Channel) -> impl Future<Output = Result> + Send {
        let _ = channel;
        ready(Ok(()))
    }

    /// What the settings page on the portal shows under the state of the connector, as HTML. Default: nothing.
    fn settings(&self, channel: &Channel) -> impl Future<Output = Result<String>> + Send {
        let _ = channel;
        ready(Ok(String::new()))
    }

    /// Runs beside, from the program's start to its end: listen here to the messenger outside, and pass on what it says
    /// ([`Channel::inbound`]). It is not begun again when it returns. Default: nothing.
    fn run(&self, channels: Channels) -> impl Future<Output = ()> + Send {
        let _ = channels;
        ready(())
    }
}
