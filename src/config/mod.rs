//! All settings and their defaults, on the command line, in the environment and in a file.
//!
//! To add one, add a field to [`Config`] with its documentation, flag, environment variable and
//! default. Its key in the file is the variable's name without `IMBOT_`. `hide_env_values` marks it
//! as secret; the type of a secret must accept any text, since clap prints the values that a parser
//! refuses. The command `config`, its example, the errors of the file and the tests then include
//! it.

#[cfg(feature = "cli")]
mod file;
mod place;
#[cfg(feature = "cli")]
mod plan;
#[cfg(feature = "cli")]
mod setting;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::engine::{ATTEMPTS_MAX, POLL_QUICK, POLL_SLOW, TURN_TIMEOUT};
use crate::portal::{HttpOptions, OAUTH_URL, Plan};
use crate::serve::{Network, STOP_TIMEOUT};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::store::{Key, KeyError};
use crate::store::{Limits, Store};
#[cfg(feature = "sqlite")]
use crate::store::{OpenError, Sqlite};
#[cfg(feature = "postgres")]
use crate::store::{Postgres, PostgresError};

#[cfg(feature = "cli")]
pub(crate) use file::File;
pub use place::StorePlace;
#[cfg(feature = "cli")]
pub(crate) use setting::Setting;

/// The address that the program listens on. Default of `--listen`.
pub const LISTEN: &str = "127.0.0.1:8072";

/// The address that the portal emulator listens on. Default of `--emulator-listen`.
pub const EMULATOR_LISTEN: &str = "127.0.0.1:8071";

/// The address of the portal's script for applications with an interface. Default of `--bx24-url`.
pub const BX24_URL: &str = "https://api.bitrix24.com/api/v1/";

/// Time for which dead letters are kept, in days. Default of `--dead-days`.
pub const DEAD_DAYS: u64 = 30;

/// The store's file. Default of `--store`, except on an emulated portal, where the store is in
/// memory.
pub const STORE: &str = "imbot.db";

/// The value of `--store` that selects a store in memory.
pub const MEMORY: &str = "memory";

/// The store and its key.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[non_exhaustive]
pub struct StoreConfig {
    /// The store: a file, `memory`, or the address of a PostgreSQL database, such as
    /// `postgres://user:password@host/database`. Default: imbot.db; with an emulated portal: memory
    #[cfg_attr(
        feature = "cli",
        arg(
            long = "store",
            env = "IMBOT_STORE",
            value_name = "PLACE",
            hide_env_values = true,
            value_parser = place::parser()
        )
    )]
    pub place: Option<StorePlace>,

    /// The key that encrypts tokens and events in the store, 32 bytes in base64; for PostgreSQL
    /// also several keys separated by commas: the first encrypts, all decrypt. Default: the key in
    /// the key file
    #[cfg_attr(
        feature = "cli",
        arg(
            long = "store-key",
            env = "IMBOT_STORE_KEY",
            value_name = "KEY",
            hide_env_values = true
        )
    )]
    pub key: Option<SecretString>,

    /// The file with the key, created at the first start of a store in a file. Default: the store's
    /// file name with `.key` appended; for PostgreSQL: imbot.key
    #[cfg_attr(
        feature = "cli",
        arg(
            long = "store-key-file",
            env = "IMBOT_STORE_KEY_FILE",
            value_name = "FILE"
        )
    )]
    pub key_file: Option<PathBuf>,

    /// The name of this process among those that share a PostgreSQL store, by which `store assign`
    /// knows it. Default: the name of the machine and the number of the process
    #[cfg_attr(
        feature = "cli",
        arg(long = "process-name", env = "IMBOT_PROCESS_NAME", value_name = "NAME")
    )]
    pub process_name: Option<String>,
}

impl StoreConfig {
    /// Returns the store's place.
    pub fn place(&self) -> StorePlace {
        self.place
            .clone()
            .unwrap_or_else(|| StorePlace::File(STORE.into()))
    }

    /// Returns the store's file. Returns `None` if the store is not in a file.
    pub fn file(&self) -> Option<PathBuf> {
        match self.place() {
            StorePlace::File(file) => Some(file),
            StorePlace::Memory | StorePlace::Postgres(_) => None,
        }
    }

