//! TLS and the proxy, with a client that knows nothing of the emulator but its certificate:
//! protocol/other-clients.md item 9.

use std::time::Duration;

use reqwest::{Certificate, Client, Proxy, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Options, TestPortal};

const PORTAL: &str = "https://demo.bitrix24.test";

fn options(proxy: bool) -> Options {
    Options {
        tls: true,
        proxy,
        rate: None,
        ..Options::default()
    }
}

/// Returns a client that trusts the portal's authority, and uses its proxy if it is one.
fn client(test: &TestPortal, proxy: bool) -> Client {
    let pem = test.portal.authority().expect("an authority");
    let root = Certificate::from_pem(pem.as_bytes()).expect("a certificate");
    let mut client = Client::builder()
        .tls_certs_only([root])
        .redirect(Policy::none())
        .timeout(Duration::from_secs(60));
    client = if proxy {
        let address = format!("http://{}", test.portal.address());
        client.proxy(Proxy::all(address).expect("an address"))
    } else {
        client.no_proxy()
    };
    client.build().expect("a client")
}

async fn post(client: &Client, url: &str, body: &Value) -> (StatusCode, Value) {
    let answer = client.post(url).json(body).send().await.expect("an answer");
    let status = answer.status();
    (status, answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn one_address_serves_http_and_tls_and_webhooks_need_tls() {
    let test = TestPortal::with(options(false)).await;
    let client = client(&test, false);
    let hook = test.portal.webhook_url();
    assert!(hook.starts_with("https://127.0.0.1:"), "{hook}");
    let (status, answer) = post(&client, &format!("{hook}profile"), &json!({})).await;
    assert_eq!(
        (status.as_u16(), &answer["result"]["ID"]),
        (200, &json!("1"))
    );
    let plain = hook.replace("https://", "http://");
    let (status, answer) = post(&client, &format!("{plain}profile"), &json!({})).await;
    assert_eq!(
        (status.as_u16(), answer["error"].as_str()),
        (401, Some("INVALID_REQUEST"))
    );
    let plain = format!("http://{}/emulator/authority.pem", test.portal.address());
    let pem = client.get(plain).send().await.expect("an answer").text();
    assert_eq!(pem.await.ok().as_deref(), test.portal.authority());
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_authority_cannot_connect() {
    let test = TestPortal::with(options(false)).await;
    let stranger = Client::builder().no_proxy().build().expect("a client");
    let refused = stranger.get(test.portal.url()).send().await;
    assert!(refused.expect_err("no trust").is_connect());
    assert!(
        client(&test, false)
            .get(test.portal.url())
            .send()
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_silent_connection_does_not_block_others() {
    let test = TestPortal::with(options(true)).await;
    let _silent = TcpStream::connect(test.portal.address())
        .await
        .expect("connected");
    let url = format!("{PORTAL}/rest/server.time?auth={}", test.token());
    assert!(client(&test, true).get(url).send().await.is_ok());
}

#[tokio::test]
async fn a_conversation_works_through_the_proxy() {
    let test = TestPortal::with(options(true)).await;
    let client = client(&test, true);
    let auth = &test.install["auth"];
    assert_eq!(auth["domain"], "demo.bitrix24.test");
    assert_eq!(auth["client_endpoint"], format!("{PORTAL}/rest/"));
    assert_eq!(auth["server_endpoint"], "https://oauth.bitrix.info/rest/");

    let grant = [
        ("grant_type", "refresh_token"),
        ("client_id", &test.app.client_id),
        ("client_secret", &test.app.client_secret),
        (
            "refresh_token",
            auth["refresh_token"].as_str().expect("a token"),
        ),
    ];
    let token = client
        .get("https://oauth.bitrix.info/oauth/token/")
        .query(&grant);
    let token: Value = token
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let access = token["access_token"].as_str().expect("a token");
    let info = format!("https://oauth.bitrix24.tech/rest/app.info?auth={access}");
    let (_, info) = post(&client, &info, &json!({})).await;
    assert_eq!(info["result"]["CODE"], test.app.client_id);

    let call = |method: &str| format!("{PORTAL}/rest/{method}?auth={access}");
    let register =
        json!({ "CODE": "echo", "EVENT_HANDLER": test.handler, "PROPERTIES": { "NAME": "Echo" } });
    let (_, registered) = post(&client, &call("imbot.register"), &register).await;
    let bot = registered["result"].as_u64().expect("an id");
    let dialog = test.dialog(bot).await;
    test.portal.send(1, &dialog, "hello").expect("sent");
    let event = test.event("ONIMBOTMESSAGEADD").await;
    let own = &event["data"]["BOT"][&dialog]["AUTH"];
    let answer = json!({
        "auth": own["access_token"],
        "BOT_ID": bot,
        "DIALOG_ID": event["data"]["PARAMS"]["DIALOG_ID"],
        "MESSAGE": event["data"]["PARAMS"]["MESSAGE"],
    });
    let endpoint = own["client_endpoint"].as_str().expect("an address");
    let (status, answered) = post(&client, &format!("{endpoint}imbot.message.add"), &answer).await;
    assert_eq!(status, StatusCode::OK, "{answered}");
    let said = test.portal.history(1, &dialog);
    assert_eq!(said.last().expect("an answer")["text"], "hello");

    test.portal.rename("moved.bitrix24.test");
    let moved = client
        .post(call("profile"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(moved.status(), StatusCode::FOUND);
    let location = moved.headers()["location"].to_str().expect("a text");
    assert!(location.starts_with("https://moved.bitrix24.test/rest/profile"));
    assert_eq!(
        client
            .get(location)
            .send()
            .await
            .expect("an answer")
            .status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_proxy_refuses_other_hosts() {
    let test = TestPortal::with(options(true)).await;
    let client = client(&test, true);
    let tunnel = client.get("https://example.com/").send().await;
    assert!(tunnel.expect_err("refused").is_connect());
    let plain = client
        .get("http://example.com/")
        .send()
        .await
        .expect("an answer");
    assert_eq!(plain.status(), StatusCode::FORBIDDEN);
    let text = plain.text().await.expect("a text");
    assert!(text.starts_with("example.com is not emulated"), "{text}");
    assert_eq!(
        raw(&test, "CONNECT example.com:443 HTTP/1.1\r\n\r\n")
            .await
            .0,
        "HTTP/1.1 403 Forbidden"
    );
}

#[tokio::test]
async fn a_request_with_a_whole_url_instead_of_a_tunnel_is_served() {
    let test = TestPortal::with(options(true)).await;
    let hook = test.portal.webhook_url();
    let request = format!(
        "GET {hook}profile HTTP/1.1\r\nHost: demo.bitrix24.test\r\nConnection: close\r\n\r\n"
    );
    let (status, answer) = raw(&test, &request).await;
    assert_eq!(status, "HTTP/1.1 200 OK", "{answer}");
    assert!(answer.contains("\"ID\":\"1\""), "{answer}");
}

/// Sends a raw request; returns the first line of the answer, and all of it.
async fn raw(test: &TestPortal, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(test.portal.address())
        .await
        .expect("connected");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    (answer.lines().next().unwrap_or_default().to_owned(), answer)
}
