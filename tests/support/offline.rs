//! An application that never calls its portal: an installation, settings, and a transport that
//! sends nothing.

use std::pin::Pin;

use imbot::Config;
use imbot::engine::{RepeatId, Transport};
use imbot::event::{DialogId, MessageId};
use imbot::portal::{BotClient, Error};
use imbot::store::contract::sample;
use imbot::store::{Call, Installation};

/// The portal's id, as in the fixtures.
pub(crate) const MEMBER: &str = "bac1cd5c8940947a75e0d71b1a84e348";
/// The portal's application token, as in the fixtures.
pub(crate) const TOKEN: &str = "831c76b092f9f135d9b6b36c3a720757";

/// Returns the installation on the portal.
pub(crate) fn installation() -> Installation {
    sample::installation(MEMBER, TOKEN)
}

/// Returns the settings of the application.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.client_id = Some("local.1".into());
    config.client_secret = Some("secret".to_owned().into());
    config.public_url = Some("https://bots.example.com/".into());
    config
}

/// Sends nothing.
#[derive(Debug)]
pub(crate) struct Mute;

impl Transport for Mute {
    fn send<'a>(
        &'a self,
        _: &'a BotClient,
        _: &'a DialogId,
        _: Call<MessageId>,
        _: Option<RepeatId>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}
