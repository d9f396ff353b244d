//! Starting and stopping the portal, and its settings.

mod alarms;
pub(super) mod authority;
pub(super) mod greet;
pub(super) mod listen;
pub(super) mod proxy;
pub(super) mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::{EndpointExt, Route, Server};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::delivery::Deliveries;
use super::limit::{Counting, Limits, Rate};
use super::page::guard::Guard;
use super::portal::Portal;
use super::post::Post;
use super::traffic_log::TrafficLog;
use super::updates::channel;
use super::world::{BOTS_MAX, World};
use super::{oauth, page, rest};
use listen::Listener;
use tls::{Authority, DEMO, Greeter, LIFE, OAUTH, Proxy, names, only_ours};

/// How long a stop waits for answers that are under way, and then for handlers.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// The settings of a portal.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 takes any free one. Default: `127.0.0.1:8071`.
    pub listen: SocketAddr,
    /// The address others reach it by, `host:port`. Default: the one it listens on.
    pub domain: Option<String>,
    /// The name people see. Default: `Demo portal`.
    pub name: String,
    /// The portal's language, `LANGUAGE` in events. Default: `en`.
    pub language: String,
    /// The limit on REST calls; `None` for a self-hosted portal, which has none. Default: [`Rate::STANDARD`].
    pub rate: Option<Rate>,
    /// How that limit is counted and told. Default: [`Counting::Together`].
    pub counting: Counting,
    /// How many bots one application may register through version 1. Default: 5, as in the documentation of
    /// `imbot.register`; through version 2 it may have 100.
    pub bots_max: usize,
    /// Whether an application that has subscriptions of both versions of the bot platform gets both formats for every
    /// bot, as in the portal's source; the documentation says that the format follows the version a bot was registered
    /// with. Default: false, as documented.
    pub both_formats: bool,
    /// How long an event is on its way to the central queue and out again. Default: 10 ms.
    pub delivery_delay: Duration,
    /// After which pauses an event is posted again as long as its handler gives no answer, or an error. Default: none,
    /// as documented: such an event is lost. People tell of portals that do otherwise.
    pub redeliver: Vec<Duration>,
    /// Whether it speaks TLS as well, on the same address, with a certificate that is made when it starts; its addresses
    /// begin with `https` then, and an inbound webhook is refused over plain HTTP, as production refuses it. Clients have
    /// to trust [`Emulator::authority`]. Default: false.
    pub tls: bool,
    /// How long that certificate is good, from a day before the start on. Default: 365 days.
    pub tls_life: Duration,
    /// Whether it is a proxy as well, through which clients see it as `https://demo.bitrix24.test` (or `domain`) and its
    /// authorization server as `https://oauth.bitrix.info`; no other host is let through. Includes `tls`. Default: false.
    pub proxy: bool,
    /// Host names, besides the loopback's, under which the web chat may be opened. Default: none.
    pub hosts: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 8071)),
            domain: None,
            name: "Demo portal".to_owned(),
            language: "en".to_owned(),
            rate: Some(Rate::STANDARD),
            counting: Counting::default(),
            bots_max: BOTS_MAX,
            both_formats: false,
            delivery_delay: Duration::from_millis(10),
            redeliver: Vec::new(),
            tls: false,
            tls_life: LIFE,
            proxy: false,
            hosts: Vec::new(),
        }
    }
}

