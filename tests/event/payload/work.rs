//! Tasks, the calendar, telephony, users, and the application itself.

use imbot::event::AppEvent;
use imbot::event::payload::{User, calendar, task, telephony};
use serde_json::json;

use super::{check, example, filled, read};

#[test]
fn the_states_before_and_after_a_tasks_change_are_read_completely() {
    let added = json!({ "id": 123, "existed_before": false, "exists_now": true, "accessible_before": false });
    check::<task::Task>("ontaskadd", added);
    check::<task::Task>(
        "ontaskupdate",
        json!({ "id": 123, "existed_before": true, "exists_now": true }),
    );
    let deleted = json!({ "id": 123, "existed_before": true, "exists_now": false, "accessible_after": false });
    check::<task::Task>("ontaskdelete", deleted);
    let neither = "data[FIELDS_BEFORE]=undefined&data[FIELDS_AFTER]=undefined";
    let error = read::<task::Task>("ONTASKUPDATE", neither).unwrap_err();
    assert_eq!(error.to_string(), "`data[FIELDS_AFTER]` is missing");
}

#[test]
fn comments_of_tasks_are_read_in_the_old_and_the_new_form() {
    check::<task::Comment>("ontaskcommentadd_legacy", json!({ "id": 123, "task": 555 }));
    let edited = json!({ "id": 123, "task": 555, "action": "EDIT" });
    check::<task::Comment>("ontaskcommentupdate", edited);
    let message = "data[FIELDS_BEFORE]=undefined&data[FIELDS_AFTER][ID]=0&data[FIELDS_AFTER][TASK_ID]=555\
                   &data[FIELDS_AFTER][MESSAGE_ID]=1458&data[IS_ACCESSIBLE_AFTER]=undefined";
    let message: task::Comment = read("ONTASKCOMMENTADD", message).unwrap();
    assert_eq!(
        filled(&json!(message)),
        json!({ "task": 555, "message": 1458 })
    );
}

#[test]
fn calls_are_read_completely() {
    let line = json!({
        "call": "5E316880469A6376.1773306964.8740011", "kind": 1, "account": "reg150908", "phone": "+499999996666",
        "caller": "reg150908",
    });
    check::<telephony::CallInit>("onvoximplantcallinit_line", line);
    let call = "externalCall.7b0c7de811455ef32b18dc5917e4306a.1773239327";
    let application =
        json!({ "call": call, "kind": 1, "caller": "+499061234567", "application": 3 });
    check::<telephony::CallInit>("onvoximplantcallinit_app", application);
    check::<telephony::CallStart>(
        "onvoximplantcallstart",
        json!({ "call": call, "user": 1269 }),
    );
    let end = json!({
        "call": call, "kind": 1, "phone": "+499061234567", "portal_number": "REST_APP:", "user": 1269, "seconds": 0,
        "started": "2026-03-11T17:28:46+03:00", "cost": "0", "code": "304", "reason": "Call canceled", "activity": 7953,
    });
    check::<telephony::CallEnd>("onvoximplantcallend", end);
}

#[test]
fn calls_requested_from_an_application_are_read_completely() {
    let clicked = json!({
        "call": "externalCall.89350264e026dace3f2b14d1f438257c.1773236989", "phone": "+494951234567",
        "phone_international": "+494951234567", "user": 1269, "line": "7", "is_mobile": false, "entity_type": "CONTACT",
        "entity": 797,
    });
    check::<telephony::ExternalCall>("onexternalcallstart", clicked);
    let callback = json!({
        "phone": "+494951234567", "text": "A callback has been ordered from the website, I am connecting you with the customer",
        "voice": "ruinternalfemale", "line": "7", "entity_type": "CONTACT", "entity": 5785,
    });
    check::<telephony::ExternalCallback>("onexternalcallbackstart", callback);
}

#[test]
fn calendar_and_users_are_read_completely() {
    check::<calendar::Entry>("oncalendarentryadd", json!({ "id": 1414 }));
    check::<calendar::Section>("oncalendarsectiondelete", json!({ "id": 202 }));
    let user = json!({
        "id": 123, "active": true, "email": "user@example.com", "first_name": "Klaus", "last_name": "Weber", "gender": "M",
        "birthday": "1990-01-01", "work_position": "Developer", "departments": [1, 2],
        "registered": "2024-04-05T10:00:00+03:00", "employed": "2024-04-05",
    });
    check::<User>("onuseradd", user);
    let little: User = read("ONUSERADD", "data[ID]=5&data[EMAIL]=&data[ACTIVE]=N").unwrap();
    assert_eq!(filled(&json!(little)), json!({ "id": 5, "active": false }));
}

#[test]
fn events_of_the_application_are_read_completely() {
    let installed = json!({ "Installed": { "version": "1.0.0", "active": true, "installed": true, "language": "de" } });
    check::<AppEvent>("onappinstall", installed);
    let updated =
        json!({ "Updated": { "version": "2.1.0", "previous": "2.0.3", "language": "de" } });
    check::<AppEvent>("onappupdate", updated);
    check::<AppEvent>(
        "onappuninstall",
        json!({ "Uninstalled": { "clean": true, "language": "de" } }),
    );
    check::<AppEvent>(
        "onapptest",
        json!({ "Tested": { "query": { "any": "data" } } }),
    );
    let confirm = example("onappmethodconfirm").read::<AppEvent>().unwrap();
    let AppEvent::MethodConfirm {
        token,
        method,
        confirmed,
        ..
    } = confirm
    else {
        panic!("{confirm:?}")
    };
    assert!(
        token.is_some() && confirmed,
        "the token is not written out, and so is not in JSON"
    );
    assert_eq!(method, "voximplant.user.get");
    for nothing in ["ts=1", "data="] {
        let signal = read::<AppEvent>("ONOFFLINEEVENT", nothing).unwrap();
        assert!(matches!(signal, AppEvent::OfflineWaiting));
    }
}
