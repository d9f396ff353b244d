//! Offline events: the portal keeps them for hooks that must lose nothing.

use std::sync::{Arc, Mutex};

use imbot::engine::{Mode, Step};
use imbot::prelude::*;
use imbot::store::{Memory, Store};
use serde_json::json;

use super::stage::{Setup, until};

/// What a hook has heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// An application that listens to deals that the portal keeps, and to contacts that it posts.
    fn app(&self) -> App {
        let note = |heard: Heard| {
            move |event: HookEvent| {
                let heard = heard.clone();
                async move {
                    let id = event.at(&["data", "FIELDS", "ID"]).and_then(|id| id.text());
                    let id = id.unwrap_or_default();
                    heard.0.lock().unwrap().push(format!("{} {id}", event.name));
                    Ok(())
                }
            }
        };
        App::new()
            .offline_hook("ONCRMDEAL*", note(self.clone()))
            .hook("ONCRMCONTACTADD", note(self.clone()))
    }
}

fn fire(road: &Setup, event: &str, id: u64) {
    road.portal.fire(event, &json!({ "FIELDS": { "ID": id } }));
}

#[tokio::test]
async fn what_happens_while_the_program_is_away_is_heard_at_its_next_start() {
    let heard = Heard::default();
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let road = Setup::to(heard.app().shared_store(store)).await;
    fire(&road, "ONCRMDEALADD", 7);
    fire(&road, "ONCRMCONTACTADD", 8);
    until("both", || heard.all().len() == 2).await;
    let both = heard.all();
    for event in ["ONCRMCONTACTADD 8", "ONCRMDEALADD 7"] {
        assert!(both.iter().any(|heard| heard == event), "{both:?}");
    }
    assert!(road.traffic("ONCRMDEALADD").is_empty(), "it is not posted");

    let away = road.leave().await;
    away.portal
        .fire("ONCRMDEALUPDATE", &json!({ "FIELDS": { "ID": 7 } }));
    let road = away.back(heard.app()).await;
    until("the third", || heard.all().len() == 3).await;
    assert_eq!(heard.all()[2], "ONCRMDEALUPDATE 7");
    fire(&road, "ONCRMDEALUPDATE", 9);
    until("the fourth", || heard.all().len() == 4).await;
}

#[tokio::test]
async fn a_batch_that_was_fetched_and_not_cleared_is_fetched_again() {
    let heard = Heard::default();
    let road = Setup::to(heard.app()).await;
    let portal = road.engine.portal(&road.engine.portals()[0]).unwrap();
    let away = road.leave().await;
    away.portal
        .fire("ONCRMDEALADD", &json!({ "FIELDS": { "ID": 1 } }));
    // As a process does that dies before it has written down what it fetched.
    let batch = portal.fetch_offline().await.unwrap();
    assert_eq!(batch.events.len(), 1);
    assert!(portal.fetch_offline().await.unwrap().events.is_empty());
    away.back(heard.app()).await;
    until("the deal", || heard.all() == ["ONCRMDEALADD 1"]).await;
}

#[tokio::test]
async fn offline_bindings_are_brought_into_step() {
    let heard = Heard::default();
    let road = Setup::to(heard.app()).await;
    let plain = road.leave().await.back(App::new()).await;
    let portal = plain.engine.portal(&plain.engine.portals()[0]).unwrap();
    let bound = portal.bindings().await.unwrap();
    assert!(
        bound.iter().all(|binding| binding.offline == 0),
        "{bound:?}"
    );
    let engine = heard
        .app()
        .shared_store(Arc::clone(plain.engine.store()))
        .engine(&plain.config())
        .unwrap();
    engine.load_portals().await.unwrap();
    let plan = engine.register(&portal, Mode::DryRun).await.unwrap();
    let told: Vec<String> = plan.iter().map(Step::to_string).collect();
    assert!(
        told.contains(&"bind offline ONCRMDEALADD".to_owned()),
        "{told:?}"
    );
    assert!(
        told.contains(&"bind ONCRMCONTACTADD".to_owned()),
        "{told:?}"
    );
}
