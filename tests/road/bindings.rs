//! What is bound on a portal follows the program: its hooks, as whom they are, and the address that it has now.

use std::collections::BTreeSet;

use imbot::engine::Mode;
use imbot::event::UserId;
use imbot::portal::Binding;
use imbot::prelude::*;

use super::stage::{ANN, Echo, Road};

async fn nothing(_: HookEvent) -> Result {
    Ok(())
}

impl Road {
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
    let road = Road::to(
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
    let road = Road::to(app).await;
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
async fn bindings_follow_the_program_to_another_address_and_leave_others_alone() {
    let road = Road::to(App::new().bot(Echo).hook("ONCRMDEALADD", nothing)).await;
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