/// A running portal. Clones are the same portal.
#[derive(Clone)]
pub struct Emulator {
    pub(super) portal: Arc<Portal>,
    address: SocketAddr,
    pub(super) deliveries: Deliveries,
    stop: CancellationToken,
    stopped: watch::Receiver<bool>,
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Emulator {
    /// Opens a portal and serves it in the background until [`Emulator::stop`].
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(options: Options) -> std::io::Result<Emulator> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let traffic = TrafficLog::new(channel());
        let deliveries = Deliveries::new(
            Post::new()?,
            traffic.clone(),
            options.delivery_delay,
            options.redeliver,
            stop.clone(),
        );
        let domain = match options.domain {
            Some(domain) => domain,
            None if options.proxy => DEMO.to_owned(),
            None => address.to_string(),
        };
        let proxy = options.proxy.then(|| Proxy::new(&domain));
        let authority = if options.tls || options.proxy {
            Some(Authority::make(
                names(address, &options.hosts, proxy.as_ref()),
                options.tls_life,
            )?)
        } else {
            None
        };
        let mut hosts = options.hosts;
        hosts.extend(proxy.iter().flat_map(Proxy::names));
        let mut world = World::new(options.name, domain, options.language);
        world.bots_max = options.bots_max;
        world.both_formats = options.both_formats;
        world.is_secure = authority.is_some();
        world.oauth_host = options.proxy.then(|| OAUTH[0].to_owned());
        let portal = Arc::new(Portal::new(
            world,
            Limits::new(options.rate, options.counting),
            deliveries.clone(),
            traffic,
            |tx| tx.announce_grown_queues(),
            authority.as_ref().map(|authority| authority.pem.clone()),
        ));
        let routes = routes(&portal, Guard::new(address, hosts));
        let greeter = authority.map(|made| Greeter::new(made.acceptor, proxy.clone()));
        let routes = only_ours(proxy, routes);
        tokio::spawn(alarms::ring(Arc::clone(&portal), stop.clone()));
        let (done, stopped) = watch::channel(false);
        let signal = stop.clone();
        tokio::spawn(async move {
            let server = Server::new_with_acceptor(Listener::new(listener, greeter));
            let served = server
                .run_with_graceful_shutdown(
                    routes,
                    async move { signal.cancelled().await },
                    Some(STOP_TIMEOUT),
                )
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the emulated portal has stopped by itself");
            }
            let _ = done.send(true);
        });
        Ok(Emulator {
            portal,
            address,
            deliveries,
            stop,
            stopped,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The portal's address without a proxy, such as `http://127.0.0.1:8071`.
    pub fn url(&self) -> String {
        let scheme = if self.portal.authority.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// The address of the REST interface as applications are told it, such as `http://127.0.0.1:8071/rest/`.
    pub fn endpoint(&self) -> String {
        self.portal.read(|world| world.endpoint())
    }

    /// The address of the authorization server: the portal's own, or as clients see it through the proxy.
    pub fn oauth_url(&self) -> String {
        self.portal.read(|world| match world.oauth_host {
            Some(_) => world.oauth_address(),
            None => self.url(),
        })
    }

    /// The certificate of the authority that vouches for the portal, as PEM; none without [`Options::tls`].
    ///
    /// It is made anew each time a portal starts. `GET /emulator/authority.pem` gives it to other programs.
    pub fn authority(&self) -> Option<&str> {
        self.portal.authority.as_deref()
    }

    /// The address of the portal's script for the pages of applications.
    pub fn bx24_url(&self) -> String {
        format!("{}/api/v1/", self.url())
    }

    /// The same portal without a network, for a client in this process.
    #[cfg(test)]
    pub(super) fn routes(&self) -> Route {
        routes(&self.portal, Guard::new(self.address, Vec::new()))
    }

    /// Stops listening and delivering. Events that wait are lost, as they are when a real portal goes down.
    pub async fn stop(&self) {
        self.stop.cancel();
        let mut stopped = self.stopped.clone();
        let _ = stopped.wait_for(|stopped| *stopped).await;
        let _ = timeout(STOP_TIMEOUT, self.deliveries.finish()).await;
    }
}

fn routes(portal: &Arc<Portal>, guard: Guard) -> Route {
    Route::new()
        .at("/rest/*path", rest::endpoint(portal))
        .at("/oauth/token", oauth::token(portal))
        .at("/oauth/token/", oauth::token(portal))
        .at("/oauth/authorize", oauth::authorize(portal))
        .at("/oauth/authorize/", oauth::authorize(portal))
        .nest_no_strip("/", page::routes(portal, guard).map_to_response())
}