    /// Returns the key file.
    pub fn key_file(&self) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| {
            let file = self.file().unwrap_or_else(|| "imbot".into());
            let mut name = file.into_os_string();
            name.push(".key");
            name.into()
        })
    }

    /// Opens the store for this process. Returns `None` if it is in memory or no place is named.
    ///
    /// # Errors
    /// The key, the file or the database cannot be used, or this build does not have the store.
    pub fn open(&self) -> Result<Option<Arc<dyn Store>>, StoreConfigError> {
        match &self.place {
            Some(StorePlace::File(file)) => self.open_file(file).map(Some),
            Some(StorePlace::Postgres(url)) => self.open_postgres(url).map(Some),
            Some(StorePlace::Memory) | None => Ok(None),
        }
    }

    #[cfg(feature = "sqlite")]
    fn open_file(&self, file: &Path) -> Result<Arc<dyn Store>, StoreConfigError> {
        Ok(Arc::new(Sqlite::open(file, &self.key()?)?))
    }

    #[cfg(not(feature = "sqlite"))]
    fn open_file(&self, file: &Path) -> Result<Arc<dyn Store>, StoreConfigError> {
        Err(StoreConfigError::NoSqlite {
            path: file.to_owned(),
        })
    }

    #[cfg(feature = "postgres")]
    fn open_postgres(&self, url: &SecretString) -> Result<Arc<dyn Store>, StoreConfigError> {
        let store = Postgres::open(url, &self.keys()?)?;
        Ok(Arc::new(match &self.process_name {
            Some(name) => store.with_name(name),
            None => store,
        }))
    }

    #[cfg(not(feature = "postgres"))]
    fn open_postgres(&self, _: &SecretString) -> Result<Arc<dyn Store>, StoreConfigError> {
        Err(StoreConfigError::NoPostgres)
    }

    /// Opens an existing store for an operator's command, next to the processes that run on it.
    ///
    /// # Errors
    /// The store does not exist or is in memory, the key, the file or the database cannot be used,
    /// or this build does not have the store.
    pub fn attend(&self) -> Result<Arc<dyn Store>, StoreConfigError> {
        match self.place() {
            #[cfg(feature = "sqlite")]
            StorePlace::File(_) => Ok(Arc::new(self.attend_file()?)),
            #[cfg(not(feature = "sqlite"))]
            StorePlace::File(path) => Err(StoreConfigError::NoSqlite { path }),
            #[cfg(feature = "postgres")]
            StorePlace::Postgres(url) => Ok(Arc::new(Postgres::attend(&url, &self.keys()?)?)),
            #[cfg(not(feature = "postgres"))]
            StorePlace::Postgres(_) => Err(StoreConfigError::NoPostgres),
            StorePlace::Memory => Err(StoreConfigError::NotAFile {
                place: StorePlace::Memory,
            }),
        }
    }

    /// Returns the keys of a PostgreSQL store, the one that encrypts first. Never creates one:
    /// several machines need the same.
    ///
    /// # Errors
    /// There is no key, or it cannot be read.
    #[cfg(feature = "postgres")]
    pub fn keys(&self) -> Result<Vec<Key>, KeyError> {
        match &self.key {
            Some(keys) => Key::list_from_base64(keys.expose_secret()),
            None => Key::read_list(self.key_file()),
        }
    }
}

#[cfg(feature = "postgres")]
impl StoreConfig {
    /// Opens an existing store in PostgreSQL for an operator's command, next to the processes that
    /// run on it.
    ///
    /// # Errors
    /// The store is not in PostgreSQL or does not exist, or the key or the database cannot be used.
    pub fn attend_postgres(&self) -> Result<Postgres, StoreConfigError> {
        match self.place() {
            StorePlace::Postgres(url) => Ok(Postgres::attend(&url, &self.keys()?)?),
            place @ (StorePlace::Memory | StorePlace::File(_)) => {
                Err(StoreConfigError::NotPostgres { place })
            }
        }
    }
}

