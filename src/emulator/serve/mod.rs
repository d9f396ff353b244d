//! Starts and stops the portal; its settings.

mod alarms;
pub(super) mod authority;
pub(super) mod greet;
pub(super) mod listen;
pub(super) mod proxy;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "testing")]
use std::time::SystemTime;

#[cfg(feature = "testing")]
use jiff::Timestamp;

use poem::{EndpointExt, Route, Server};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "testing")]
use super::clock::Clock;
use super::delivery::Deliveries;
use super::limit::{Counting, Limits, Rate};
use super::page::guard::Guard;
use super::portal::Portal;
#[cfg(feature = "testing")]
use super::post::Handlers;
use super::post::Post;
use super::traffic_log::TrafficLog;
use super::transaction::Transaction;
use super::updates::channel;
use super::world::{BOTS_MAX, World};
use super::{oauth, page, rest};
use authority::{Authority, LIFE, names};
use greet::Greeter;
use listen::Listener;
use proxy::{DEMO, OAUTH, Proxy, only_ours};

/// Time limit of a stop for answers under way, and again for handlers.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// The settings of a portal.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 selects a free one. Default: `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// The address in URLs, `host:port`. Default: the listening address.
    pub domain: Option<String>,
    /// The portal's name. Default: `Demo portal`.
    pub name: String,
    /// The portal's language, `LANGUAGE` in events. Default: `en`.
    pub language: String,
    /// The rate limit of REST calls; `None` for a self-hosted portal, which has none. Default:
    /// [`Rate::STANDARD`].
    pub rate: Option<Rate>,
    /// How the limit is counted and reported. Default: [`Counting::Together`].
    pub counting: Counting,
    /// Maximum number of bots that one application may register through v1. Default: 5, as in the
    /// documentation of `imbot.register`; through v2 it may have 100.
    pub bots_max: usize,
    /// Whether an application with subscriptions of both v1 and v2 gets both formats for every bot,
    /// as in the portal's source; in the documentation the format follows the version a bot was
    /// registered with. Default: false, as documented.
    pub both_formats: bool,
    /// Delay of an event in the central queue. Default: 10 ms.
    pub delivery_delay: Duration,
    /// Pauses after which an event is posted again while its handler gives no answer or an error.
    /// Default: none, as documented: such an event is lost. There are reports of portals that
    /// repeat events.
    pub redeliver: Vec<Duration>,
    /// Whether it speaks TLS as well, on the same address, with a certificate created at the start.
    /// Its addresses then begin with `https`, and inbound webhooks are refused over plain HTTP, as
    /// in production. Clients have to trust [`Emulator::authority`]. Default: false.
    pub tls: bool,
    /// Lifetime of that certificate, from a day before the start. Default: 365 days.
    pub tls_life: Duration,
    /// Whether it is a proxy as well, through which clients reach it as
    /// `https://demo.bitrix24.test` (or `domain`) and its authorization server as
    /// `https://oauth.bitrix.info`; all other hosts are refused. Includes `tls`. Default: false.
    pub proxy: bool,
    /// Host names, besides the loopback's, under which the web chat may be opened. Default: none.
    pub hosts: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
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
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use imbot::emulator::{Emulator, NewApp, Options};
///
/// let portal = Emulator::start(Options::default()).await?;
/// let app = portal.register_app(NewApp::new("bots", "http://127.0.0.1:8072/"));
/// portal.install(&app.client_id).await?;
/// let bot = portal.bot("echo").ok_or("no such bot")?;
/// portal.send(1, &bot.to_string(), "Good morning")?;
/// # Ok(()) }
/// ```
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

/// Returns the error with the address in its text.
fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
}

