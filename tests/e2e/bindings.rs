//! The bindings on a portal follow the program: its hooks, their users, and its current address.

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
    /// The bindings, without the bots' events.
    async fn bound(&self) -> BTreeSet<Binding> {
        let portal = self.engine.portal(&self.engine.portals()[0]).unwrap();
        let mut bound = portal.bindings().await.unwrap();
        bound.retain(|binding| !binding.event.starts_with("ONIM"));
        bound.into_iter().collect()
    }

    /// The addresses and users that an event is bound for.
    async fn bound_for(&self, event: &str) -> Vec<(String, UserId)> {
        let bound = self.bound().await.into_iter();
        let bound = bound.filter(|binding| binding.event == event);
        bound
            .map(|binding| (binding.handler, binding.user))
            .collect()
    }

    /// The steps that a program with this application would take now.
    async fn plan(&self) -> Vec<String> {
        let portal = self.engine.portal(&self.engine.portals()[0]).unwrap();
        let plan = self.engine.register(&portal, Mode::DryRun).await.unwrap();
        let steps = plan.iter().map(ToString::to_string);
        steps.filter(|step| step.contains("bind")).collect()
    }
}

#[tokio::test]
async fn events_without_a_hook_are_unbound_and_reconciling_again_does_nothing() {
    let setup = Setup::installed(
        App::new()
            .hook("ONCRMDEALADD", nothing)
            .hook("ONTASK*", nothing),
    )
    .await;
    let events: Vec<String> = setup
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
    assert_eq!(setup.plan().await, [""; 0]);
    let setup = setup.restart(App::new().hook("ONTASKADD", nothing)).await;
    let events: Vec<String> = setup
        .bound()
        .await
        .into_iter()
        .map(|binding| binding.event)
        .collect();
    assert_eq!(events, ["ONAPPUNINSTALL", "ONAPPUPDATE", "ONTASKADD"]);
}

#[tokio::test]
async fn each_user_that_a_hook_names_has_a_binding_of_the_event() {
    let ann = UserId(ANN);
    let app = App::new()
        .hook("ONCRMDEAL*", nothing)
        .hook_as(ann, "ONCRMDEALADD", nothing)
        .hook_as(ann, "ONCRMDEALADD", nothing)
        .hook_as(UserId(99), "ONCRMDEALADD", nothing)
        .hook_as(ann, "ONAPPUPDATE", nothing);
    let setup = Setup::installed(app).await;
    let anybody = (setup.handler.clone(), UserId(0));
    let at = |user: UserId| (format!("{}?as_user={user}", setup.handler), user);
    assert_eq!(
        setup.bound_for("ONCRMDEALADD").await,
        [anybody.clone(), at(ann), at(UserId(99))]
    );
    for event in ["ONCRMDEALUPDATE", "ONAPPUPDATE"] {
        assert_eq!(setup.bound_for(event).await, std::slice::from_ref(&anybody));
    }
    assert_eq!(setup.plan().await, [""; 0]);
    let setup = setup
        .restart(App::new().hook("ONCRMDEALADD", nothing))
        .await;
    assert_eq!(setup.bound_for("ONCRMDEALADD").await, [anybody]);
}

#[tokio::test]
async fn a_hook_gets_an_event_once_with_the_tokens_of_its_own_user() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = |name: &'static str| {
        let seen = Arc::clone(&seen);
        move |event: HookEvent| {
            let user = event.auth().unwrap().user_id.unwrap();
            seen.lock().unwrap().push((name, user.0));
            std::future::ready(Ok(()))
        }
    };
    // Ann causes the events, so two of the three bindings carry her tokens.
    let app = App::new()
        .hook("ONCRMDEALADD", hook("causer"))
        .hook_as(UserId(ANN), "ONCRMDEALADD", hook("ann"))
        .hook_as(UserId(2), "ONCRMDEALADD", hook("boris"))
        .hook_as(UserId(2), "ONCRMLEADADD", hook("lead"));
    let setup = Setup::installed(app).await;
    let data = json!({ "FIELDS": { "ID": 7 } });
    assert_eq!(setup.portal.fire("ONCRMDEALADD", &data), 3);
    assert_eq!(setup.portal.fire("ONCRMLEADADD", &data), 1);
    until("all hooks", || seen.lock().unwrap().len() >= 4).await;
    setup.settles().await;
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [("ann", ANN), ("boris", 2), ("causer", ANN), ("lead", 2)]
    );
}

