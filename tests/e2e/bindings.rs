//! What is bound on a portal follows the program: its hooks, as whom they are, and the address that it has now.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use imbot::engine::Mode;
use imbot::event::UserId;
use imbot::portal::Binding;
use imbot::prelude::*;
use imbot::store::{Access, Memory, Portals, Tokens};
use serde_json::json;

use super::stage::{ANN, Echo, Setup, until};

async fn nothing(_: HookEvent) -> Result {
    Ok(())
}

impl Setup {
    /// What is bound, without the bots' events.
    async fn bound(&self) -> BTreeSet<Binding> {
        let portal = self.engine.portal(&self.engine.portals()[0]).unwrap();
        let mut bound = portal.bindings().await.unwrap();
        bound.retain(|binding| !binding.event.starts_with("ONIM"));
        bound.into_iter().collect()
    }

    /// What is bound of an event: at which address, as which user.
    async fn bound_for(&self, event: &str) -> Vec<(String, UserId)> {
        let bound = self.bound().await.into_iter();
        let bound = bound.filter(|binding| binding.event == event);
        bound
            .map(|binding| (binding.handler, binding.user))
            .collect()
    }

    /// Steps that a program with this application would take now.
    async fn plan(&self) -> Vec<String> {
        let portal = self.engine.portal(&self.engine.portals()[0]).unwrap();
        let plan = self.engine.register(&portal, Mode::DryRun).await.unwrap();
        let steps = plan.iter().map(ToString::to_string);
        steps.filter(|step| step.contains("bind")).collect()
    }
}

#[tokio::test]
async fn what_no_hook_is_for_any_more_is_unbound_and_nothing_is_done_twice() {
    let road = Setup::to(
        App::new()
            .hook("ONCRMDEALADD", nothing)
            .hook("ONTASK*", nothing),
    )
    .await;
    let events: Vec<String> = road
        .bound()
        .await
        .into_iter()
        .map(|binding| binding.event)
        .collect();
    let expected = [
        "ONAPPUNINSTALL",
        "ONAPPUPDATE",
        "ONCRMDEALADD",
        "ONTASKADD",
        "ONTASKCOMMENTADD",
        "ONTASKCOMMENTDELETE",
        "ONTASKCOMMENTUPDATE",
        "ONTASKDELETE",
        "ONTASKUPDATE",
    ];
    assert_eq!(events, expected);
    assert_eq!(road.plan().await, [""; 0]);
    let road = road.again(App::new().hook("ONTASKADD", nothing)).await;
    let events: Vec<String> = road
        .bound()
        .await
        .into_iter()
        .map(|binding| binding.event)
        .collect();
    assert_eq!(events, ["ONAPPUNINSTALL", "ONAPPUPDATE", "ONTASKADD"]);
}

#[tokio::test]
async fn an_event_comes_as_the_user_that_a_hook_names_and_is_bound_once() {
    let ann = UserId(ANN);
    let app = App::new()
        .hook("ONCRMDEAL*", nothing)
        .hook_as(ann, "ONCRMDEALADD", nothing)
        .hook_as(UserId(99), "ONCRMDEALADD", nothing);
    let road = Setup::to(app).await;
    assert_eq!(
        road.bound_for("ONCRMDEALADD").await,
        [(road.handler.clone(), ann)]
    );
    let anybody = UserId(0);
    assert_eq!(
        road.bound_for("ONCRMDEALUPDATE").await,
        [(road.handler.clone(), anybody)]
    );
    assert_eq!(road.plan().await, [""; 0]);
    let road = road.again(App::new().hook("ONCRMDEALADD", nothing)).await;
    assert_eq!(
        road.bound_for("ONCRMDEALADD").await,
        [(road.handler.clone(), anybody)]
    );
}

#[tokio::test]
async fn an_event_brings_the_tokens_of_the_user_that_its_hook_names() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let boris = UserId(2);
    let hook = {
        let seen = Arc::clone(&seen);
        move |event: HookEvent| {
            seen.lock().unwrap().push(event.auth().unwrap().user_id);
            std::future::ready(Ok(()))
        }
    };
    let app = App::new().hook_as(boris, "ONCRMDEALADD", hook.clone());
    let road = Setup::to(app.hook("ONCRMLEADADD", hook)).await;
    for event in ["ONCRMDEALADD", "ONCRMLEADADD"] {
        assert_eq!(
            road.portal.fire(event, &json!({ "FIELDS": { "ID": 7 } })),
            1
        );
    }
    until("both", || seen.lock().unwrap().len() == 2).await;
    let seen = seen.lock().unwrap();
    assert!(
        seen.contains(&Some(boris)) && seen.contains(&Some(UserId(ANN))),
        "{seen:?}"
    );
}

