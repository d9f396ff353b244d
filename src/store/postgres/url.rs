//! The address of a database: `postgres://user:password@host:5432/database?sslmode=verify-full`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::PostgresError;

/// Time in which one server must accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Time after which unacknowledged bytes end a connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// Time without traffic after which the server is probed.
const IDLE: Duration = Duration::from_secs(10);

/// What is checked of the server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verify {
    /// Nothing: the connection is encrypted, but the server may be anyone.
    Nothing,
    /// That an authority has signed it.
    Authority(Roots),
    /// That an authority has signed it, and that it is of this host.
    Full(Roots),
}

/// The authorities that may sign a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// Those that the system trusts.
    System,
    /// Those in a file.
    File(PathBuf),
}

/// A database server, and how to connect to it. Its texts never contain the password.
#[derive(Clone)]
pub(super) struct Server {
    /// How to connect to each host of the address.
    pub(super) hosts: Vec<Config>,
    pub(super) verify: Verify,
    /// The address without password and options.
    place: String,
}

impl Server {
    /// Reads an address. The words of its options are those of libpq.
    pub(super) fn parse(url: &SecretString) -> Result<Self, PostgresError> {
        let (address, options) = split(url.expose_secret());
        let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
        for option in options {
            match option.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", "system")) => roots = Some(Roots::System),
                Some(("sslrootcert", file)) => {
                    let file = percent_encoding::percent_decode_str(file).decode_utf8_lossy();
                    roots = Some(Roots::File(file.into_owned().into()));
                }
                _ => rest.push(option),
            }
        }
        let rest = rest.join("&");
        let config = |address: &str| {
            let address = SecretString::from(format!("{address}?{rest}"));
            let parsed = Config::from_str(address.expose_secret());
            parsed.map_err(|error| PostgresError::Url {
                cause: cause(&error),
            })
        };
        let all = config(address)?;
        let (mode, verify) = security(mode, roots)?;
        let mut hosts = match hosts(address) {
            // Others may be among the options.
            addresses if addresses.len() == all.get_hosts().len() => {
                let hosts: Result<Vec<_>, _> = addresses.iter().map(|one| config(one)).collect();
                hosts?
            }
            _ => vec![all.clone()],
        };
        for config in &mut hosts {
            config.ssl_mode(mode);
            set_defaults(config);
        }
        Ok(Self {
            hosts,
            verify,
            place: place(&all),
        })
    }

    /// Returns true if connections are not encrypted.
    pub(super) fn is_plain(&self) -> bool {
        let is_plain = |host: &Config| host.get_ssl_mode() == SslMode::Disable;
        self.hosts.iter().all(is_plain)
    }
}

/// Returns an address for each host of an address without options.
fn hosts(address: &str) -> Vec<String> {
    let Some((scheme, rest)) = address.split_once("://") else {
        return Vec::new();
    };
    let (authority, database) = match rest.split_once('/') {
        Some((authority, database)) => (authority, format!("/{database}")),
        None => (rest, String::new()),
    };
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    let of = |host: &str| format!("{scheme}://{user}{host}{database}");
    hosts.split(',').map(of).collect()
}

/// Splits an address into the part before its options, and the options.
fn split(url: &str) -> (&str, Vec<&str>) {
    match url.split_once('?') {
        Some((address, options)) => (
            address,
            options.split('&').filter(|one| !one.is_empty()).collect(),
        ),
        None => (url, Vec::new()),
    }
}

/// Returns the error without the address, which contains the password.
fn cause(error: &tokio_postgres::Error) -> String {
    use std::error::Error;
    error.source().map_or_else(
        || "it cannot be read".to_owned(),
        |source| source.to_string(),
    )
}

/// Returns what the option `sslmode` stands for.
fn security(mode: Option<&str>, roots: Option<Roots>) -> Result<(SslMode, Verify), PostgresError> {
    Ok(match (mode, roots) {
        (Some("disable"), _) => (SslMode::Disable, Verify::Nothing),
        (None | Some("prefer"), None) => (SslMode::Prefer, Verify::Nothing),
        (Some("require"), None) => (SslMode::Require, Verify::Nothing),
        (None | Some("prefer" | "require"), Some(roots)) => {
            (SslMode::Require, Verify::Authority(roots))
        }
        (Some("verify-ca"), roots) => (
            SslMode::Require,
            Verify::Authority(roots.unwrap_or(Roots::System)),
        ),
        (Some("verify-full"), roots) => (
            SslMode::Require,
            Verify::Full(roots.unwrap_or(Roots::System)),
        ),
        (Some(other), _) => {
            return Err(PostgresError::Url {
                cause: format!(
                    "sslmode is `{other}`; it is one of disable, prefer, require, verify-ca and verify-full"
                ),
            });
        }
    })
}