#[cfg(feature = "sqlite")]
impl StoreConfig {
    /// Returns the key of a store in a file. Creates it if neither a store nor a key exists.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn key(&self) -> Result<Key, KeyError> {
        match &self.key {
            Some(key) => Key::from_base64(key.expose_secret()),
            None => Key::of(self.file().unwrap_or_else(|| STORE.into()), self.key_file()),
        }
    }

    /// Opens an existing store in a file for an operator's command, next to the process that runs
    /// on it.
    ///
    /// # Errors
    /// The store is not in a file or does not exist, or the key or the file cannot be used.
    pub fn attend_file(&self) -> Result<Sqlite, StoreConfigError> {
        let place = self.place();
        let file = match &place {
            StorePlace::File(file) => file,
            StorePlace::Memory | StorePlace::Postgres(_) => {
                return Err(StoreConfigError::NotAFile { place });
            }
        };
        if !file.exists() {
            // Checked here because reading the key would create it.
            let path = file.clone();
            return Err(OpenError::Missing { path }.into());
        }
        Ok(Sqlite::attend(file, &self.key()?)?)
    }
}

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreConfigError {
    /// The key cannot be used.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file cannot be opened.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The database cannot be used.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// A command needs a store in a file.
    #[error("the store is {place}; this command works on a store in a file")]
    NotAFile {
        /// The store.
        place: StorePlace,
    },
    /// A command needs a store in PostgreSQL.
    #[cfg(feature = "postgres")]
    #[error(
        "the store is {place}; this command works on a store in PostgreSQL, which several processes share"
    )]
    NotPostgres {
        /// The store.
        place: StorePlace,
    },
    /// A file is configured, but this build has no SQLite store.
    #[cfg(not(feature = "sqlite"))]
    #[error(
        "{} cannot be opened: this program is built without SQLite (cargo feature `sqlite`); leave the store out, or pass one to `App::store`",
        path.display()
    )]
    NoSqlite {
        /// The file.
        path: PathBuf,
    },
    /// A PostgreSQL database is configured, but this build has no PostgreSQL store.
    #[cfg(not(feature = "postgres"))]
    #[error(
        "the store is a PostgreSQL database, but this program is built without PostgreSQL (cargo feature `postgres`)"
    )]
    NoPostgres,
}

