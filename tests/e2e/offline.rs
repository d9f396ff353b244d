//! Offline events: the portal keeps them for hooks that must not miss any.

use std::sync::{Arc, Mutex};

use imbot::engine::{Mode, Step};
use imbot::prelude::*;
use imbot::store::{Memory, Store};
use serde_json::json;

use super::stage::{Setup, until};

/// The events that a hook has received.
#[derive(Clone, Default)]
struct Received(Arc<Mutex<Vec<String>>>);

impl Received {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// An application with a hook for deals that the portal keeps, and one for contacts that it
    /// posts.
    fn app(&self) -> App {
        let note = |received: Received| {
            move |event: HookEvent| {
                let received = received.clone();
                async move {
                    let id = event.at(&["data", "FIELDS", "ID"]).and_then(|id| id.text());
                    let id = id.unwrap_or_default();
                    received
                        .0
                        .lock()
                        .unwrap()
                        .push(format!("{} {id}", event.name));
                    Ok(())
                }
            }
        };
        App::new()
            .offline_hook("ONCRMDEAL*", note(self.clone()))
            .hook("ONCRMCONTACTADD", note(self.clone()))
    }
}

fn fire(setup: &Setup, event: &str, id: u64) {
    setup.portal.fire(event, &json!({ "FIELDS": { "ID": id } }));
}

#[tokio::test]
async fn events_of_a_stopped_program_are_handled_at_its_next_start() {
    let received = Received::default();
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let setup = Setup::installed(received.app().shared_store(store)).await;
    fire(&setup, "ONCRMDEALADD", 7);
    fire(&setup, "ONCRMCONTACTADD", 8);
    until("both", || received.all().len() == 2).await;
    let both = received.all();
    for event in ["ONCRMCONTACTADD 8", "ONCRMDEALADD 7"] {
        assert!(both.iter().any(|received| received == event), "{both:?}");
    }
    assert!(setup.traffic("ONCRMDEALADD").is_empty(), "it is not posted");

    let stopped = setup.stop().await;
    stopped
        .portal
        .fire("ONCRMDEALUPDATE", &json!({ "FIELDS": { "ID": 7 } }));
    let setup = stopped.start(received.app()).await;
    until("the third", || received.all().len() == 3).await;
    assert_eq!(received.all()[2], "ONCRMDEALUPDATE 7");
    fire(&setup, "ONCRMDEALUPDATE", 9);
    until("the fourth", || received.all().len() == 4).await;
}

#[tokio::test]
async fn a_batch_that_was_fetched_and_not_cleared_is_fetched_again() {
    let received = Received::default();
    let setup = Setup::installed(received.app()).await;
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let stopped = setup.stop().await;
    stopped
        .portal
        .fire("ONCRMDEALADD", &json!({ "FIELDS": { "ID": 1 } }));
    // Like a process that dies before it has stored what it fetched.
    let batch = portal.fetch_offline().await.unwrap();
    assert_eq!(batch.events.len(), 1);
    assert!(portal.fetch_offline().await.unwrap().events.is_empty());
    stopped.start(received.app()).await;
    until("the deal", || received.all() == ["ONCRMDEALADD 1"]).await;
}

#[tokio::test]
async fn offline_bindings_are_reconciled() {
    let received = Received::default();
    let setup = Setup::installed(received.app()).await;
    let plain = setup.stop().await.start(App::new()).await;
    let portal = plain.engine.portal(&plain.engine.portals()[0]).unwrap();
    let bound = portal.bindings().await.unwrap();
    assert!(
        bound.iter().all(|binding| binding.offline == 0),
        "{bound:?}"
    );
    let engine = received
        .app()
        .shared_store(Arc::clone(plain.engine.store()))
        .engine(&plain.config())
        .unwrap();
    engine.load_portals().await.unwrap();
    let plan = engine.register(&portal, Mode::DryRun).await.unwrap();
    let steps: Vec<String> = plan.iter().map(Step::to_string).collect();
    assert!(
        steps.contains(&"bind offline ONCRMDEALADD".to_owned()),
        "{steps:?}"
    );
    assert!(
        steps.contains(&"bind ONCRMCONTACTADD".to_owned()),
        "{steps:?}"
    );
}

#[tokio::test]
async fn a_program_with_a_source_does_not_receive_the_events_that_it_causes() {
    let received = Received::default();
    let setup = Setup::installed(received.app().auth_connector("mine")).await;
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let bound = portal.bindings().await.unwrap();
    let offline: Vec<_> = bound.iter().filter(|it| it.offline != 0).collect();
    assert!(!offline.is_empty());
    assert!(offline.iter().all(|it| it.source == "mine"), "{offline:?}");
    let plan = setup.engine.register(&portal, Mode::DryRun).await.unwrap();
    assert!(
        !plan
            .iter()
            .any(|step| matches!(step, Step::Bind(_) | Step::Unbind(_)))
    );
    fire(&setup, "ONCRMDEALADD", 7);
    until("the deal", || received.all() == ["ONCRMDEALADD 7"]).await;
    for request in setup.traffic("event.offline.get") {
        assert_eq!(request["request"]["auth_connector"], "mine");
    }
}

#[tokio::test]
async fn offline_events_move_to_a_source_and_back() {
    let received = Received::default();
    let sources = async |setup: &Setup| {
        let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
        let bound = portal.bindings().await.unwrap().into_iter();
        let offline = bound.filter(|it| it.offline != 0);
        let mut sources: Vec<String> = offline.map(|it| it.source).collect();
        sources.dedup();
        sources
    };
    let setup = Setup::installed(received.app()).await;
    assert_eq!(sources(&setup).await, [""]);
    let setup = setup.restart(received.app().auth_connector("mine")).await;
    assert_eq!(sources(&setup).await, ["mine"]);
    let setup = setup.restart(received.app()).await;
    assert_eq!(sources(&setup).await, [""]);
    fire(&setup, "ONCRMDEALADD", 7);
    until("the deal", || received.all() == ["ONCRMDEALADD 7"]).await;
}
