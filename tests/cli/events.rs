//! `events`: the catalogue, where each event is bound, and how often it has arrived.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use imbot::emulator::{Emulator, NewApp, Options};
use imbot::event::UserId;
use imbot::portal::Binding;
use imbot::prelude::{HookEvent, Result};
use imbot::store::{Arrived, Key, Operator, Sqlite, Store, Time};
use imbot::{App, Config};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{bots, text};

const AT: Time = Time(1_771_940_028_000);

/// Runs a command that must succeed. Returns its output and its log.
fn prints(command: &mut Command) -> (String, String) {
    let output = command.output().unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    (out, err)
}

fn arrived(name: &str, count: u64) -> Vec<Arrived> {
    let name = name.to_owned();
    let last = AT;
    vec![Arrived { name, count, last }]
}

/// Returns a folder with a store, and the store, opened as by the running program.
fn with_store() -> (TempDir, Sqlite) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("imbot.db");
    let key = Key::of(&file, folder.path().join("imbot.db.key")).unwrap();
    let store = Sqlite::open(&file, &key).unwrap();
    (folder, store)
}

#[test]
fn the_catalogue_is_filtered_by_name_and_category_and_needs_no_portal() {
    let folder = TempDir::new().unwrap();
    let list = |args: &[&str]| {
        let mut command = bots();
        prints(command.current_dir(folder.path()).arg("events").args(args))
    };
    let (all, log) = list(&[]);
    assert!(all.lines().count() > 200);
    assert!(
        log.contains("the list of bindings is unknown: no portal is configured"),
        "{log}"
    );
    let (tasks, _) = list(&["ontask*", "--category", "Tasks"]);
    assert_eq!(tasks.lines().count(), 6);
    assert!(
        tasks.starts_with(
            "ONTASKADD                              tasks        webhook  task created\n"
        ),
        "{tasks}"
    );
    assert_eq!(list(&["ONTASKADD", "--category", "crm"]).0, "");
    let (deal, _) = list(&["--json", "onCrmDealAdd"]);
    let deal: Value = serde_json::from_str(&deal).unwrap();
    let expected = json!({
        "event": "ONCRMDEALADD", "category": "crm", "scope": "crm", "by_webhook": true, "about": "deal created", "bound": [],
        "arrived": null,
    });
    assert_eq!(deal, expected);
}

#[test]
fn the_error_of_an_unknown_category_lists_the_known_ones() {
    let output = bots()
        .args(["events", "--category", "weather"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("calendar, catalog"),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_and_counts_are_listed() {
    async fn nothing(_: HookEvent) -> Result {
        Ok(())
    }
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        ..Options::default()
    };
    let portal = Emulator::start(options).await.unwrap();
    let (folder, store) = with_store();
    let store: Arc<dyn Store> = Arc::new(store);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handler = format!("http://{}/", listener.local_addr().unwrap());
    let credentials = portal.register_app(NewApp::new("bots", &handler));
    let config = Config::emulated(&portal, &credentials, &handler);
    let app = App::new()
        .hook_as(UserId(1), "ONCRMDEALADD", nothing)
        .offline_hook("ONTASKADD", nothing);
    let engine = app
        .shared_store(Arc::clone(&store))
        .engine(&config)
        .unwrap();
    let served = imbot::serve::run(
        imbot::serve::endpoint(Arc::clone(&engine)),
        listener,
        std::future::pending(),
        std::time::Duration::ZERO,
    );
    tokio::spawn(served);
    portal.install(&credentials.client_id).await.unwrap();
    engine.until_set_up(1).await;
    let client = engine.portal(&engine.portals()[0]).unwrap();
    let other = Binding::online("ONTASKADD", "https://shop.example.com/?key=hidden");
    assert!(client.bind(&[other]).await.unwrap().is_empty());
    store.arrived(arrived("ONCRMDEALADD", 12)).await.unwrap();
    store.arrived(arrived("ONSOMETHINGNEW", 1)).await.unwrap();

    let mut command = bots();
    command
        .current_dir(folder.path())
        .args(["events", "ONCRMDEALADD", "ONTASKADD", "ONSOMETHINGNEW"])
        .env("IMBOT_CLIENT_ID", &credentials.client_id)
        .env("IMBOT_CLIENT_SECRET", &credentials.client_secret)
        .env("IMBOT_PUBLIC_URL", &handler)
        .env("IMBOT_OAUTH_URL", portal.oauth_url())
        .env("IMBOT_ALLOW_HOST", portal.address().to_string());
    let (list, _) = tokio::task::spawn_blocking(move || prints(&mut command))
        .await
        .unwrap();
    let id = &engine.portals()[0];
    let expected = [
        "ONCRMDEALADD                           crm          webhook  deal created".to_owned(),
        format!("    bound on {id} to {handler}, as user 1"),
        "    arrived 12×, last 2026-02-24T13:33:48.000Z".to_owned(),
        "ONSOMETHINGNEW                         unknown      ?        not in the catalogue"
            .to_owned(),
        "    arrived 1×, last 2026-02-24T13:33:48.000Z".to_owned(),
        "ONTASKADD                              tasks        webhook  task created".to_owned(),
        format!("    bound on {id}, kept until this program fetches it"),
        format!(
            "    bound on {id} to https://shop.example.com/ (another program), as the user who caused it"
        ),
    ];
    assert_eq!(list.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_prints_only_new_events() {
    let (folder, store) = with_store();
    store.arrived(arrived("ONCRMDEALADD", 5)).await.unwrap();
    let mut child = bots()
        .current_dir(folder.path())
        .args(["events", "--follow", "--json", "ONCRM*"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let first =
        tokio::task::spawn_blocking(|| BufReader::new(out).lines().next().unwrap().unwrap());
    // What arrives before the command's first read is not printed, so this repeats until it prints.
    while !first.is_finished() {
        store.arrived(arrived("ONTASKADD", 1)).await.unwrap();
        store.arrived(arrived("ONCRMDEALADD", 1)).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let line: Value = serde_json::from_str(&first.await.unwrap()).unwrap();
    assert_eq!(line["event"], "ONCRMDEALADD", "tasks are filtered out");
    assert!(
        line["more"].as_u64() >= Some(1) && line["count"].as_u64() > Some(5),
        "{line}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
