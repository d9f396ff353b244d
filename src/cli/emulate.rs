//! `emulate`: the portal emulator alone, for bots of other programs.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::Done;
use crate::config::EMULATOR_LISTEN;
use crate::emulator::{Emulator, Options};
use crate::serve;

#[derive(Args)]
pub(super) struct Emulate {
    /// The address to listen on
    #[arg(long, env = "IMBOT_EMULATOR_LISTEN", default_value = EMULATOR_LISTEN, value_name = "ADDRESS")]
    listen: SocketAddr,

    /// Accept TLS as well, on the same address
    #[arg(long, env = "IMBOT_EMULATOR_TLS")]
    tls: bool,

    /// Also serve as a proxy, through which programs see the portal as `https://demo.bitrix24.test`
    #[arg(long, env = "IMBOT_EMULATOR_PROXY")]
    proxy: bool,

    /// The file to which the certificate is written that programs have to trust [default:
    /// imbot-emulator.pem in the folder of temporary files]
    #[arg(long, env = "IMBOT_EMULATOR_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Emulate {
    pub(super) async fn run(self) -> Done {
        let listen = self.listen;
        let portal = Emulator::start(Options {
            listen,
            tls: self.tls,
            proxy: self.proxy,
            ..Options::default()
        })
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        let address = portal.address();
        out!(
            "\
  The emulated portal's web chat:            http://{address}
  REST for an inbound webhook:               {webhook}
  REST for an application:                   {endpoint}
  Authorization server:                      {oauth}

  Register an application, then install it; its handler receives ONAPPINSTALL:

    curl http://{address}/emulator/app -H 'content-type: application/json' \\
         -d '{{\"title\": \"my bots\", \"handler\": \"http://127.0.0.1:8072/\"}}'
    curl http://{address}/emulator/install -H 'content-type: application/json' -d '{{\"client_id\": \"…\"}}'
",
            webhook = portal.webhook_url(),
            endpoint = portal.endpoint(),
            oauth = portal.oauth_url(),
        );
        match portal.authority() {
            Some(pem) => self.print_trust(&portal, pem)?,
            None => out!(
                "  A program made with imbot connects by the inbound webhook, or as an application, with:

    IMBOT_PORTAL={webhook} \\
    IMBOT_ALLOW_HOST={address} your-bot run

    IMBOT_CLIENT_ID=… IMBOT_CLIENT_SECRET=… IMBOT_OAUTH_URL={url} \\
    IMBOT_BX24_URL={bx24} \\
    IMBOT_ALLOW_HOST={address} IMBOT_PUBLIC_URL=http://127.0.0.1:8072/ your-bot run
",
                webhook = portal.webhook_url(),
                url = portal.oauth_url(),
                bx24 = portal.bx24_url(),
            ),
        }
        out!("  Press Ctrl-C to stop.");
        serve::stop_signal().await;
        portal.stop().await;
        Ok(())
    }

    /// Writes the certificate to its file, and prints what a program needs in order to trust it.
    fn print_trust(&self, portal: &Emulator, pem: &str) -> Done {
        let temporary = || std::env::temp_dir().join("imbot-emulator.pem");
        let file = self.ca_file.clone().unwrap_or_else(temporary);
        let shown = file.display();
        std::fs::write(&file, pem).map_err(|error| format!("{shown}: {error}"))?;
        let address = portal.address();
        out!("  A program in any language can call it with these lines in its environment:\n");
        let settings = if self.proxy {
            out!("    export HTTPS_PROXY=http://{address} NODE_USE_ENV_PROXY=1");
            format!("IMBOT_PROXY=http://{address}")
        } else {
            let oauth = portal.oauth_url();
            format!("IMBOT_ALLOW_HOST={address} IMBOT_OAUTH_URL={oauth}")
        };
        out!(
            "    export SSL_CERT_FILE={shown} REQUESTS_CA_BUNDLE={shown} NODE_EXTRA_CA_CERTS={shown}

  A program made with imbot needs these in addition to its credentials:

    IMBOT_CA_FILE={shown} {settings}
"
        );
        Ok(())
    }
}