/// The settings of a program. `--help` lists their environment variables.
///
/// [`App::run`](crate::App) reads them from flags, the environment and a file. A program with its
/// own command line fills them in:
///
/// ```
/// use imbot::prelude::*;
/// use imbot::{Config, ConfigError};
///
/// # struct Echo; impl Bot for Echo {}
/// # fn example() -> Result<(), ConfigError> {
/// let mut config = Config::default();
/// config.portal = vec!["https://example.bitrix24.com/rest/1/abc123/".into()];
/// let engine = App::new().bot(Echo).engine(&config)?;
/// # Ok(())
/// # }
/// # example().unwrap();
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[non_exhaustive]
pub struct Config {
    /// The address of an inbound webhook, such as `https://example.bitrix24.com/rest/1/abc123/`:
    /// the bots are registered on that portal and poll for their events; may be repeated
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            env = "IMBOT_PORTAL",
            value_name = "URL",
            value_delimiter = ',',
            hide_env_values = true
        )
    )]
    pub portal: Vec<SecretString>,

    /// The application's `client_id`, from its card on the portal
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_CLIENT_ID", value_name = "ID"))]
    pub client_id: Option<String>,

    /// The application's `client_secret`; do not pass it as a flag, which other users of the
    /// machine can read
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            env = "IMBOT_CLIENT_SECRET",
            value_name = "SECRET",
            hide_env_values = true
        )
    )]
    pub client_secret: Option<SecretString>,

    /// The portal's host, a colon and the token of an outgoing webhook, such as
    /// example.bitrix24.com:abc123: its events go to the hooks; may be repeated
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            env = "IMBOT_HOOK_TOKEN",
            value_name = "HOST:TOKEN",
            value_delimiter = ',',
            hide_env_values = true
        )
    )]
    pub hook_token: Vec<SecretString>,

    /// The secret that signs forwarded events, such as `openssl rand -base64 32` prints. Default:
    /// they are not signed
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            env = "IMBOT_FORWARD_SECRET",
            value_name = "SECRET",
            hide_env_values = true
        )
    )]
    pub forward_secret: Option<SecretString>,

    /// The address at which portals reach this program, such as `https://bots.example.com/bitrix`:
    /// the application's handler address
    #[cfg_attr(
        feature = "cli",
        arg(long, env = "IMBOT_PUBLIC_URL", value_name = "URL")
    )]
    pub public_url: Option<String>,

    /// The address to listen on
    #[cfg_attr(feature = "cli", arg(
        long,
        env = "IMBOT_LISTEN",
        default_value = LISTEN,
        value_name = "ADDRESS"
    ))]
    pub listen: SocketAddr,

    /// A reverse proxy in front of this program, or a network of them, such as `10.0.0.0/8`: the
    /// client's address is read from its `X-Forwarded-For`; may be repeated
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            env = "IMBOT_TRUSTED_PROXY",
            value_name = "CIDR",
            value_delimiter = ','
        )
    )]
    pub trusted_proxy: Vec<Network>,

    /// Maximum number of open connections of one address, or of one /64 network of IPv6; more are
    /// closed at once. Default: half of all
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_CONNECTIONS_PER_ADDRESS", value_name = "CONNECTIONS", value_parser = clap::value_parser!(u32).range(1..)))]
    pub connections_per_address: Option<u32>,

    /// The operator's address, a loopback address such as 127.0.0.1:8073: figures at `/health`.
    /// Default: none
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_ADMIN", value_name = "ADDRESS", value_parser = loopback))]
    pub admin: Option<SocketAddr>,

    /// The authorization server
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_OAUTH_URL", default_value = OAUTH_URL, value_name = "URL"))]
    pub oauth_url: String,

    /// The portal's script for applications with an interface
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_BX24_URL", default_value = BX24_URL, value_name = "URL", hide = true))]
    pub bx24_url: String,

    /// A host that may be called over http and inside the local network, such as 127.0.0.1:8071;
    /// may be repeated
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            env = "IMBOT_ALLOW_HOST",
            value_name = "HOST:PORT",
            value_delimiter = ','
        )
    )]
    pub allow_host: Vec<String>,

    /// A PEM file with certificates of authorities that are trusted in addition to the system's,
    /// for self-hosted portals
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_CA_FILE", value_name = "FILE"))]
    pub ca_file: Option<PathBuf>,

    /// The proxy for all calls, such as `http://proxy.example.com:3128`
    #[cfg_attr(
        feature = "cli",
        arg(long, env = "IMBOT_PROXY", value_name = "URL", hide_env_values = true)
    )]
    pub proxy: Option<SecretString>,

    /// The plan of the portals, which limits how fast they may be called
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            env = "IMBOT_PLAN",
            value_enum,
            default_value_t,
            value_name = "PLAN"
        )
    )]
    pub plan: Plan,

    /// The store's file and key
    #[cfg_attr(feature = "cli", command(flatten))]
    pub store: StoreConfig,

    /// The number of this deployment, if several processes share a store. Older processes do not
    /// undo what a deployment with a higher number sets up on portals
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            env = "IMBOT_DEPLOYMENT",
            default_value_t = 0,
            value_name = "NUMBER"
        )
    )]
    pub deployment: u64,

    /// Seconds between polls for a bot's events while people talk to it
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_POLL_QUICK", default_value_t = POLL_QUICK.as_secs_f64(), value_name = "SECONDS", value_parser = seconds))]
    pub poll_quick: f64,

    /// Seconds between polls for a bot's events while nobody talks to it
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_POLL_SLOW", default_value_t = POLL_SLOW.as_secs_f64(), value_name = "SECONDS", value_parser = seconds))]
    pub poll_slow: f64,

    /// Maximum time that a handler may take, in seconds
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_TURN_TIMEOUT", default_value_t = TURN_TIMEOUT.as_secs(), value_name = "SECONDS"))]
    pub turn_timeout: u64,

    /// Maximum number of attempts to handle an event before it becomes a dead letter
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_ATTEMPTS", default_value_t = ATTEMPTS_MAX, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..)))]
    pub attempts: u32,

    /// Days without events after which a conversation is forgotten. Default: never
    #[cfg_attr(
        feature = "cli",
        arg(long, env = "IMBOT_IDLE_DAYS", value_name = "DAYS")
    )]
    pub idle_days: Option<u64>,

    /// Days for which dead letters are kept
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_DEAD_DAYS", default_value_t = DEAD_DAYS, value_name = "DAYS"))]
    pub dead_days: u64,

    /// Maximum time that a stop waits for started turns and requests, in seconds
    #[cfg_attr(feature = "cli", arg(long, env = "IMBOT_STOP_TIMEOUT", default_value_t = STOP_TIMEOUT.as_secs(), value_name = "SECONDS"))]
    pub stop_timeout: u64,

    /// The address that the portal emulator listens on
    #[cfg_attr(feature = "cli", arg(long, hide = cfg!(not(feature = "emulator")), env = "IMBOT_EMULATOR_LISTEN", default_value = EMULATOR_LISTEN, value_name = "ADDRESS"))]
    pub emulator_listen: SocketAddr,
}

