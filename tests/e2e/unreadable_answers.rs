//! A portal with unreadable answers: each kind has its own error, the call is not repeated, and the
//! next call works.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use imbot::event::MemberId;
use imbot::portal::{Application, Http, Plan, Portal};
use imbot::store::{Access, Installation, Memory, Tokens};
use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, EndpointExt, Response, Route, Server, handler, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Answers in the way that the method's name describes.
#[handler]
fn answer(Path(method): Path<String>, Data(calls): Data<&Arc<AtomicUsize>>) -> Response {
    calls.fetch_add(1, Ordering::Relaxed);
    let plain = |status: u16, body: &'static str| {
        let status = StatusCode::from_u16(status).unwrap();
        Response::builder().status(status).body(body)
    };
    match method.trim_end_matches(".json") {
        "html" => plain(200, "<html><body>Under maintenance</body></html>"),
        "broken" => plain(500, "Internal Server Error"),
        "empty" => plain(200, ""),
        "gone" => plain(502, ""),
        "truncated" => plain(200, r#"{"result":{"ID":7,"NAM"#),
        "moved" => Response::builder()
            .status(StatusCode::FOUND)
            .header("location", "http://127.0.0.1:1/elsewhere")
            .body(()),
        "endless" => {
            let part = || Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 64 * 1024]));
            let parts = stream::unfold((), move |()| async move { Some((part(), ())) });
            Response::builder().body(Body::from_bytes_stream(parts))
        }
        "bare" => plain(200, r#"{"time":{}}"#),
        "no_result" => plain(500, r#"{"time":{}}"#),
        "list" => plain(200, "[]"),
        "refused" => plain(
            200,
            r#"{"error":"CONNECTOR_ID_ERROR","error_description":"No such connector"}"#,
        ),
        "codeless" => plain(400, r#"{"error":"","error_description":"Not found"}"#),
        "nested" => plain(200, r#"{"result":{"tasks":[1],"total":1}}"#),
        "numbered" => plain(400, r#"{"error":0,"error_description":"Something"}"#),
        _ => plain(200, r#"{"result":"fine"}"#),
    }
}

#[tokio::test]
async fn an_unreadable_answer_is_a_clear_error_and_the_call_is_not_repeated() {
    let calls = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Route::new()
        .at("/rest/:method", post(answer))
        .data(Arc::clone(&calls));
    let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
    let portal = portal_at(&address.to_string());
    let cases = [
        (
            "html",
            "html: the answer (200) is not JSON: <html><body>Under maintenance</body></html>",
        ),
        (
            "broken",
            "broken: the answer (500) is not JSON: Internal Server Error",
        ),
        ("empty", "empty: the answer (200) is empty"),
        ("gone", "gone: the answer (502) is empty"),
        (
            "truncated",
            r#"truncated: the answer (200) is not JSON: {"result":{"ID":7,"NAM"#,
        ),
        (
            "moved",
            "moved: not called: the portal redirects to 127.0.0.1, which is not a REST method",
        ),
        (
            "endless",
            "endless: the answer is larger than 16777216 bytes",
        ),
        ("bare", "bare: the answer is not of the expected type"),
        (
            "no_result",
            "no_result: the answer is not of the expected type",
        ),
        ("list", "list: the answer is not of the expected type"),
        (
            "refused",
            "refused: the portal refused with CONNECTOR_ID_ERROR (200): No such connector",
        ),
        (
            "codeless",
            "codeless: the portal refused without a code (400): Not found",
        ),
        (
            "numbered",
            "numbered: the portal refused with 0 (400): Something",
        ),
    ];
    for (number, (method, sentence)) in cases.into_iter().enumerate() {
        let error = portal.call::<Value>(method, &json!({})).await.unwrap_err();
        assert_eq!(error.to_string(), sentence);
        assert_eq!(calls.load(Ordering::Relaxed), 2 * number + 1, "{method}");
        let next: String = portal.call("fine", &json!({})).await.unwrap();
        assert_eq!(next, "fine", "after {method}");
    }
}

#[tokio::test]
async fn pages_of_a_result_without_the_list_name_its_keys() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Route::new()
        .at("/rest/:method", post(answer))
        .data(Arc::new(AtomicUsize::new(0)));
    let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
    let portal = portal_at(&address.to_string());
    let page = async |list: &str| {
        let mut pages = pin!(portal.pages::<u64>("nested", json!({}), list));
        pages.try_next().await
    };
    assert_eq!(page("tasks").await.unwrap(), Some(vec![1]));
    for (list, expected) in [
        (
            "",
            "nested: the result is not a list; it has `tasks`, `total`: name the one with the list",
        ),
        (
            "items",
            "nested: `items` of the result is not a list; it has `tasks`, `total`: name the one with the list",
        ),
    ] {
        assert_eq!(page(list).await.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn an_unreachable_portal_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let http = portal_at(&address);
    tokio::time::pause(); // the pauses between the attempts take no time
    let error = http.call::<Value>("profile", &json!({})).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "profile: the portal could not be reached"
    );
    assert!(error.was_not_run());
}

fn portal_at(address: &str) -> Portal {
    let application = Application {
        client_id: "local.1".into(),
        client_secret: "secret".to_owned().into(),
        oauth_url: format!("http://{address}"),
    };
    let installation = Installation::new(
        MemberId::new("nonsense"),
        format!("http://{address}/rest/"),
        "application".to_owned().into(),
        Access::Tokens(Tokens {
            access: "access".to_owned().into(),
            refresh: "refresh".to_owned().into(),
        }),
    );
    let http = Http::new([address.to_owned()]).unwrap();
    Portal::new(
        http,
        Some(Arc::new(application)),
        Arc::new(Memory::new()),
        installation,
        Plan::default(),
    )
}
