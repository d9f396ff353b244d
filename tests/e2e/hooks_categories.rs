//! Every category of events: the documentation's bodies, posted as a portal posts them, arrive at a
//! hook as typed events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use imbot::event::payload::{
    self, Payload, calendar, connector, crm, openline, task, telephony, timeline,
};
use imbot::event::{AppEvent, Category, form};
use imbot::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::stage::{Echo, Setup, until};

/// The payload that each hook has read, by the event's name.
type Read = Arc<Mutex<BTreeMap<String, Value>>>;

/// A hook that reads one type of payload.
fn reading<P: Payload + Serialize>(read: &Read) -> impl imbot::handler::Hook {
    let read = Arc::clone(read);
    move |event: HookEvent| {
        let done = event.read::<P>().map(|payload| {
            let mut read = read.lock().unwrap();
            read.insert(event.name.to_string(), json!(payload));
        });
        std::future::ready(done.map_err(Error::failed))
    }
}

/// A hook that reads the tree of an event without a type.
fn raw(read: &Read) -> impl imbot::handler::Hook {
    let read = Arc::clone(read);
    move |event: HookEvent| {
        let data = event.data().map_or(Value::Null, |data| data.to_json());
        read.lock().unwrap().insert(event.name.to_string(), data);
        std::future::ready(Ok(()))
    }
}

fn app(read: &Read) -> App {
    App::new()
        .bot(Echo)
        .hook("ONAPPTEST", reading::<AppEvent>(read))
        .hook("ONAPPMETHODCONFIRM", reading::<AppEvent>(read))
        .hook("ONCRMDEALADD", reading::<crm::Item>(read))
        .hook("ONCRMDEALRECURRING*", reading::<crm::Recurring>(read))
        .hook("ONCRMLEADUSERFIELD*", reading::<crm::UserField>(read))
        .hook("ONCRMDOCUMENT*", reading::<crm::Document>(read))
        .hook("ONCRMCURRENCY*", reading::<crm::Currency>(read))
        .hook("ONCRMADDRESS*", reading::<crm::Address>(read))
        .hook("ONCRMTIMELINE*", reading::<timeline::Comment>(read))
        .hook("ONCRMMEASURE*", reading::<payload::Measure>(read))
        .hook("ONVOXIMPLANTCALLEND", reading::<telephony::CallEnd>(read))
        .hook(
            "ONEXTERNALCALLSTART",
            reading::<telephony::ExternalCall>(read),
        )
        .hook("ONTASKUPDATE", reading::<task::Task>(read))
        .hook("ONTASKCOMMENT*", reading::<task::Comment>(read))
        .hook("ONUSERADD", reading::<payload::User>(read))
        .hook(
            "ONIMCONNECTORMESSAGE*",
            reading::<connector::Messages>(read),
        )
        .hook("ONIMCONNECTORDIALOG*", reading::<payload::Dialogs>(read))
        .hook(
            "ONIMCONNECTORLINEDELETE",
            reading::<connector::LineDeleted>(read),
        )
        .hook("ONSESSIONSTART", reading::<payload::Sessions>(read))
        .hook("ONOPENLINEMESSAGE*", reading::<openline::Messages>(read))
        .hook("ONCALENDARENTRY*", reading::<calendar::Entry>(read))
        .hook(Category::Booking, raw(read))
        .hook(Category::Workgroups, raw(read))
        .hook("ONSOMETHINGNEW", raw(read))
}

/// Pages whose bodies are in the folder of examples.
const EXAMPLES: &[&str] = &[
    "onapptest",
    "onappmethodconfirm",
    "oncrmdealadd_app",
    "oncrmdealrecurringexpose",
    "oncrmleaduserfieldsetenumvalues",
    "oncrmdocumentgeneratordocumentadd",
    "onvoximplantcallend",
    "onexternalcallstart",
    "ontaskupdate",
    "ontaskcommentadd_legacy",
    "onuseradd",
    "onimconnectormessageadd",
    "onimconnectormessageupdate",
    "onimconnectordialogstart",
    "onsessionstart",
    "onopenlinemessageupdate",
    "oncalendarentryadd",
    "onbookingadd",
    "onsonetgroupadd",
];

