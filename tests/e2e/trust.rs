//! What strangers and ordinary people of a portal can and cannot do: each person who opens the
//! application gets tokens of their own, and the application's token.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::emulator::{Credentials, NewApp};
use imbot::engine::InstallClaim;
use imbot::event::MemberId;
use imbot::prelude::*;
use imbot::store::Installation;
use poem::{Request, Response, Server};
use reqwest::Client;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::stage::{ANN, Echo, Setup, portal, serve_in_background, until};

/// A person who is not an administrator at first.
const BORIS: u64 = 2;
/// A person who never is an administrator.
const CLARA: u64 = 3;

/// The fields that the portal posts into the frame when a person opens the application.
pub(super) async fn frame(setup: &Setup, user: u64) -> HashMap<String, String> {
    frame_at(
        setup,
        &format!("client_id={}&as={user}", setup.credentials.client_id),
    )
    .await
}

pub(super) async fn frame_at(setup: &Setup, query: &str) -> HashMap<String, String> {
    let origin = setup.portal.oauth_url();
    let page = reqwest::get(format!("{origin}/emulator/frame?{query}"));
    let page = page.await.unwrap().text().await.unwrap();
    let fields = page.split("<input type=\"hidden\" name=\"").skip(1);
    let read = |field: &str| {
        let (name, rest) = field.split_once("\" value=\"")?;
        let value = rest.split_once("\">")?.0.replace("&quot;", "\"");
        Some((name.to_owned(), value.replace("&amp;", "&")))
    };
    fields.filter_map(read).collect()
}

async fn installation(setup: &Setup) -> Installation {
    setup.engine.store().portals().await.unwrap().remove(0)
}

/// Posts a form, and returns status and body.
async fn post(address: &str, form: &[(&str, &str)]) -> (u16, String) {
    let answer = Client::new().post(address).form(form).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The application still answers, with the token that it was installed with.
async fn still_works(setup: &Setup, before: &Installation) {
    let now = installation(setup).await;
    assert_eq!(
        now.application_token.expose_secret(),
        before.application_token.expose_secret()
    );
    assert!(now.access.is_same(&before.access), "the tokens are kept");
    let said = format!("hi {}", setup.messages_of("echo").len());
    setup.write("echo", &said);
    until("the answer", || {
        let last = setup.messages_of("echo").pop();
        last.is_some_and(|last| last["text"] == said)
    })
    .await;
}

#[tokio::test]
async fn an_ordinary_person_cannot_replace_an_installation() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let before = installation(&setup).await;
    for user in [CLARA, BORIS] {
        let fields = frame(&setup, user).await;
        let (member_id, genuine) = (&*fields["member_id"], &*fields["APPLICATION_TOKEN"]);
        for token in ["a token of their choice", genuine] {
            let claim = [
                ("member_id", member_id),
                ("REFRESH_ID", &frame(&setup, user).await["REFRESH_ID"]),
                ("APPLICATION_TOKEN", token),
            ];
            let (status, page) = post(&format!("{}install", setup.handler), &claim).await;
            assert_eq!(status, 403, "{page}");
            let event = [
                ("event", "ONAPPINSTALL"),
                ("data[VERSION]", "1"),
                ("auth[member_id]", member_id),
                (
                    "auth[refresh_token]",
                    &frame(&setup, user).await["REFRESH_ID"],
                ),
                ("auth[application_token]", token),
                ("ts", "4102444800"),
            ];
            assert_eq!(post(&setup.handler, &event).await.0, 403);
            let update = [("event", "ONAPPUPDATE")];
            let update = [&update[..], &event[1..3]].concat();
            assert_eq!(post(&setup.handler, &update).await.0, 403);
        }
    }
    still_works(&setup, &before).await;
    let forged = json!({
        "event": "ONCRMDEALADD",
        "auth": { "member_id": before.portal, "application_token": "a token of their choice" },
    });
    assert_eq!(setup.post(&forged).await, 403);
}

