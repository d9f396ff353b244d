//! A Chromium for one test, with its own profile. Both are removed when the test ends or panics.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

const MISSING: &str = "Chromium or its chromedriver is missing: run tests/run, which installs them";
const DRIVER: &str = "chromedriver";
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", // nothing leaves this machine
];

/// A running Chromium and its driver.
pub(super) struct Chromium {
    driver: Child,
    port: u16,
    profile: PathBuf,
}

/// Whether browser tests are skipped.
pub(super) fn is_skipped() -> bool {
    let is_skipped = std::env::var("IMBOT_TEST_BROWSER").is_ok_and(|wish| wish == "skip");
    if is_skipped {
        // Not through the test harness, which would show it only if the test failed.
        writeln!(std::io::stderr(), "skipped, as IMBOT_TEST_BROWSER asks").ok();
    }
    is_skipped
}

impl Chromium {
    /// Starts a driver on a free port, and a Chromium with a window of this size.
    pub(super) async fn start(width: u32, height: u32) -> (Chromium, Client) {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let profile = format!("imbot-chromium-{}-{number}", std::process::id());
        let profile = std::env::temp_dir().join(profile);
        let (driver, port) = start_driver();
        let chromium = Chromium {
            driver,
            port,
            profile,
        };
        let capabilities = chromium.capabilities(width, height);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().expect("a map").clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a Chromium");
        (chromium, client)
    }

    fn capabilities(&self, width: u32, height: u32) -> Value {
        let own = [
            format!("--user-data-dir={}", self.profile.display()),
            format!("--window-size={width},{height}"),
        ];
        let flags = FLAGS.iter().map(|flag| (*flag).to_owned()).chain(own);
        let flags: Vec<String> = flags.collect();
        json!({ "goog:chromeOptions": { "binary": browser(), "args": flags } })
    }
}

/// Starts the driver and returns the port it has chosen. It uses the same port for IPv4 and IPv6,
/// and exits if another driver already has one of them.
fn start_driver() -> (Child, u16) {
    const TRIES: usize = 5;
    (0..TRIES)
        .find_map(|_| try_driver())
        .expect("the driver tells its port")
}

fn try_driver() -> Option<(Child, u16)> {
    let mut driver = Command::new(DRIVER)
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect(MISSING);
    let lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
    let port = lines.map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    if port.is_none() {
        driver.wait().ok();
    }
    port.map(|port| (driver, port))
}

fn browser() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = BROWSERS
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places
        .into_iter()
        .find(|place| place.exists())
        .expect(MISSING)
}

impl Drop for Chromium {
    /// Asks the driver to stop Chromium and itself; a test that panicked cannot await a future.
    fn drop(&mut self) {
        if let Ok(mut driver) = TcpStream::connect(("127.0.0.1", self.port)) {
            let asks = b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
            driver.set_read_timeout(Some(Duration::from_secs(60))).ok();
            driver.write_all(asks).ok();
            driver.read_to_end(&mut Vec::new()).ok();
        }
        self.driver.kill().ok();
        self.driver.wait().ok();
        std::fs::remove_dir_all(&self.profile).ok();
    }
}
