//! `imconnector.*`: registration, statuses, and refusals.

use serde_json::{Value, json};

use super::{BORIS, CONNECTOR, TestPortal, support};
use crate::emulator::NewApp;

/// Returns status and error of a call.
async fn failure(test: &TestPortal, method: &str, params: Value) -> (u16, String) {
    let (status, answer) = test.call_as(test.token(), method, params).await;
    let error = answer["error"].as_str().unwrap_or_default().to_owned();
    (status, error)
}

#[tokio::test]
async fn webhooks_have_no_connectors() {
    let test = TestPortal::new().await;
    for method in [
        "imconnector.register",
        "imconnector.activate",
        "imconnector.status",
        "imconnector.list",
        "imconnector.send.messages",
        "imconnector.send.status.delivery",
    ] {
        let (status, answer) = test
            .by_webhook(method, json!({ "CONNECTOR": "a", "LINE": 1 }))
            .await;
        assert_eq!(
            (status, &answer["error"]),
            (403, &json!("WRONG_AUTH_TYPE")),
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_failed_registration_comes_with_status_200() {
    let test = TestPortal::new().await;
    let icon = json!({ "DATA_IMAGE": "data:image/svg+xml,x" });
    let whole = json!({
        "ID": "a",
        "NAME": "A",
        "ICON": icon,
        "PLACEMENT_HANDLER": test.handler,
    });
    let without = |name: &str| {
        let mut params = whole.clone();
        params.as_object_mut().expect("an object").remove(name);
        params
    };
    let with = |name: &str, value: &str| {
        let mut params = whole.clone();
        params[name] = value.into();
        params
    };
    let cases = [
        (without("ID"), "CONNECTOR_ID_REQUIRED"),
        (with("ID", "a.b"), "APPLICATION_REGISTRATION_ERROR_POINT"),
        (with("ID", "a b"), "APPLICATION_REGISTRATION_ERROR"),
        (without("NAME"), "NAME_REQUIRED"),
        (without("ICON"), "ICON_REQUIRED"),
        (without("PLACEMENT_HANDLER"), "NO_PLACEMENT_HANDLER"),
        (
            with("ID", "livechat"),
            "GENERAL_CONNECTOR_REGISTRATION_ERROR",
        ),
    ];
    for (params, expected) in cases {
        let (status, answer) = test
            .call_as(test.token(), "imconnector.register", params)
            .await;
        assert_eq!((status, &answer["error"]), (200, &json!(expected)));
        assert_eq!(answer["result"], false);
    }
    let gone = json!({ "ID": "a" });
    assert_eq!(
        failure(&test, "imconnector.unregister", gone).await,
        (200, "APPLICATION_UNREGISTRATION_ERROR".to_owned())
    );
}

#[tokio::test]
async fn a_connector_id_is_stored_in_lower_case_and_can_be_registered_again() {
    let test = TestPortal::new().await;
    test.register(json!({ "ID": "MyConnector" })).await;
    test.register(json!({ "NAME": "Another name" })).await;
    let listed = test.result("imconnector.list", json!({})).await;
    assert_eq!(
        listed,
        json!({ "livechat": "Live chat", CONNECTOR: "Another name" })
    );
    test.result("imconnector.unregister", json!({ "ID": CONNECTOR }))
        .await;
    let listed = test.result("imconnector.list", json!({})).await;
    assert_eq!(listed, json!({ "livechat": "Live chat" }));
}

#[tokio::test]
async fn the_status_of_a_connector_has_three_steps() {
    let test = TestPortal::new().await;
    let line = test.portal.add_line(support());
    test.register(json!({})).await;
    let place = json!({ "CONNECTOR": CONNECTOR, "LINE": line });
    let status = async || {
        let status = test.result("imconnector.status", place.clone()).await;
        assert_eq!(status["LINE"], line);
        ["CONFIGURED", "STATUS", "ERROR"].map(|name| status[name] == true)
    };
    assert_eq!(status().await, [false, false, false]);
    test.join(line).await;
    assert_eq!(status().await, [true, true, false]);
    test.result("imconnector.set.error", place.clone()).await;
    assert_eq!(status().await, [true, false, true]);
    let say = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "MESSAGES": [] });
    assert_eq!(
        failure(&test, "imconnector.send.messages", say).await,
        (400, "NOT_ACTIVE_LINE".to_owned())
    );
    let off = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "ACTIVE": 0 });
    test.result("imconnector.activate", off).await;
    assert_eq!(status().await, [false, false, false]);
    let elsewhere = json!({ "CONNECTOR": CONNECTOR });
    let nowhere = test.result("imconnector.status", elsewhere).await;
    assert_eq!(nowhere["LINE"], 0);
}

