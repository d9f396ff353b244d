//! TLS and proxies, as with a real portal, with an authority that the program is configured to
//! trust.

use std::sync::Arc;

use imbot::Config;
use imbot::emulator::{Emulator, NewApp, Options};
use imbot::prelude::*;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::stage::{ANN, Desk, Echo, PATIENCE, POLL, serve_in_background};

async fn portal(options: Options) -> Emulator {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        ..options
    };
    Emulator::start(options).await.unwrap()
}

/// Trusts the portal's authority, by a file.
fn trusting(mut config: Config, portal: &Emulator, folder: &TempDir) -> Config {
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, portal.authority().unwrap()).unwrap();
    config.ca_file = Some(file);
    (config.poll_quick, config.poll_slow) = (POLL, POLL);
    config
}

async fn polling(portal: Emulator, config: &Config) -> Desk {
    let engine = App::new().bot(Echo).engine(config).unwrap();
    engine.start().await.unwrap();
    let refused = engine.reconcile().await;
    assert!(refused.is_empty(), "{refused:?}");
    let portal = Arc::new(portal);
    Desk { portal, engine }
}

async fn answers(desk: &Desk) {
    desk.write("echo", "hi");
    desk.receives("echo", &["hi"]).await;
}

#[tokio::test]
async fn a_bot_polls_over_tls_if_the_authority_is_trusted() {
    let folder = TempDir::new().unwrap();
    let secure = Options {
        tls: true,
        ..Options::default()
    };
    let portal = portal(secure).await;
    let config = trusting(Config::polling(&portal), &portal, &folder);
    assert!(portal.webhook_url().starts_with("https://"));
    answers(&polling(portal, &config).await).await;
}

#[tokio::test]
async fn an_untrusted_authority_is_reported_with_the_flag_for_it() {
    let secure = Options {
        tls: true,
        ..Options::default()
    };
    let portal = portal(secure).await;
    let config = Config::polling(&portal);
    let engine = App::new().bot(Echo).engine(&config).unwrap();
    engine.load_portals().await.unwrap();
    let known = engine.portal(&engine.portals()[0]).unwrap();
    let error = known.find_bot("echo").await.unwrap_err();
    assert!(error.may_pass_later() && !error.may_have_run(), "{error}");
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        text.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(text.to_lowercase().contains("certificate"), "{text}");
    assert!(error.to_string().contains("--ca-file"), "{error}");
}

#[tokio::test]
async fn a_file_without_certificates_is_reported() {
    let folder = TempDir::new().unwrap();
    let mut config = Config::default();
    config.portal = vec!["https://example.bitrix24.com/rest/1/abc/".to_owned().into()];
    config.ca_file = Some(folder.path().join("missing.pem"));
    let missing = App::new()
        .bot(Echo)
        .engine(&config)
        .unwrap_err()
        .to_string();
    assert!(missing.contains("ca_file"), "{missing}");
    std::fs::write(folder.path().join("missing.pem"), "nothing").unwrap();
    let empty = App::new()
        .bot(Echo)
        .engine(&config)
        .unwrap_err()
        .to_string();
    assert!(empty.contains("no certificate"), "{empty}");
}

#[tokio::test]
async fn a_portal_is_called_by_its_public_name_through_a_proxy() {
    let folder = TempDir::new().unwrap();
    let public = Options {
        proxy: true,
        ..Options::default()
    };
    let portal = portal(public).await;
    let mut config = trusting(Config::polling(&portal), &portal, &folder);
    assert!(
        portal
            .webhook_url()
            .starts_with("https://demo.bitrix24.test/")
    );
    config.allow_host.clear(); // nothing is called except through the proxy
    config.proxy = Some(format!("http://{}", portal.address()).into());
    answers(&polling(portal, &config).await).await;
}

#[tokio::test]
async fn an_application_works_through_a_proxy() {
    let folder = TempDir::new().unwrap();
    let public = Options {
        proxy: true,
        ..Options::default()
    };
    let portal = portal(public).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handler = format!("http://{}/", listener.local_addr().unwrap());
    let credentials = portal.register_app(NewApp::new("bots", &handler));
    let mut config = trusting(
        Config::emulated(&portal, &credentials, &handler),
        &portal,
        &folder,
    );
    config.allow_host.clear();
    config.proxy = Some(format!("http://{}", portal.address()).into());
    let engine = App::new().bot(Echo).engine(&config).unwrap();
    serve_in_background(&engine, listener);
    portal.install(&credentials.client_id).await.unwrap();
    tokio::time::timeout(PATIENCE, engine.until_set_up(1))
        .await
        .expect("set up in time");
    let known = engine.portal(&engine.portals()[0]).unwrap();
    assert_eq!(known.endpoint(), "https://demo.bitrix24.test/rest/");
    let desk = Desk {
        portal: Arc::new(portal),
        engine,
    };
    answers(&desk).await;
    assert!(desk.portal.send(ANN, &desk.dialog("echo"), "bye").is_ok());
}
