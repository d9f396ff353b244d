//! Certificates of the portal and of the program's own address: a warning before they expire, a
//! failure afterwards.

use std::time::Duration;

use imbot::Config;
use imbot::emulator::{Emulator, NewApp, Options};
use tempfile::TempDir;

use super::{Findings, doctor, with_store};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The validity of a certificate that began a day ago and expires in six hours, which is less than
/// a quarter of it.
const EXPIRES_SOON: Duration = Duration::from_secs(30 * 60 * 60);

/// Starts a portal with a certificate of this validity, which began a day ago.
async fn secure(validity: Duration) -> Emulator {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        rate: None,
        tls: true,
        tls_life: validity,
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

/// Runs the doctor with the portal's authority as a trusted one.
async fn examine(portal: &Emulator, config: Config) -> Findings {
    let (mut config, folder) = with_store(config);
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, portal.authority().unwrap()).unwrap();
    config.ca_file = Some(file);
    let findings = doctor(&config).await;
    drop::<TempDir>(folder);
    findings
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_certificate_that_expires_soon_is_a_warning() {
    let portal = secure(365 * DAY).await;
    let findings = examine(&portal, Config::polling(&portal)).await;
    findings.is("certificate", "ok", "it expires in 36");
    let portal = secure(11 * DAY / 2).await;
    let findings = examine(&portal, Config::polling(&portal)).await;
    findings.is("certificate", "ok", "it expires in 4 d"); // and half a day
    let portal = secure(EXPIRES_SOON).await;
    let findings = examine(&portal, Config::polling(&portal)).await;
    findings
        .is("certificate", "warning", "it expires in ")
        .is("credentials", "ok", "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_own_address_that_expires_soon_is_a_warning() {
    let other = secure(EXPIRES_SOON).await; // another program answers there, which fails another check
    let credentials = other.register_app(NewApp::new("bots", &other.url()));
    let config = Config::emulated(&other, &credentials, other.url());
    let findings = examine(&other, config).await;
    findings.is("address", "failed", "not by this program").is(
        "certificate",
        "warning",
        "it expires in ",
    );
    findings.advises("certificate", "no events arrive");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_fails_the_connection() {
    let portal = secure(DAY / 2).await;
    let findings = examine(&portal, Config::polling(&portal)).await;
    assert_eq!(findings.exit_code, Some(1));
    findings.is("reached", "failed", "certificate expired");
    findings.advises("reached", "renew it");
}
