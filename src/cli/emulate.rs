//! `emulate`: the portal alone, for bots of other programs.

use std::net::SocketAddr;

use clap::Args;

use super::Done;
use crate::emulator::{Emulator, Options};
use crate::serve;

#[derive(Args)]
pub(super) struct Emulate {
    /// The address to listen on
    #[arg(long, env = "IMBOT_EMULATOR_LISTEN", default_value_t = Options::default().listen, value_name = "ADDRESS")]
    listen: SocketAddr,
}

impl Emulate {
    pub(super) async fn run(self) -> Done {
        let listen = self.listen;
        let portal = Emulator::start(Options {
            listen,
            ..Options::default()
        })
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        let url = portal.url();
        out!(
            "\
  A portal is emulated. Its web chat:        {url}
  REST for an inbound webhook:               {webhook}
  REST for an application:                   {url}/rest/
  Authorization server:                      {url}

  Register an application, then install it; its handler gets ONAPPINSTALL:

    curl {url}/emulator/app -H 'content-type: application/json' \\
         -d '{{\"title\": \"my bots\", \"handler\": \"http://127.0.0.1:8072/\"}}'
    curl {url}/emulator/install -H 'content-type: application/json' -d '{{\"client_id\": \"…\"}}'

  A program made with imbot connects with:

    IMBOT_CLIENT_ID=… IMBOT_CLIENT_SECRET=… IMBOT_OAUTH_URL={url} \\
    IMBOT_BX24_URL={bx24} \\
    IMBOT_ALLOW_HOST={address} IMBOT_PUBLIC_URL=http://127.0.0.1:8072/ your-bot run

  Ctrl-C ends it.",
            webhook = portal.webhook_url(),
            address = portal.address(),
            bx24 = portal.bx24_url(),
        );
        serve::asked_to_stop().await;
        portal.stop().await;
        Ok(())
    }
}