#[tokio::test]
async fn invalid_requests_have_their_own_codes() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let messages = json!([{ "user": {}, "message": {}, "chat": {} }]);
    let at = |connector: &str, line: u64, messages: &Value| {
        json!({
            "CONNECTOR": connector,
            "LINE": line,
            "MESSAGES": messages,
            "ACTIVE": "Y",
        })
    };
    let cases = [
        ("send.messages", at("", line, &messages), "ERROR_ARGUMENT"),
        (
            "send.messages",
            at("other", line, &messages),
            "IMCONNECTOR_NO_CORRECT_PROVIDER",
        ),
        (
            "send.messages",
            at(CONNECTOR, 99, &messages),
            "NOT_ACTIVE_LINE",
        ),
        (
            "send.messages",
            at(CONNECTOR, line, &json!("text")),
            "ERROR_ARGUMENT",
        ),
        (
            "send.messages",
            at(CONNECTOR, line, &json!(["text"])),
            "ERROR_ARGUMENT",
        ),
        (
            "send.messages",
            at(CONNECTOR, line, &json!([{ "user": {} }])),
            "ERROR_ARGUMENT",
        ),
        (
            "send.status.delivery",
            at("other", line, &messages),
            "IMCONNECTOR_NO_CORRECT_PROVIDER",
        ),
        (
            "chat.name.set",
            at(CONNECTOR, line, &messages),
            "ERROR_ARGUMENT",
        ),
        (
            "activate",
            json!({ "CONNECTOR": CONNECTOR, "LINE": line }),
            "ERROR_ARGUMENT",
        ),
    ];
    for (method, params, expected) in cases {
        let found = failure(&test, &format!("imconnector.{method}"), params).await;
        assert_eq!(found, (400, expected.to_owned()), "{method}");
    }
}

#[tokio::test]
async fn a_chat_gets_the_name_it_has_outside() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let name = |chat: &str| {
        json!({
            "CONNECTOR": CONNECTOR,
            "LINE": line,
            "CHAT_ID": chat,
            "NAME": "Orders",
            "USER_ID": "ext-user-42",
        })
    };
    let set = test
        .result("imconnector.chat.name.set", name("channel-123"))
        .await;
    assert_eq!(set, json!({ "SUCCESS": true, "DATA": { "RESULT": {} } }));
    assert_eq!(test.portal.session(chat)["title"], "Orders");
    assert_eq!(
        failure(&test, "imconnector.chat.name.set", name("elsewhere")).await,
        (400, "CHAT_RENAMING_FAILED".to_owned())
    );
}

#[tokio::test]
async fn the_settings_page_is_posted_to_the_placement() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let page = handler_of_pages().await;
    test.register(json!({ "PLACEMENT_HANDLER": page })).await;
    let opened = test
        .portal
        .open_settings(1, CONNECTOR, line)
        .await
        .expect("opened");
    assert_eq!(opened.status, 200);
    let posted: Value = serde_json::from_str(&opened.body).expect("what was posted");
    assert_eq!(posted["PLACEMENT"], "SETTING_CONNECTOR");
    assert_eq!(
        posted["APPLICATION_TOKEN"],
        test.install["auth"]["application_token"]
    );
    let options = posted["PLACEMENT_OPTIONS"].as_str().expect("a text");
    let options: Value = serde_json::from_str(options).expect("JSON");
    assert_eq!(options["LINE"], line.to_string());
    for status in [
        "ACTIVE_STATUS",
        "CONNECTION_STATUS",
        "REGISTER_STATUS",
        "STATUS",
    ] {
        assert_eq!(options[status], true, "{status}");
    }
    let (status, _) = test
        .call_as(
            posted["AUTH_ID"].as_str().expect("a token"),
            "imconnector.status",
            json!({ "CONNECTOR": CONNECTOR, "LINE": line }),
        )
        .await;
    assert_eq!(status, 200, "the tokens of the page work");
    let unknown = test.portal.open_settings(1, "other", line).await;
    assert!(unknown.is_err());
    let frame = format!("/emulator/frame?connector={CONNECTOR}&line={line}");
    let request = test.client.get(frame).header("host", "127.0.0.1");
    let page = request.send().await.0.into_body().into_string().await;
    let page = page.expect("a form");
    assert!(page.contains("SETTING_CONNECTOR") && page.contains("REGISTER_STATUS"));
}

#[tokio::test]
async fn a_connector_belongs_to_its_application() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    test.bind(&["OnImConnectorMessageAdd"]).await;
    let other = test
        .portal
        .register_app(NewApp::new("other", &test.handler));
    test.portal
        .install(&other.client_id)
        .await
        .expect("installed");
    let install = test.event("ONAPPINSTALL").await;
    let token = install["auth"]["access_token"].as_str().expect("a token");
    let bind = json!({ "event": "OnImConnectorMessageAdd", "handler": test.handler });
    assert_eq!(test.call_as(token, "event.bind", bind).await.0, 200);
    let place = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "ACTIVE": 0 });
    let (_, answer) = test.call_as(token, "imconnector.activate", place).await;
    assert_eq!(answer["error"], "IMCONNECTOR_NO_CORRECT_PROVIDER");
    let chat = test.receive(line, "ext-1", "hello").await;
    test.portal
        .send(BORIS, &format!("chat{chat}"), "hi")
        .expect("sent");
    let event = test.event("ONIMCONNECTORMESSAGEADD").await;
    assert_eq!(
        event["auth"]["application_token"],
        test.install["auth"]["application_token"]
    );
    assert!(
        test.is_quiet().await,
        "the other application receives nothing"
    );
    test.portal
        .uninstall(&test.app.client_id, true)
        .expect("uninstalled");
    let listed = test.call_as(token, "imconnector.list", json!({})).await.1;
    assert_eq!(listed["result"], json!({ "livechat": "Live chat" }));
}

/// A page that returns the form posted to it.
pub(super) async fn handler_of_pages() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let echo = poem::endpoint::make(|mut request: poem::Request| async move {
        let body = request.take_body().into_bytes().await.expect("a body");
        let posted = crate::event::form::decode(&body).expect("a form");
        posted.to_string()
    });
    let echo = poem::EndpointExt::map_to_response(echo);
    let acceptor = poem::listener::TcpAcceptor::from_tokio(listener).expect("listening");
    let routes = poem::Route::new().at("/", echo);
    tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(routes));
    url
}