#[tokio::test]
async fn another_administrator_replaces_an_installation() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    setup.portal.make_admin(BORIS).unwrap();
    let fields = frame(&setup, BORIS).await;
    let claim = [
        ("member_id", &*fields["member_id"]),
        ("REFRESH_ID", &fields["REFRESH_ID"]),
        ("APPLICATION_TOKEN", &fields["APPLICATION_TOKEN"]),
    ];
    let (status, page) = post(&format!("{}install?LANG=en", setup.handler), &claim).await;
    assert_eq!(status, 200);
    assert!(page.contains("being installed"), "{page}");
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let profile: Value = portal.call("profile", &json!({})).await.unwrap();
    assert_eq!(profile["ID"], BORIS.to_string());
    setup.write("echo", "hi");
    setup.receives("echo", &["hi"]).await;
}

#[tokio::test]
async fn an_ordinary_person_cannot_make_the_first_installation_either() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    // Another program of the application, which lost its store.
    let engine = App::new().bot(Echo).engine(&setup.config()).unwrap();
    let fields = frame(&setup, CLARA).await;
    let claim = InstallClaim::new(
        MemberId::new(fields["member_id"].clone()),
        "a token of their choice".into(),
        fields["REFRESH_ID"].as_str().into(),
    );
    engine.install(claim).await.unwrap_err();
    assert!(engine.portals().is_empty());
    assert!(engine.store().portals().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_installation_stays_in_force_until_the_portal_was_asked() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let before = installation(&setup).await;
    let fields = frame(&setup, ANN).await;
    let claim = [
        ("member_id", &*fields["member_id"]),
        ("REFRESH_ID", &fields["REFRESH_ID"]),
        ("APPLICATION_TOKEN", "another token"),
    ];
    setup.portal.refuse(5, 503, "INTERNAL_SERVER_ERROR");
    let (status, page) = post(&format!("{}install", setup.handler), &claim).await;
    assert_eq!(status, 503, "{page}");
    still_works(&setup, &before).await;
}

#[tokio::test]
async fn an_installation_is_proven_once_the_portal_takes_calls_again() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let fields = frame(&setup, ANN).await;
    let claim = [
        ("member_id", &*fields["member_id"]),
        ("REFRESH_ID", &fields["REFRESH_ID"]),
        ("APPLICATION_TOKEN", &fields["APPLICATION_TOKEN"]),
    ];
    setup.portal.refuse(4, 503, "QUERY_LIMIT_EXCEEDED");
    let (status, page) = post(&format!("{}install", setup.handler), &claim).await;
    assert_eq!(status, 200, "{page}");
}

#[tokio::test]
async fn refused_and_impossible_refresh_tokens_cost_no_further_calls() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let address = format!("{}install", setup.handler);
    let member_id = setup.engine.portals()[0].to_string();
    let calls = || setup.traffic("oauth/token").len();
    let before = calls();
    let long = "a".repeat(5_000);
    for token in [
        "bogus",
        "with spaces and enough letters",
        "<script>0123456789",
        &long,
    ] {
        let claim = [
            ("member_id", &*member_id),
            ("REFRESH_ID", token),
            ("APPLICATION_TOKEN", "x"),
        ];
        assert_eq!(post(&address, &claim).await.0, 403, "{token}");
    }
    assert_eq!(calls(), before);
    let clara = frame(&setup, CLARA).await["REFRESH_ID"].clone();
    for token in ["0123456789abcdef0123456789abcdef", &clara] {
        for _ in 0..5 {
            let claim = [
                ("member_id", &*member_id),
                ("REFRESH_ID", token),
                ("APPLICATION_TOKEN", "x"),
            ];
            assert_eq!(post(&address, &claim).await.0, 403, "{token}");
        }
    }
    assert_eq!(calls(), before + 2);
}