#[tokio::test]
async fn who_leaves_a_portal_leaves_nothing_bound() {
    let app = App::new()
        .hook("ONCRMDEALADD", nothing)
        .offline_hook("ONTASKADD", nothing);
    let road = Setup::to(app).await;
    let portal = road.engine.portal(&road.engine.portals()[0]).unwrap();
    let plan = road.engine.unregister(&portal, Mode::DryRun).await.unwrap();
    assert!(!road.bound().await.is_empty());
    assert_eq!(
        road.engine.unregister(&portal, Mode::Apply).await.unwrap(),
        plan
    );
    assert_eq!(road.bound().await, BTreeSet::new());
}

#[tokio::test]
async fn what_an_application_of_no_administrator_has_bound_stays() {
    struct Ear(Arc<Mutex<Option<Tokens>>>);
    impl Bot for Ear {
        async fn message(&self, cx: &mut Context, _: Message) -> Result {
            let auth = cx.delivery().unwrap().auth()?;
            let (access, refresh) = (auth.access_token.unwrap(), auth.refresh_token.unwrap());
            *self.0.lock().unwrap() = Some(Tokens { access, refresh });
            Ok(())
        }
    }
    let heard = Arc::new(Mutex::new(None));
    let road = Setup::to(App::new().bot(Ear(Arc::clone(&heard)))).await;
    let ben = road.portal.person("Boris").unwrap();
    road.portal
        .send(ben, &road.dialog("ear"), "these are my tokens")
        .unwrap();
    until("Ben's tokens", || heard.lock().unwrap().is_some()).await;

    let mut installation = road.engine.store().portals().await.unwrap().remove(0);
    installation.access = Access::Tokens(heard.lock().unwrap().take().unwrap());
    let store = Arc::new(Memory::new());
    store.install(installation).await.unwrap();
    let app = App::new().hook("ONCRMDEALADD", nothing).shared_store(store);
    let engine = app.engine(&road.config()).unwrap();
    engine.know_portals().await.unwrap();
    let portal = engine.portal(&engine.portals()[0]).unwrap();
    engine.register(&portal, Mode::Apply).await.unwrap();
    let bound = portal.bindings().await.unwrap();
    let deal = Binding::online("ONCRMDEALADD", &road.handler).as_user(UserId(ben));
    assert!(
        bound.contains(&deal),
        "the portal binds for who asks: {bound:?}"
    );
    assert_eq!(engine.register(&portal, Mode::DryRun).await.unwrap(), []);
}

#[tokio::test]
async fn bindings_follow_the_program_to_another_address_and_leave_others_alone() {
    let road = Setup::to(App::new().bot(Echo).hook("ONCRMDEALADD", nothing)).await;
    let old = road.handler.clone();
    let foreign = Binding::online("ONCRMDEALADD", "https://shop.example.com/");
    let portal = road.engine.portal(&road.engine.portals()[0]).unwrap();
    assert!(
        portal
            .bind(std::slice::from_ref(&foreign))
            .await
            .unwrap()
            .is_empty()
    );

    let road = road
        .leave()
        .await
        .moved(App::new().bot(Echo).hook("ONCRMDEALADD", nothing))
        .await;
    assert_ne!(road.handler, old);
    let mut addresses: Vec<String> = road
        .bound_for("ONCRMDEALADD")
        .await
        .into_iter()
        .map(|(at, _)| at)
        .collect();
    addresses.sort();
    let mut expected = [road.handler.clone(), foreign.handler];
    expected.sort();
    assert_eq!(addresses, expected);
    let everything = road
        .engine
        .portal(&road.engine.portals()[0])
        .unwrap()
        .bindings()
        .await
        .unwrap();
    let left: Vec<_> = everything
        .iter()
        .filter(|binding| binding.handler == old)
        .collect();
    assert!(left.is_empty(), "the bots' events, too: {left:?}");
    road.tell("echo", "moved?");
    road.hears("echo", &["moved?"]).await;
}
