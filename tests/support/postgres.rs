//! PostgreSQL servers for tests, each in a folder of its own.
//!
//! [`shared`] is one server for all tests of a program; each test has a schema of its own in it. A
//! server ends with the program, also if that is killed: a shell waits for the end of a pipe that
//! only the program holds, stops the server and removes its folder.
//!
//! `initdb` refuses to work as root. There, servers run as the user `postgres` of the system's
//! package.

use std::env;
use std::fs::{self, Permissions};
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use imbot::store::{Key, Postgres, PostgresError};
use secrecy::SecretString;
use tempfile::TempDir;

/// The superuser of the servers.
const USER: &str = "imbot";

/// How the files of a server are made.
const INITDB: &[&str] = &["-N", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C"];

/// The settings of a server: small, and durable like a real one.
const SETTINGS: &str = "max_connections = 200\nshared_buffers = 64MB\nautovacuum_naptime = 5s\n";

/// Returns the server that the tests of this program share. Returns `None` if
/// `IMBOT_TEST_POSTGRES=skip` is set.
pub(crate) fn shared() -> Option<&'static Cluster> {
    static SHARED: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(""));
    is_wanted().then(|| &*SHARED)
}

/// Returns true unless `IMBOT_TEST_POSTGRES=skip` is set.
#[expect(clippy::print_stdout, reason = "a test that is left out says so")]
pub(crate) fn is_wanted() -> bool {
    let is_skipped = env::var("IMBOT_TEST_POSTGRES").is_ok_and(|value| value == "skip");
    if is_skipped {
        println!("skipped: IMBOT_TEST_POSTGRES=skip is set");
    }
    !is_skipped
}

/// A PostgreSQL server.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
    /// Variables of the environment of the server.
    environment: Vec<(String, String)>,
    /// Ends the server when its input ends.
    guard: Child,
}

impl Cluster {
    /// Starts a server with more settings.
    ///
    /// # Panics
    /// PostgreSQL is not installed, or does not start.
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_with(new_folder(), &[], &[], settings)
    }

    /// The same in a new folder, with more options of `initdb` and variables of the environment.
    pub(crate) fn start_with(
        folder: PathBuf,
        options: &[&str],
        environment: &[(&str, &str)],
        settings: &str,
    ) -> Self {
        let data = folder.join("data");
        let data = ["-D", data.to_str().unwrap()];
        run("initdb", &[INITDB, &data, options].concat());
        Self::start_in(folder, environment, settings)
    }

    /// Starts a standby of this server with this name. Returns when it has caught up. From then
    /// on, commits wait for it.
    pub(crate) fn standby(&self, name: &str) -> Self {
        let folder = new_folder();
        let data = folder.join("data");
        let (data, port) = (data.to_str().unwrap(), self.port.to_string());
        let of = ["-h", "127.0.0.1", "-p", &port, "-U", USER, "-D", data];
        let how = ["--no-sync", "-c", "fast", "-X", "stream", "-R"];
        run("pg_basebackup", &[&of[..], &how].concat());
        let standby = Self::start_in(folder, &[], &format!("cluster_name = '{name}'"));
        self.set("synchronous_standby_names", name);
        let mut tries = 0;
        while self.sql("SELECT sync_state FROM pg_stat_replication") != "sync" {
            tries += 1;
            assert!(tries < 1_000, "the standby is not in step");
            std::thread::sleep(Duration::from_millis(20));
        }
        standby
    }

    /// Starts the server whose files are in this folder.
    fn start_in(folder: PathBuf, environment: &[(&str, &str)], settings: &str) -> Self {
        let port = free_port();
        let place = folder.display();
        let settings = format!(
            "{SETTINGS}listen_addresses = '127.0.0.1'\nport = {port}\n\
             unix_socket_directories = '{place}'\n{settings}\n"
        );
        append(&folder.join("data/postgresql.conf"), &settings);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let cluster = Self {
            guard: guard(&folder),
            folder,
            port,
            environment: environment.iter().map(owned).collect(),
        };
        cluster.control(&["start"]);
        cluster
    }

    /// Changes a setting that needs no restart. An empty value is the default.
    pub(crate) fn set(&self, setting: &str, value: &str) {
        let change = match value {
            "" => format!("ALTER SYSTEM RESET {setting}"),
            _ => format!("ALTER SYSTEM SET {setting} = '{value}'"),
        };
        self.sql(&change);
        self.sql("SELECT pg_reload_conf()");
    }

    /// Runs `pg_ctl` with these arguments and waits for its end.
    ///
    /// # Panics
    /// It fails.
    pub(crate) fn control(&self, arguments: &[&str]) {
        let data = self.data();
        let log = self.folder.join("log");
        let fixed = [
            "-D",
            data.to_str().unwrap(),
            "-l",
            log.to_str().unwrap(),
            "-w",
            "-s",
        ];
        let all: Vec<&str> = arguments.iter().copied().chain(fixed).collect();
        // Only the server gets its environment, not the program that changes the user.
        let mut command = as_owner(Path::new("/usr/bin/env"));
        for (name, value) in &self.environment {
            command.arg(format!("{name}={value}"));
        }
        command.arg(programs().join("pg_ctl")).args(&all);
        ran(command).unwrap_or_else(|text| panic!("pg_ctl {all:?}: {text}"));
    }

    /// Ends all processes of the server at once and starts it again, as after a crash.
    pub(crate) fn crash(&self) {
        self.control(&["restart", "-m", "immediate"]);
    }

    /// Returns the folder of the server's files.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Returns the folder of the server's socket and data.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file of the server, which only its user may read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        if is_root() {
            give(&path);
        }
    }

    /// Returns the TCP port of the server.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Creates an empty schema.
    pub(crate) fn schema(&self) -> Schema<'_> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", LAST.fetch_add(1, Ordering::Relaxed) + 1);
        let schema = Schema {
            cluster: self,
            name,
            key: Key::random(),
        };
        self.sql(&format!("CREATE SCHEMA {}", schema.name));
        schema
    }

    /// Runs SQL as the superuser. Returns the rows without headers, with `|` between columns.
    ///
    /// # Panics
    /// It fails.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let output = self.try_sql(sql);
        output.unwrap_or_else(|text| panic!("{sql}: {text}"))
    }

    /// The same. Returns what it prints as the error if it fails.
    pub(crate) fn try_sql(&self, sql: &str) -> Result<String, String> {
        let mut command = as_owner(&programs().join("psql"));
        let port = self.port.to_string();
        command
            .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1"])
            .args(["-p", &port, "-U", USER, "-d", "postgres", "-c", sql, "-h"])
            .arg(&self.folder);
        Ok(ran(command)?.trim().to_owned())
    }

    /// Returns the address of the server's database, with these options.
    pub(crate) fn url(&self, options: &str) -> SecretString {
        format!(
            "postgres://{USER}@127.0.0.1:{}/postgres?{options}",
            self.port
        )
        .into()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait(); // it has stopped the server
    }
}