#[tokio::test]
async fn a_forged_uninstallation_removes_nothing_and_reaches_no_hook() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let app = App::new()
        .bot(Echo)
        .hook("ONAPPUNINSTALL", move |_: HookEvent| {
            count.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok(()))
        });
    let setup = Setup::installed(app).await;
    let before = installation(&setup).await;
    let fields = frame(&setup, CLARA).await;
    let later = (before.installed_at.unwrap() + 1_000).to_string();
    for ts in [("ts", &*later), ("x", "without a time")] {
        let event = [
            ("event", "ONAPPUNINSTALL"),
            ("data[CLEAN]", "1"),
            ("auth[member_id]", &*fields["member_id"]),
            ("auth[application_token]", &fields["APPLICATION_TOKEN"]),
            ts,
        ];
        assert_eq!(post(&setup.handler, &event).await.0, 200);
        setup.settles().await;
    }
    still_works(&setup, &before).await;
    assert_eq!(seen.load(Ordering::Relaxed), 0);
    let client_id = setup.credentials.client_id.clone();
    setup.portal.uninstall(&client_id, true).unwrap();
    until("the hook", || seen.load(Ordering::Relaxed) == 1).await;
    until("the portal to be removed", || {
        setup.engine.portals().is_empty()
    })
    .await;
}

#[tokio::test]
async fn an_uninstallation_waits_while_the_portal_cannot_be_asked() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    setup.portal.refuse(1, 503, "INTERNAL_SERVER_ERROR");
    let client_id = setup.credentials.client_id.clone();
    let failed = setup.engine.counts().failed.get();
    setup.portal.uninstall(&client_id, false).unwrap();
    until("the portal to be removed", || {
        setup.engine.portals().is_empty()
    })
    .await;
    assert_eq!(setup.engine.counts().failed.get(), failed + 1);
    assert!(setup.engine.store().portals().await.unwrap().is_empty());
}

#[tokio::test]
async fn payments_get_the_same_answer_for_every_portal_before_any_portal_is_asked() {
    let setup = Setup::installed(App::new()).await;
    let member_id = setup.engine.portals()[0].to_string();
    let host = setup.portal.oauth_url().replace("http://", "");
    let asked = || setup.traffic("app.info").len();
    let before = asked();
    // The portal hangs: an answer that waited for it would never come.
    setup
        .portal
        .delay_answers(1_000, Duration::from_secs(24 * 60 * 60));
    let mut answers = Vec::new();
    for (key, portal) in [
        ("auth[member_id]", &*member_id),
        ("auth[domain]", &host),
        ("auth[member_id]", "0123456789abcdef0123456789abcdee"),
        ("auth[domain]", "other.bitrix24.com"),
        ("auth[x]", ""),
    ] {
        for status in ["P", "L", "PAID", ""] {
            let event = [
                ("event", "ONAPPPAYMENT"),
                ("data[STATUS]", status),
                ("data[PAYMENT_EXPIRED]", "N"),
                ("data[CODE]", "x"),
                ("data[VERSION]", "1"),
                (key, portal),
            ];
            let answer = post(&setup.handler, &event).await;
            assert_eq!(answer.0, if status.len() == 1 { 202 } else { 403 });
            answers.push((status, answer));
        }
    }
    for (status, answer) in &answers {
        let same = answers.iter().find(|(other, _)| other == status).unwrap();
        assert_eq!(*answer, same.1);
    }
    setup.portal.calm();
    assert!(asked() <= before + 1, "{}", asked() - before);
}

