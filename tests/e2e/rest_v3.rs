//! Calls of REST version 3, which has an address and errors of its own.

use std::sync::{Arc, Mutex};

use imbot::event::MemberId;
use imbot::portal::{Http, Plan, Portal, inbound_webhook};
use imbot::store::{Access, Installation, Memory, Tokens};
use poem::http::StatusCode;
use poem::{Request, Response, Server};
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Calls = Arc<Mutex<Vec<(String, Value)>>>;

/// Starts a portal that records calls, and answers as version 3 does.
async fn portal_v3(calls: &Calls) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let calls = Arc::clone(calls);
    let endpoint = poem::endpoint::make(move |mut request: Request| {
        let calls = Arc::clone(&calls);
        async move {
            let path = request.uri().path().to_owned();
            let body: Value = request.take_body().into_json().await.unwrap();
            calls.lock().unwrap().push((path, body.clone()));
            let (status, answer) = if body["id"].is_null() {
                let error = json!({
                    "code": "BITRIX_REST_V3_EXCEPTION_VALIDATION_REQUESTVALIDATIONEXCEPTION",
                    "message": "Request is not valid",
                    "validation": [{ "field": "id", "message": "is required" }],
                });
                (StatusCode::BAD_REQUEST, json!({ "error": error }))
            } else {
                let item = json!({ "id": body["id"], "title": "Call back" });
                (
                    StatusCode::OK,
                    json!({ "result": { "item": item }, "time": {} }),
                )
            };
            let response = Response::builder().status(status);
            response
                .content_type("application/json")
                .body(answer.to_string())
        }
    });
    let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint));
    host
}

fn client(host: &str, installation: Installation) -> Portal {
    let http = Http::new([host.to_owned()]).unwrap();
    Portal::new(
        http,
        None,
        Arc::new(Memory::new()),
        installation,
        Plan::default(),
    )
}

#[tokio::test]
async fn a_method_of_rest_v3_is_called_at_its_own_address_and_its_errors_are_read() {
    let calls = Calls::default();
    let host = portal_v3(&calls).await;
    let hook = inbound_webhook(&format!("http://{host}/rest/1/abc123/")).unwrap();
    let tokens = Tokens {
        access: "token".into(),
        refresh: "refresh".into(),
    };
    let application = Installation::new(
        MemberId::new("m"),
        format!("http://{host}/rest/"),
        "application".into(),
        Access::Tokens(tokens),
    );
    for (installation, path, auth) in [
        (hook, "/rest/api/1/abc123/tasks.task.get", Value::Null),
        (application, "/rest/api/tasks.task.get", "token".into()),
    ] {
        let portal = client(&host, installation);
        let params = json!({ "id": 7, "select": ["title"] });
        let found: Value = portal
            .call_rest_v3("tasks.task.get", &params)
            .await
            .unwrap();
        assert_eq!(found["item"]["title"], "Call back");
        let (called, body) = calls.lock().unwrap().last().unwrap().clone();
        assert_eq!((called.as_str(), &body["auth"]), (path, &auth));
        assert_eq!(
            (&body["id"], &body["select"]),
            (&json!(7), &json!(["title"]))
        );
        let error = portal
            .call_rest_v3::<Value>("tasks.task.get", &Value::Null)
            .await;
        let error = error.unwrap_err();
        assert!(error.is("BITRIX_REST_V3_EXCEPTION_VALIDATION_REQUESTVALIDATIONEXCEPTION"));
        assert_eq!(
            error.description(),
            Some("Request is not valid; id: is required")
        );
        assert!(!error.may_pass_later() && !error.may_have_run());
    }
}
