//! PgBouncer in front of a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use secrecy::SecretString;

use super::postgres::{Cluster, as_owner, free_port, give, is_root, new_folder};

/// Where Debian's package has it.
const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// A pooler, which ends with this program.
#[derive(Debug)]
pub(crate) struct Pooler {
    folder: PathBuf,
    port: u16,
    /// Ends the pooler when its input ends.
    guard: Child,
}

impl Pooler {
    /// Starts a pooler with more settings, such as `pool_mode = session`.
    ///
    /// # Panics
    /// PgBouncer is not installed, or does not start.
    pub(crate) fn start(cluster: &Cluster, settings: &str) -> Self {
        let advice = "PgBouncer is missing: run `tests/postgres/install`, or leave its tests out \
                      with IMBOT_TEST_POSTGRES=skip";
        assert!(Path::new(PROGRAM).exists(), "{advice}");
        let (folder, port) = (new_folder(), free_port());
        let file = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=imbot\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\nlogfile = {}\n{settings}\n",
            cluster.port(),
            folder.join("log").display()
        );
        fs::write(&file, text).unwrap();
        if is_root() {
            give(&file);
        }
        let script = r#"
            trap '' INT TERM HUP
            "$1" -q "$2/pgbouncer.ini" &
            read -r _
            kill -9 "$!"
            wait
            rm -rf "$2"
        "#;
        let mut command = as_owner(Path::new("sh"));
        command
            .args(["-c", script, "sh", PROGRAM])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let pooler = Self {
            guard: command.spawn().unwrap(),
            folder,
            port,
        };
        pooler.until_it_listens();
        pooler
    }

    fn until_it_listens(&self) {
        for _ in 0..1_000 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(self.folder.join("log"));
        panic!("PgBouncer does not listen: {log:?}");
    }

    /// Returns the address of a database through the pooler, with these options.
    pub(crate) fn url(&self, database: &str, options: &str) -> SecretString {
        let port = self.port;
        format!("postgres://imbot@127.0.0.1:{port}/{database}?{options}").into()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait(); // it has stopped the pooler
    }
}