impl Emulator {
    /// Starts a portal and serves it in the background until [`Emulator::stop`].
    ///
    /// # Errors
    ///
    /// If it cannot listen on the address, or cannot create its certificate.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await;
        let listener = listener.map_err(|error| cannot_listen(options.listen, &error))?;
        let address = listener.local_addr()?;
        let (stop, traffic) = (CancellationToken::new(), TrafficLog::new(channel()));
        let deliveries = deliveries(Post::new()?, &traffic, &options, &stop);
        let domain = match options.domain.clone() {
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
        let limits = Limits::new(options.rate, options.counting);
        let mut world = world(&options, domain);
        let mut hosts = options.hosts;
        hosts.extend(proxy.iter().flat_map(Proxy::names));
        world.is_secure = authority.is_some();
        world.oauth_host = options.proxy.then(|| OAUTH[0].to_owned());
        let pem = authority.as_ref().map(|authority| authority.pem.clone());
        let portal = run(world, limits, &deliveries, traffic, pem, &stop);
        let routes = routes(&portal, Guard::new(address, hosts));
        let greeter = authority.map(|made| Greeter::new(made.acceptor, proxy.clone()));
        let routes = only_ours(proxy, routes);
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
                tracing::error!(%error, "the emulated portal has stopped");
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

    /// Returns a portal without a network: programs in this process call its
    /// [`routes`](Emulator::routes), and it posts its events to these handlers.
    #[cfg(feature = "testing")]
    pub(crate) fn in_process(options: &Options, now: SystemTime, handlers: Handlers) -> Self {
        let address = options.listen;
        let (stop, traffic) = (CancellationToken::new(), TrafficLog::new(channel()));
        let deliveries = deliveries(Post::InProcess(handlers), &traffic, options, &stop);
        let limits = Limits::new(options.rate, options.counting);
        let mut world = world(options, address.to_string());
        world.clock = Clock::start_at(Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH));
        let portal = run(world, limits, &deliveries, traffic, None, &stop);
        let (_, stopped) = watch::channel(true);
        Emulator {
            portal,
            address,
            deliveries,
            stop,
            stopped,
        }
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the portal's URL without a proxy, such as `http://127.0.0.1:8071`.
    pub fn url(&self) -> String {
        let scheme = if self.portal.authority.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// Returns the URL of the REST interface as applications receive it, such as
    /// `http://127.0.0.1:8071/rest/`.
    pub fn endpoint(&self) -> String {
        self.portal.read(|world| world.endpoint())
    }

    /// Returns the URL of the authorization server: the portal's own, or the one seen through the
    /// proxy.
    pub fn oauth_url(&self) -> String {
        self.portal.read(|world| match world.oauth_host {
            Some(_) => world.oauth_address(),
            None => self.url(),
        })
    }

    /// Returns the certificate of the portal's authority, as PEM; `None` without [`Options::tls`].
    ///
    /// It is created at each start. `GET /emulator/authority.pem` returns it to other programs.
    pub fn authority(&self) -> Option<&str> {
        self.portal.authority.as_deref()
    }

    /// Returns the URL of the portal's script for the pages of applications.
    pub fn bx24_url(&self) -> String {
        format!("{}/api/v1/", self.url())
    }

    /// Returns the routes without a network, for a client in this process.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn routes(&self) -> Route {
        routes(&self.portal, Guard::new(self.address, Vec::new()))
    }

    /// Stops listening and delivering. Events that wait are lost, as when a real portal goes down.
    pub async fn stop(&self) {
        self.stop.cancel();
        let mut stopped = self.stopped.clone();
        let _ = stopped.wait_for(|stopped| *stopped).await;
        let _ = timeout(STOP_TIMEOUT, self.deliveries.finish()).await;
    }
}

fn deliveries(
    post: Post,
    traffic: &TrafficLog,
    options: &Options,
    stop: &CancellationToken,
) -> Deliveries {
    let redeliver = options.redeliver.clone();
    Deliveries::new(
        post,
        traffic.clone(),
        options.delivery_delay,
        redeliver,
        stop.clone(),
    )
}

/// Returns a portal with its people and nothing else.
fn world(options: &Options, domain: String) -> World {
    let mut world = World::new(options.name.clone(), domain, options.language.clone());
    world.bots_max = options.bots_max;
    world.both_formats = options.both_formats;
    world
}

/// Runs a portal until it is stopped. `authority` is its certificate, as PEM.
fn run(
    world: World,
    limits: Limits,
    deliveries: &Deliveries,
    traffic: TrafficLog,
    authority: Option<String>,
    stop: &CancellationToken,
) -> Arc<Portal> {
    let finish = |tx: &mut Transaction<'_>| tx.announce_grown_queues();
    let deliveries = deliveries.clone();
    let portal = Portal::new(world, limits, deliveries, traffic, finish, authority);
    let portal = Arc::new(portal);
    tokio::spawn(alarms::ring(Arc::clone(&portal), stop.clone()));
    portal
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