#[tokio::test]
async fn a_binding_that_an_earlier_program_made_for_a_user_is_replaced() {
    let setup = Setup::installed(App::new()).await;
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let old = Binding::online("ONCRMDEALADD", &setup.handler).as_user(UserId(2));
    assert!(portal.bind(&[old]).await.unwrap().is_empty());
    let setup = setup
        .restart(App::new().hook_as(UserId(2), "ONCRMDEALADD", nothing))
        .await;
    let expected = (format!("{}?as_user=2", setup.handler), UserId(2));
    assert_eq!(setup.bound_for("ONCRMDEALADD").await, [expected]);
}

impl Setup {
    /// Removes all bindings of the application, those of its bots too.
    async fn unbind_all(&self) {
        let portal = self.engine.portal(&self.engine.portals()[0]).unwrap();
        let bound = portal.bindings().await.unwrap();
        assert!(portal.unbind(&bound).await.unwrap().is_empty());
        assert_eq!(portal.bindings().await.unwrap(), []);
    }

    /// The number of the bots' events that are bound.
    async fn bot_events(&self) -> usize {
        let portal = self.engine.portal(&self.engine.portals()[0]).unwrap();
        let bound = portal.bindings().await.unwrap();
        let is_bots = |binding: &&Binding| binding.event.starts_with("ONIMBOTV2");
        bound.iter().filter(is_bots).count()
    }
}

#[tokio::test]
async fn a_bot_receives_messages_after_a_new_version_of_the_application_removed_its_bindings() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    assert_eq!(setup.bot_events().await, 8);
    let before = setup.engine.setups();
    let app = &setup.credentials.client_id;
    setup.portal.update_app(app).await.unwrap();
    let again = setup.engine.until_set_up(before + 1);
    tokio::time::timeout(super::stage::PATIENCE, again)
        .await
        .expect("set up in time");
    assert_eq!(setup.bot_events().await, 8);
    setup.write("echo", "still there?");
    setup.receives("echo", &["still there?"]).await;
}

#[tokio::test]
async fn a_bot_receives_messages_after_a_restart_or_a_registration_that_finds_its_events_unbound() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    setup.unbind_all().await;
    let setup = setup.restart(App::new().bot(Echo)).await;
    assert_eq!(setup.bot_events().await, 8);
    setup.write("echo", "one");
    setup.receives("echo", &["one"]).await;

    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let one = Binding::online("ONIMBOTV2MESSAGEADD", &setup.handler);
    assert!(portal.unbind(&[one]).await.unwrap().is_empty());
    assert_eq!(setup.plan().await, ["bind ONIMBOTV2MESSAGEADD"]);
    setup.engine.register(&portal, Mode::Apply).await.unwrap();
    assert_eq!(setup.plan().await, [""; 0]);
    setup.write("echo", "two");
    setup.receives("echo", &["one", "two"]).await;
}

#[tokio::test]
async fn a_v1_bot_receives_messages_after_a_restart_that_finds_its_events_unbound() {
    struct Old;
    impl Bot for Old {
        fn profile(&self) -> Profile {
            Profile::new("old", "Old").api(Api::V1)
        }
        async fn message(&self, cx: &mut Context, message: Message) -> Result {
            cx.say(message.text);
            Ok(())
        }
    }
    let setup = Setup::installed(App::new().bot(Old)).await;
    setup.unbind_all().await;
    let setup = setup.restart(App::new().bot(Old)).await;
    setup.write("old", "one");
    setup.receives("old", &["one"]).await;
}

#[tokio::test]
async fn offline_events_that_another_program_has_bound_stay() {
    let app = || App::new().offline_hook("ONTASKADD", nothing);
    let setup = Setup::installed(app().offline_hook("ONTASKUPDATE", nothing)).await;
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let foreign = Binding::offline("ONCRMDEALADD");
    let refused = portal.bind(std::slice::from_ref(&foreign)).await.unwrap();
    assert!(refused.is_empty());
    let setup = setup.restart(app()).await;
    let mut offline: Vec<String> = setup
        .bound()
        .await
        .into_iter()
        .collect::<Vec<_>>()
        .into_iter()
        .filter(|binding| binding.offline != 0)
        .map(|binding| binding.event)
        .collect();
    offline.sort();
    assert_eq!(offline, ["ONCRMDEALADD", "ONTASKADD"]);
}

