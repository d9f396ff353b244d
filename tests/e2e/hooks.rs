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

#[tokio::test]
async fn a_hook_calls_with_the_rights_of_the_installation_or_of_the_events_user() {
    let seen: Seen<(u64, u64)> = Seen::default();
    let hook = {
        let seen = Arc::clone(&seen);
        move |event: HookEvent| {
            let seen = Arc::clone(&seen);
            async move {
                let own: Value = event.call("profile").await?;
                let as_user: Value = event.as_user()?.call("profile").await?;
                let id = |profile: &Value| profile["ID"].as_str().unwrap().parse().unwrap();
                seen.lock().unwrap().push((id(&own), id(&as_user)));
                Ok(())
            }
        }
    };
    let app = App::new().hook_as(UserId(2), "ONCRMDEALADD", hook);
    let setup = Setup::installed(app).await;
    fire(&setup, "ONCRMDEALADD", &json!({ "FIELDS": { "ID": 7 } })).await;
    until("the hook", || seen.lock().unwrap().len() == 1).await;
    assert_eq!(*seen.lock().unwrap(), [(1, 2)]);
}

#[tokio::test]
async fn a_hook_that_calls_as_the_events_user_is_stopped_by_the_portals_loop_guard() {
    let runs = Arc::new(Mutex::new(0));
    let hook = {
        let runs = Arc::clone(&runs);
        move |event: HookEvent| {
            let runs = Arc::clone(&runs);
            async move {
                *runs.lock().unwrap() += 1;
                // Each call causes the event again.
                let _: Value = event.as_user()?.call("event.test").await?;
                Ok(())
            }
        }
    };
    let setup = Setup::installed(App::new().hook("ONAPPTEST", hook)).await;
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let _: Value = portal.call("event.test", &json!({})).await.unwrap();
    until("the seven steps", || *runs.lock().unwrap() == 7).await;
    setup.settles().await;
    assert_eq!(setup.traffic("event.test").len(), 8);
    assert_eq!(*runs.lock().unwrap(), 7);
}

#[tokio::test]
async fn a_dismissed_user_of_an_event_does_not_stop_the_other_calls_to_the_portal() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let dismissed = portal.with_token("the token of an event".into());
    setup.portal.refuse(1, 401, "authorization_error");
    let refused = dismissed.call::<Value>("profile", &json!({})).await;
    assert!(refused.unwrap_err().is("authorization_error"));
    let _: Value = portal.call("profile", &json!({})).await.unwrap();
}

#[tokio::test]
async fn an_event_without_authorisation_cannot_be_used_for_calls() {
    let errors: Seen<String> = Seen::default();
    let hook = {
        let errors = Arc::clone(&errors);
        move |event: HookEvent| {
            let error = event.as_user().unwrap_err();
            errors.lock().unwrap().push(error.to_string());
            std::future::ready(Ok(()))
        }
    };
    let app = App::new().offline_hook("ONCRMDEALADD", hook);
    let setup = Setup::installed(app).await;
    fire(&setup, "ONCRMDEALADD", &json!({ "FIELDS": { "ID": 7 } })).await;
    until("the hook", || errors.lock().unwrap().len() == 1).await;
    assert!(errors.lock().unwrap()[0].contains("has no authorisation"));
}