#[tokio::test]
async fn long_installations_and_payments_do_not_wait_in_memory() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let before = installation(&setup).await;
    let fields = frame(&setup, ANN).await;
    let pad = "x".repeat(imbot::engine::UNPROVEN_BYTES_MAX);
    let install = [
        ("event", "ONAPPINSTALL"),
        ("data[VERSION]", "1"),
        ("auth[member_id]", &fields["member_id"]),
        (
            "auth[application_token]",
            "fedcba9876543210fedcba9876543210",
        ),
        ("auth[refresh_token]", &fields["REFRESH_ID"]),
        ("pad", &pad),
    ];
    assert_eq!(post(&setup.handler, &install).await.0, 403);
    for portal in [&*fields["member_id"], "another"] {
        let payment = [
            ("event", "ONAPPPAYMENT"),
            ("data[STATUS]", "P"),
            ("data[PAYMENT_EXPIRED]", "N"),
            ("data[CODE]", "x"),
            ("data[VERSION]", "1"),
            ("auth[member_id]", portal),
            ("pad", &pad),
        ];
        assert_eq!(post(&setup.handler, &payment).await.0, 403);
    }
    still_works(&setup, &before).await;
}

/// Each request that a stranger can make, for a portal: address and form.
fn requests(portal: &str) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let options = "{\"CONNECTOR\":\"web\",\"LINE\":\"1\"}";
    let forms: [(&str, &[(&str, &str)]); 9] = [
        (
            "",
            &[
                ("event", "ONIMBOTMESSAGEADD"),
                ("auth[application_token]", "x"),
            ],
        ),
        ("", &[("event", "ONCRMDEALADD")]),
        (
            "",
            &[
                ("event", "ONAPPUNINSTALL"),
                ("auth[application_token]", "x"),
            ],
        ),
        ("", &[("event", "ONAPPPAYMENT"), ("data[STATUS]", "P")]),
        (
            "",
            &[
                ("event", "ONAPPPAYMENT"),
                ("data[STATUS]", "P"),
                ("auth[application_token]", "x"),
            ],
        ),
        (
            "",
            &[
                ("event", "ONAPPINSTALL"),
                ("auth[application_token]", "x"),
                ("auth[refresh_token]", "0123456789abcdef"),
            ],
        ),
        (
            "",
            &[
                ("AUTH_ID", "x"),
                ("REFRESH_ID", "x"),
                ("PLACEMENT", "DEFAULT"),
            ],
        ),
        (
            "install",
            &[
                ("REFRESH_ID", "0123456789abcdef"),
                ("APPLICATION_TOKEN", "x"),
            ],
        ),
        (
            "connectors/web",
            &[
                ("PLACEMENT", "SETTING_CONNECTOR"),
                ("PLACEMENT_OPTIONS", options),
                ("APPLICATION_TOKEN", "x"),
                ("AUTH_ID", "x"),
            ],
        ),
    ];
    let of_portal = |(path, form): (&'static str, &[(&'static str, &str)])| {
        let mut form: Vec<_> = form
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect();
        let key = if form[0].0 == "event" {
            "auth[member_id]"
        } else {
            "member_id"
        };
        form.push((key, portal.to_owned()));
        (path, form)
    };
    forms.into_iter().map(of_portal).collect()
}

#[tokio::test]
async fn strangers_get_the_same_answers_for_served_and_unknown_portals() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let served = setup.engine.portals()[0].to_string();
    let unknown = "0123456789abcdef0123456789abcdee";
    let pairs = requests(&served).into_iter().zip(requests(unknown));
    for ((path, served), (_, unknown)) in pairs {
        let address = format!("{}{path}", setup.handler);
        let send = async |form: &[(&'static str, String)]| {
            let answer = Client::new()
                .post(&address)
                .form(form)
                .send()
                .await
                .unwrap();
            let headers = answer.headers().clone();
            let names: Vec<_> = headers.keys().map(ToString::to_string).collect();
            (answer.status(), names, answer.text().await.unwrap())
        };
        assert_eq!(
            send(&served).await,
            send(&unknown).await,
            "{path} {served:?}"
        );
    }
}

