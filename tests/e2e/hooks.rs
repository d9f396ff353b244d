//! Hooks: bound by name and by pattern, handled in the program or forwarded to another.

use std::sync::{Arc, Mutex};

use imbot::prelude::*;
use poem::web::{Data, Json};
use poem::{EndpointExt, Route, Server, handler, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::stage::{Echo, Setup, until};

type Seen<T> = Arc<Mutex<Vec<T>>>;

/// Fires an event until it is bound: the portal does not post an event that is not bound.
async fn fire(setup: &Setup, event: &str, data: &Value) {
    until(&format!("{event} to be bound"), || {
        setup.portal.fire(event, data) > 0
    })
    .await;
}

#[tokio::test]
async fn hooks_are_bound_by_name_and_by_pattern() {
    let seen: Seen<(&str, String)> = Seen::default();
    let note = |hook: &'static str| {
        let seen = Arc::clone(&seen);
        move |event: HookEvent| {
            seen.lock().unwrap().push((hook, event.name.to_string()));
            std::future::ready(Ok(()))
        }
    };
    let app = App::new()
        .bot(Echo)
        .hook("ONCRMDEALADD", note("name"))
        .hook("ONTASK*", note("pattern"));
    let setup = Setup::installed(app).await;
    fire(&setup, "ONCRMDEALADD", &json!({ "FIELDS": { "ID": 7 } })).await;
    fire(&setup, "ONTASKADD", &json!({ "FIELDS_AFTER": { "ID": 8 } })).await;
    assert_eq!(
        setup.portal.fire("ONCRMDEALDELETE", &json!({})),
        0,
        "nobody asked for it"
    );
    until("both hooks", || seen.lock().unwrap().len() == 2).await;
    let seen = seen.lock().unwrap();
    assert!(seen.contains(&("name", "ONCRMDEALADD".to_owned())));
    assert!(seen.contains(&("pattern", "ONTASKADD".to_owned())));
}

#[tokio::test]
async fn a_failing_hook_affects_neither_other_hooks_nor_bots() {
    async fn fails(_: HookEvent) -> Result {
        Err("no".into())
    }
    let seen: Seen<String> = Seen::default();
    let works = {
        let seen = Arc::clone(&seen);
        move |event: HookEvent| {
            seen.lock().unwrap().push(event.name.to_string());
            std::future::ready(Ok(()))
        }
    };
    let app = App::new()
        .bot(Echo)
        .hook("ONCRMDEALADD", fails)
        .hook("ONCRMDEALADD", works);
    let setup = Setup::installed(app).await;
    fire(&setup, "ONCRMDEALADD", &json!({ "FIELDS": { "ID": 7 } })).await;
    until("the other hook", || !seen.lock().unwrap().is_empty()).await;
    setup.write("echo", "still here");
    setup.receives("echo", &["still here"]).await;
}

#[tokio::test]
async fn a_forwarded_event_is_json_without_tokens() {
    #[handler]
    fn take(Json(event): Json<Value>, Data(seen): Data<&Seen<Value>>) {
        seen.lock().unwrap().push(event);
    }
    let seen: Seen<Value> = Seen::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/deals", listener.local_addr().unwrap());
    let other = Route::new()
        .at("/deals", post(take))
        .data(Arc::clone(&seen));
    let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(other));

    let setup = Setup::installed(App::new().bot(Echo).forward("ONCRM*", address)).await;
    fire(&setup, "ONCRMDEALADD", &json!({ "FIELDS": { "ID": 7 } })).await;
    until("the event", || !seen.lock().unwrap().is_empty()).await;
    let event = seen.lock().unwrap().remove(0);
    let mut keys: Vec<&String> = event.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["data", "event", "portal", "ts"]);
    assert_eq!(event["event"], "ONCRMDEALADD");
    assert_eq!(event["data"], json!({ "FIELDS": { "ID": "7" } }));
    assert_eq!(event["portal"], setup.engine.portals()[0].to_string());
}