/// Events whose pages are not among them.
fn others() -> Vec<Value> {
    let address = json!({ "TYPE_ID": 1, "ENTITY_TYPE_ID": 8, "ENTITY_ID": 1, "ANCHOR_ID": 17192, "ANCHOR_TYPE_ID": 3 });
    vec![
        json!({ "event": "ONCRMCURRENCYUPDATE", "data": { "FIELDS": { "ID": "CHE" } } }),
        json!({ "event": "onCrmAddressRegister", "data": { "FIELDS": address } }),
        json!({ "event": "ONCRMTIMELINECOMMENTADD", "data": { "ID": 999 } }),
        json!({ "event": "ONCRMMEASUREADD", "data": { "FIELDS": { "ID": 3 } } }),
        json!({ "event": "ONIMCONNECTORLINEDELETE", "data": 107 }),
        json!({ "event": "ONSOMETHINGNEW", "data": { "deep": { "er": ["a", "b"] } } }),
    ]
}

#[tokio::test]
async fn events_of_every_category_reach_their_hooks_typed() {
    let read = Read::default();
    let setup = Setup::installed(app(&read)).await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events");
    for name in EXAMPLES {
        let body = std::fs::read(folder.join(format!("rest-{name}.form"))).unwrap();
        let body = form::decode(&body).unwrap();
        assert_eq!(setup.post_as_portal(body).await, 200, "{name}");
    }
    let others = others();
    let expected = EXAMPLES.len() + others.len();
    for body in others {
        assert_eq!(setup.post_as_portal(body).await, 200);
    }
    until("every hook", || read.lock().unwrap().len() == expected).await;
    let read = read.lock().unwrap();
    assert_eq!(read["ONCRMDEALADD"]["id"], 7405);
    assert_eq!(
        read["ONIMCONNECTORMESSAGEUPDATE"]["messages"][0]["outside_ids"],
        json!(["ext-msg-005"])
    );
    assert_eq!(read["ONIMCONNECTORLINEDELETE"], 107);
    assert_eq!(read["ONSESSIONSTART"]["sessions"][0]["id"], 42);
    assert_eq!(read["ONCRMADDRESSREGISTER"]["anchor"], 17192);
    assert_eq!(read["ONTASKUPDATE"]["existed_before"], true);
    assert_eq!(read["ONUSERADD"]["departments"], json!([1, 2]));
    assert_eq!(read["ONBOOKINGADD"], json!({ "ID": "66" }));
    assert_eq!(read["ONSOMETHINGNEW"]["deep"]["er"]["1"], "b");
}

#[tokio::test]
async fn two_sessions_with_the_same_event_id_are_both_handled() {
    let read = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&read);
    let hook = move |event: HookEvent| {
        let sessions = event.read::<payload::Sessions>().unwrap().sessions;
        kept.lock()
            .unwrap()
            .extend(sessions.into_iter().filter_map(|session| session.id));
        std::future::ready(Ok(()))
    };
    let setup = Setup::installed(App::new().hook("ONSESSIONSTART", hook)).await;
    for session in [41, 42, 42] {
        let data = json!({ "DATA": [{ "session": { "id": session } }] });
        let body =
            json!({ "event": "ONSESSIONSTART", "eventId": 1, "data": data, "ts": 1_714_649_632 });
        assert_eq!(setup.post_as_portal(body).await, 200);
    }
    until("both sessions", || read.lock().unwrap().len() >= 2).await;
    setup.settles().await;
    let read: Vec<u64> = read.lock().unwrap().iter().map(|id| id.0).collect();
    assert_eq!(read, [41, 42], "the same body again is a repeat");
}