#[tokio::test]
async fn an_event_has_the_tokens_of_the_user_that_its_hook_names() {
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
    let setup = Setup::installed(app.hook("ONCRMLEADADD", hook)).await;
    for event in ["ONCRMDEALADD", "ONCRMLEADADD"] {
        assert_eq!(
            setup.portal.fire(event, &json!({ "FIELDS": { "ID": 7 } })),
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
async fn unregistering_removes_all_bindings() {
    let app = App::new()
        .hook("ONCRMDEALADD", nothing)
        .offline_hook("ONTASKADD", nothing);
    let setup = Setup::installed(app).await;
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let plan = setup
        .engine
        .unregister(&portal, Mode::DryRun)
        .await
        .unwrap();
    assert!(!setup.bound().await.is_empty());
    assert_eq!(
        setup.engine.unregister(&portal, Mode::Apply).await.unwrap(),
        plan
    );
    assert_eq!(setup.bound().await, BTreeSet::new());
}

#[tokio::test]
async fn bindings_of_an_application_installed_without_an_administrator_stay() {
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
    let setup = Setup::installed(App::new().bot(Ear(Arc::clone(&heard)))).await;
    let ben = setup.portal.person("Boris").unwrap();
    setup
        .portal
        .send(ben, &setup.dialog("ear"), "these are my tokens")
        .unwrap();
    until("Ben's tokens", || heard.lock().unwrap().is_some()).await;

    let mut installation = setup.engine.store().portals().await.unwrap().remove(0);
    installation.access = Access::Tokens(heard.lock().unwrap().take().unwrap());
    let store = Arc::new(Memory::new());
    store.install(installation).await.unwrap();
    let app = App::new().hook("ONCRMDEALADD", nothing).shared_store(store);
    let engine = app.engine(&setup.config()).unwrap();
    engine.load_portals().await.unwrap();
    let portal = engine.portal(&engine.portals()[0]).unwrap();
    engine.register(&portal, Mode::Apply).await.unwrap();
    let bound = portal.bindings().await.unwrap();
    let deal = Binding::online("ONCRMDEALADD", &setup.handler).as_user(UserId(ben));
    assert!(
        bound.contains(&deal),
        "the portal binds for who asks: {bound:?}"
    );
    assert_eq!(engine.register(&portal, Mode::DryRun).await.unwrap(), []);
}

#[tokio::test]
async fn bindings_follow_the_program_to_a_new_address_and_those_of_others_stay() {
    let setup = Setup::installed(App::new().bot(Echo).hook("ONCRMDEALADD", nothing)).await;
    let old = setup.handler.clone();
    let foreign = Binding::online("ONCRMDEALADD", "https://shop.example.com/");
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    assert!(
        portal
            .bind(std::slice::from_ref(&foreign))
            .await
            .unwrap()
            .is_empty()
    );

    let setup = setup
        .stop()
        .await
        .start_elsewhere(App::new().bot(Echo).hook("ONCRMDEALADD", nothing))
        .await;
    assert_ne!(setup.handler, old);
    let mut addresses: Vec<String> = setup
        .bound_for("ONCRMDEALADD")
        .await
        .into_iter()
        .map(|(at, _)| at)
        .collect();
    addresses.sort();
    let mut expected = [setup.handler.clone(), foreign.handler];
    expected.sort();
    assert_eq!(addresses, expected);
    let everything = setup
        .engine
        .portal(&setup.engine.portals()[0])
        .unwrap()
        .bindings()
        .await
        .unwrap();
    let left: Vec<_> = everything
        .iter()
        .filter(|binding| binding.handler == old)
        .collect();
    assert!(left.is_empty(), "the bots' events, too: {left:?}");
    setup.write("echo", "moved?");
    setup.receives("echo", &["moved?"]).await;
}