/// Sets what the address does not.
fn set_defaults(config: &mut Config) {
    if config.get_application_name().is_none() {
        config.application_name("imbot");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED);
    }
    config.keepalives_idle(IDLE);
    config.keepalives_interval(IDLE / 4);
    config.keepalives_retries(3);
    // The session checks it: what the server says would be lost here if it ends the connection.
    config.target_session_attrs(TargetSessionAttrs::Any);
}

/// Returns the address without password and options, for people.
fn place(config: &Config) -> String {
    let hosts = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(index, host)| {
            let host = match host {
                Host::Tcp(host) => host.clone(),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            };
            let ports = config.get_ports();
            match ports.get(index).or_else(|| ports.first()) {
                Some(port) => format!("{host}:{port}"),
                None => host,
            }
        })
        .collect::<Vec<_>>();
    let user = config.get_user().map(|user| format!("{user}@"));
    let database = config.get_dbname().map(|name| format!("/{name}"));
    format!(
        "postgres://{}{}{}",
        user.unwrap_or_default(),
        hosts.join(","),
        database.unwrap_or_default()
    )
}

impl fmt::Display for Server {
    /// Writes the address without password and options.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl fmt::Debug for Server {
    /// Writes the address without password and options.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.place)
    }
}

#[cfg(test)]
mod tests {
    use crate::store::postgres::url::*;

    fn parse(url: &str) -> Result<Server, PostgresError> {
        Server::parse(&url.to_owned().into())
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let server = parse("postgresql://bot:s3cret@db.example:6432/bots?sslmode=disable").unwrap();
        assert_eq!(server.to_string(), "postgres://bot@db.example:6432/bots");
        let shown = format!("{server:?} {server}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn an_address_that_cannot_be_read_is_refused_without_its_password() {
        for bad in [
            "postgres://bot:s3cret@host:port/x",
            "postgres://bot:s3cret@host/x?color=red",
            "postgres://bot:s3cret@host/x?sslmode=maybe",
            "postgres://bot:s3cret@host:99999/x",
        ] {
            let error = parse(bad).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }

    #[test]
    fn the_mode_of_tls_is_that_of_libpq() {
        let file = || Roots::File("/etc/ca.pem".into());
        for (options, mode, verify) in [
            ("", SslMode::Prefer, Verify::Nothing),
            ("sslmode=disable", SslMode::Disable, Verify::Nothing),
            ("sslmode=require", SslMode::Require, Verify::Nothing),
            (
                "sslmode=require&sslrootcert=%2Fetc%2Fca.pem",
                SslMode::Require,
                Verify::Authority(file()),
            ),
            (
                "sslmode=verify-ca&sslrootcert=/etc/ca.pem",
                SslMode::Require,
                Verify::Authority(file()),
            ),
            (
                "sslmode=verify-full",
                SslMode::Require,
                Verify::Full(Roots::System),
            ),
        ] {
            let server = parse(&format!("postgres://host/x?{options}")).unwrap();
            assert_eq!(server.hosts[0].get_ssl_mode(), mode, "{options}");
            assert_eq!(server.verify, verify, "{options}");
        }
    }

    #[test]
    fn each_host_of_an_address_is_connected_to_alone() {
        let server = parse("postgres://bot:p%2Fw@one:1,two,[::1]:3/bots?options=-cx%3Dy").unwrap();
        assert_eq!(
            server.to_string(),
            "postgres://bot@one:1,two:5432,::1:3/bots"
        );
        let found: Vec<_> = server
            .hosts
            .iter()
            .map(|host| {
                assert_eq!(host.get_password(), Some(&b"p/w"[..]));
                assert_eq!(
                    (host.get_dbname(), host.get_options()),
                    (Some("bots"), Some("-cx=y"))
                );
                (host.get_hosts().to_vec(), host.get_ports().to_vec())
            })
            .collect();
        let tcp = |host: &str| vec![Host::Tcp(host.to_owned())];
        assert_eq!(
            found,
            [
                (tcp("one"), vec![1]),
                (tcp("two"), vec![5432]),
                (tcp("::1"), vec![3])
            ]
        );
        for url in [
            "postgres:///bots?host=/run/postgresql",
            "postgres://one,two/bots?host=three",
            "postgres://localhost",
        ] {
            assert_eq!(parse(url).unwrap().hosts.len(), 1, "{url}");
        }
    }
}
