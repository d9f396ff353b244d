//! When certificates end, of the portal and of our own address, is told before it happens, and why nothing passes
//! afterwards.

use std::time::Duration;

use imbot::Config;
use imbot::emulator::{Emulator, NewApp, Options};
use tempfile::TempDir;

use super::{Found, doctor, with_store};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A certificate that began a day ago and has six hours left: less than a quarter of its life.
const ENDS_SOON: Duration = Duration::from_secs(30 * 60 * 60);

/// A portal whose certificate is good for so long, from a day ago on.
async fn secure(life: Duration) -> Emulator {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        rate: None,
        tls: true,
        tls_life: life,
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

/// What the doctor finds where the portal's authority is trusted.
async fn examine(portal: &Emulator, config: Config) -> Found {
    let (mut config, folder) = with_store(config);
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, portal.authority().unwrap()).unwrap();
    config.ca_file = Some(file);
    let found = doctor(&config).await;
    drop::<TempDir>(folder);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_portal_that_ends_soon_is_told() {
    let portal = secure(365 * DAY).await;
    let found = examine(&portal, Config::polling(&portal)).await;
    found.is("certificate", "ok", "it ends in 36");
    let portal = secure(11 * DAY / 2).await;
    let found = examine(&portal, Config::polling(&portal)).await;
    found.is("certificate", "ok", "it ends in 4 d"); // and half a day
    let portal = secure(ENDS_SOON).await;
    let found = examine(&portal, Config::polling(&portal)).await;
    found
        .is("certificate", "warning", "it ends in ")
        .is("credentials", "ok", "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_our_own_address_that_ends_soon_is_told() {
    let elsewhere = secure(ENDS_SOON).await; // what answers there matters to another check
    let credentials = elsewhere.register_app(NewApp::new("bots", &elsewhere.url()));
    let config = Config::emulated(&elsewhere, &credentials, elsewhere.url());
    let found = examine(&elsewhere, config).await;
    found.is("address", "failed", "not by this program").is(
        "certificate",
        "warning",
        "it ends in ",
    );
    let fix = found.check("certificate")["fix"].to_string();
    assert!(fix.contains("no event comes"), "{fix}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_over_is_what_is_in_the_way() {
    let portal = secure(DAY / 2).await;
    let found = examine(&portal, Config::polling(&portal)).await;
    assert_eq!(found.code, Some(1));
    found.is("reached", "failed", "certificate expired");
    let fix = found.check("reached")["fix"].to_string();
    assert!(fix.contains("renew it"), "{fix}");
}