impl Default for Config {
    /// Returns the default of every setting, without reading the environment or a file.
    fn default() -> Self {
        let address = |text: &str| text.parse().expect("a constant address");
        Self {
            portal: Vec::new(),
            client_id: None,
            client_secret: None,
            hook_token: Vec::new(),
            forward_secret: None,
            public_url: None,
            listen: address(LISTEN),
            trusted_proxy: Vec::new(),
            connections_per_address: None,
            admin: None,
            oauth_url: OAUTH_URL.to_owned(),
            bx24_url: BX24_URL.to_owned(),
            allow_host: Vec::new(),
            ca_file: None,
            proxy: None,
            plan: Plan::default(),
            store: StoreConfig::default(),
            deployment: 0,
            poll_quick: POLL_QUICK.as_secs_f64(),
            poll_slow: POLL_SLOW.as_secs_f64(),
            turn_timeout: TURN_TIMEOUT.as_secs(),
            attempts: ATTEMPTS_MAX,
            idle_days: None,
            dead_days: DEAD_DAYS,
            stop_timeout: STOP_TIMEOUT.as_secs(),
            emulator_listen: address(EMULATOR_LISTEN),
        }
    }
}

impl Config {
    /// Returns the options of the HTTP client for calls.
    pub(crate) fn http_options(&self) -> std::io::Result<HttpOptions> {
        Ok(HttpOptions {
            local: self.allow_host.clone(),
            authorities: self.ca_file.as_ref().map(std::fs::read).transpose()?,
            proxy: self.proxy.clone(),
        })
    }

    /// Returns the time between polls for a bot's events while people talk to it.
    pub fn poll_quick(&self) -> Duration {
        Duration::from_secs_f64(self.poll_quick)
    }

    /// Returns the time between polls for a bot's events while nobody talks to it.
    pub fn poll_slow(&self) -> Duration {
        Duration::from_secs_f64(self.poll_slow)
    }

    /// Returns the maximum time that a handler may take.
    pub fn turn_timeout(&self) -> Duration {
        Duration::from_secs(self.turn_timeout)
    }

    /// Returns how long the store keeps dead letters, idle conversations and other old entries.
    pub fn limits(&self) -> Limits {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let days = |days: u64| DAY.saturating_mul(days.try_into().unwrap_or(u32::MAX));
        Limits {
            dead: days(self.dead_days),
            idle: self.idle_days.map(days),
            ..Limits::default()
        }
    }

    /// Returns the maximum time that a stop waits.
    pub fn stop_timeout(&self) -> Duration {
        Duration::from_secs(self.stop_timeout)
    }
}

/// Parses a duration: a number of seconds, which may have a fraction.
#[cfg(feature = "cli")]
fn seconds(text: &str) -> Result<f64, String> {
    let error = || format!("`{text}` is not a number of seconds above 0");
    let seconds: f64 = text.parse().map_err(|_| error())?;
    let is_duration = seconds > 0.0 && Duration::try_from_secs_f64(seconds).is_ok();
    is_duration.then_some(seconds).ok_or_else(error)
}

/// Parses an address of the operator, which only programs of this machine reach.
#[cfg(feature = "cli")]
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: Result<SocketAddr, _> = text.parse();
    let address = address.ok().filter(|address| address.ip().is_loopback());
    address.ok_or_else(|| format!("`{text}` is not a loopback address with a port"))
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use clap::builder::Resettable::Reset;
    use clap::{Args, Command, FromArgMatches};

    use crate::config::*;

    #[test]
    fn the_command_line_and_the_type_have_the_same_defaults() {
        let table = Config::augment_args(Command::new("imbot").no_binary_name(true));
        let without_environment = table.mut_args(|arg| arg.env(Reset));
        let matches = without_environment.get_matches_from([""; 0]);
        let parsed = Config::from_arg_matches(&matches).unwrap();
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Config::default()));
    }
}