/// A schema for one store.
#[derive(Debug)]
pub(crate) struct Schema<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) name: String,
    pub(crate) key: Key,
}

impl Schema<'_> {
    /// Returns the address of this schema.
    pub(crate) fn url(&self) -> SecretString {
        self.cluster
            .url(&format!("options=-c%20search_path%3D{}", self.name))
    }

    /// Returns the address of this schema through a proxy at another port.
    pub(crate) fn url_at(&self, port: u16) -> SecretString {
        self.url_of(&[port])
    }

    /// Returns the address of this schema on several ports of this machine.
    pub(crate) fn url_of(&self, ports: &[u16]) -> SecretString {
        let hosts: Vec<_> = ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let own = format!("127.0.0.1:{}/", self.cluster.port);
        let url = secrecy::ExposeSecret::expose_secret(&self.url())
            .replace(&own, &format!("{}/", hosts.join(",")));
        url.into()
    }

    /// Opens the store.
    pub(crate) fn try_open(&self) -> Result<Postgres, PostgresError> {
        Postgres::open(&self.url(), std::slice::from_ref(&self.key))
    }

    /// Runs SQL in this schema. Returns the rows without headers, with `|` between columns.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.cluster
            .sql(&format!("SET search_path = {}; {sql}", self.name))
    }
}

/// Returns a new folder for the files of a server.
pub(crate) fn new_folder() -> PathBuf {
    let folder = TempDir::with_prefix("imbot-postgres-").unwrap().keep();
    if is_root() {
        give(&folder);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// Makes the servers' user the owner of a file.
pub(crate) fn give(path: &Path) {
    let owner = Command::new("chown").arg("postgres").arg(path).status();
    assert!(owner.unwrap().success(), "the user postgres is missing");
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn append(path: &Path, text: &str) {
    let mut all = fs::read_to_string(path).unwrap();
    all.push_str(text);
    fs::write(path, all).unwrap(); // keeps the owner
}

/// Returns the folder of PostgreSQL's programs.
fn programs() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<PathBuf> = debian
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    versions.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    let found = versions
        .into_iter()
        .rev()
        .chain(env::split_paths(&path))
        .find(|folder| folder.join("initdb").exists());
    found.expect(
        "PostgreSQL is missing: run `tests/postgres/install`, or leave its tests out with \
         IMBOT_TEST_POSTGRES=skip",
    )
}

/// Returns a command that runs as the owner of the servers.
pub(crate) fn as_owner(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "--",
        ]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

/// Runs one of PostgreSQL's programs.
fn run(program: &str, arguments: &[&str]) {
    let mut command = as_owner(&programs().join(program));
    command.args(arguments);
    ran(command).unwrap_or_else(|text| panic!("{program} {arguments:?}: {text}"));
}

/// Runs a command. Returns what it prints.
fn ran(mut command: Command) -> Result<String, String> {
    // A server that this starts must not hold our pipes open, so the output goes to files.
    let output = tempfile::NamedTempFile::new().unwrap();
    let (out, errors) = (output.reopen().unwrap(), output.reopen().unwrap());
    let status = command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .status()
        .unwrap();
    let mut text = String::new();
    output.reopen().unwrap().read_to_string(&mut text).unwrap();
    if status.success() {
        Ok(text)
    } else {
        Err(text)
    }
}

/// Starts the shell that ends a server when this program ends.
fn guard(folder: &Path) -> Child {
    let script = r#"
        trap '' INT TERM HUP
        read -r _
        "$1/pg_ctl" -D "$2/data" -m immediate -w -s stop
        # Its processes may end a moment later, and write until then.
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            rm -rf "$2"/* && rmdir "$2" && break
            sleep 0.2
        done
    "#;
    let mut command = as_owner(Path::new("sh"));
    command
        .args(["-c", script, "sh"])
        .arg(programs())
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().unwrap()
}