/// Starts an authorization server that refuses every token after this time, except for one portal:
/// it grants that portal's tokens.
async fn slow_server(took: Duration, genuine: Grants) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let endpoint = poem::endpoint::make(move |request: Request| {
        let genuine = Arc::clone(&genuine);
        async move {
            let query = request.uri().query().unwrap_or_default().to_owned();
            genuine.calls.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(took).await;
            let granted = query.contains(&format!("refresh_token={GENUINE}"));
            let answer = if granted {
                genuine.answer.lock().unwrap().clone()
            } else {
                json!({ "error": "invalid_grant" })
            };
            Response::builder()
                .status(if granted {
                    200.try_into().unwrap()
                } else {
                    poem::http::StatusCode::BAD_REQUEST
                })
                .content_type("application/json")
                .body(answer.to_string())
        }
    });
    let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint));
    address
}

/// The refresh token that the slow authorization server grants.
const GENUINE: &str = "genuine0123456789";

type Grants = Arc<Granting>;

#[derive(Default)]
struct Granting {
    answer: Mutex<Value>,
    calls: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn genuine_installations_get_through_a_flood_of_forged_ones() {
    let portal = portal().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handler = format!("http://{}/", listener.local_addr().unwrap());
    let credentials: Credentials = portal.register_app(NewApp::new("bots", &handler));
    portal.install(&credentials.client_id).await.unwrap(); // nobody listens yet
    let granting = Grants::default();
    let mut config = imbot::Config::emulated(&portal, &credentials, &handler);
    config.oauth_url = slow_server(Duration::from_millis(300), Arc::clone(&granting)).await;
    let host = config.oauth_url.trim_start_matches("http://").to_owned();
    config.allow_host.push(host);
    let engine = App::new().bot(Echo).engine(&config).unwrap();
    serve_in_background(&engine, listener);

    let forged = Arc::new(AtomicUsize::new(0));
    let flood: Vec<_> = (0..300)
        .map(|connection| {
            let (handler, forged) = (handler.clone(), Arc::clone(&forged));
            let client = Client::builder().build().unwrap();
            tokio::spawn(async move {
                for number in 0.. {
                    let event = [
                        ("event", "ONAPPINSTALL".to_owned()),
                        ("auth[member_id]", format!("{connection:032}")),
                        ("auth[application_token]", "x".to_owned()),
                        (
                            "auth[refresh_token]",
                            format!("forged{connection:010}{number:010}"),
                        ),
                    ];
                    let answer = client.post(&handler).form(&event).send().await;
                    if answer.is_ok_and(|answer| answer.status() == 403) {
                        forged.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    until("the flood", || granting.calls.load(Ordering::Relaxed) > 100).await;

    // The genuine one, from another address.
    let genuine = genuine_grant(&portal, &credentials).await;
    let member_id = genuine["member_id"].as_str().unwrap().to_owned();
    *granting.answer.lock().unwrap() = genuine;
    let client = Client::builder()
        .local_address(std::net::IpAddr::from([127, 0, 0, 2]))
        .build()
        .unwrap();
    let event = [
        ("event", "ONAPPINSTALL"),
        ("auth[member_id]", &member_id),
        ("auth[application_token]", "the genuine token"),
        ("auth[refresh_token]", GENUINE),
    ];
    let answer = client.post(&handler).form(&event).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(engine.portals().len(), 1);
    for connection in flood {
        connection.abort();
    }
}

/// The answer of the portal's own authorization server to a genuine refresh token.
async fn genuine_grant(portal: &imbot::emulator::Emulator, credentials: &Credentials) -> Value {
    let origin = portal.oauth_url();
    let page = reqwest::get(format!(
        "{origin}/emulator/frame?client_id={}&as=1",
        credentials.client_id
    ));
    let page = page.await.unwrap().text().await.unwrap();
    let token = page.split("name=\"REFRESH_ID\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap();
    let query = [
        ("grant_type", "refresh_token"),
        ("client_id", &*credentials.client_id),
        ("client_secret", &credentials.client_secret),
        ("refresh_token", token),
    ];
    let answer = Client::new()
        .get(format!("{origin}/oauth/token/"))
        .query(&query);
    answer.send().await.unwrap().json().await.unwrap()
}
