//! Connectors and open channels: every documented key, and the forms that the documentation only
//! warns of.

use imbot::event::payload::{Dialogs, Sessions, connector, openline};
use imbot::event::{DecodeError, LineId, SessionId};
use serde_json::json;

use super::{check, read};

#[test]
fn messages_for_the_outside_are_read_completely() {
    let hello = json!({
        "connector": "myconnector", "line": 107,
        "messages": [{
            "chat": 1807, "id": 86497, "outside_chat": "channel-123", "user": 27,
            "text": "[b]Klaus Weber:[/b] [br]Guten Tag!",
        }],
    });
    check::<connector::Messages>("onimconnectormessageadd", hello.clone());
    check::<connector::Messages>("onimconnectormessageadd_plain_brackets", hello);
    let edited = json!({
        "connector": "myconnector", "line": 107,
        "messages": [{
            "chat": 1807, "id": 86501, "outside_chat": "channel-123", "outside_ids": ["ext-msg-005"],
            "text": "[b]Klaus Weber:[/b][br] What questions do you have?",
        }],
    });
    check::<connector::Messages>("onimconnectormessageupdate", edited);
}

#[test]
fn a_message_with_a_single_id_and_one_without_a_list_are_read() {
    let at = "data[MESSAGES][0]";
    let data = format!(
        "data[CONNECTOR]=c&data[LINE]=7&{at}[im][chat_id]=1&{at}[im][message_id]=2&{at}[chat][id]=x\
         &{at}[message][id]=ext-5&{at}[message][files][0][name]=a.png&{at}[message][files][0][type]=image\
         &{at}[message][files][0][downloadLink]=https://example.com/a&{at}[message][files][0][size]=9"
    );
    for data in [data.clone(), data.replace("[MESSAGES][0]", "[MESSAGES]")] {
        let read: connector::Messages = read("ONIMCONNECTORMESSAGEDELETE", &data).unwrap();
        let message = &read.messages[0];
        assert_eq!(message.outside_ids, ["ext-5"]);
        assert_eq!(
            (message.files[0].name.as_str(), message.files[0].size),
            ("a.png", Some(9))
        );
    }
}

#[test]
fn a_text_that_looks_like_a_missing_value_is_kept() {
    let data = "data[CONNECTOR]=c&data[LINE]=7&data[MESSAGES][0][im][chat_id]=1&data[MESSAGES][0][im][message_id]=2\
                &data[MESSAGES][0][chat][id]=x&data[MESSAGES][0][message][text]=undefined";
    let read: connector::Messages = read("ONIMCONNECTORMESSAGEADD", data).unwrap();
    assert_eq!(read.messages[0].text, "undefined");
}

#[test]
fn a_deactivated_connector_and_a_deleted_line_are_read() {
    let status = json!({ "connector": "myconnector", "line": 107 });
    check::<connector::Status>("onimconnectorstatusdelete", status);
    let line = read("ONIMCONNECTORLINEDELETE", "data=107").unwrap();
    assert_eq!(connector::LineDeleted(LineId(107)), line);
    for nothing in ["data=", "ts=1"] {
        let missing = read::<connector::LineDeleted>("ONIMCONNECTORLINEDELETE", nothing);
        assert_eq!(missing.unwrap_err().to_string(), "`data` is missing");
    }
}

#[test]
fn messages_in_the_chats_of_lines_are_read_completely() {
    let changed =
        json!({ "messages": [{ "chat": 1024, "id": 2056, "connector": "livechat", "line": 128 }] });
    check::<openline::Messages>("onopenlinemessageupdate", changed.clone());
    check::<openline::Messages>("onopenlinemessagedelete", changed);
    let at = "data[DATA][0]";
    let data = format!(
        "{at}[connector][connector_id]=livechat&{at}[connector][line_id]=128&{at}[connector][chat_id]=10587\
         &{at}[connector][user_id]=1985&{at}[chat][id]=10585&{at}[message][id]=80964&{at}[message][date]=\
         &{at}[message][text]=hello&{at}[message][system]=N&{at}[message][user_id]=1985&{at}[ref][0]=track-1"
    );
    let read: openline::Messages = read("ONOPENLINEMESSAGEADD", &data).unwrap();
    let expected = json!({ "messages": [{
        "chat": 10585, "id": 80964, "connector": "livechat", "line": 128, "outside_chat": "10587", "client": 1985,
        "user": 1985, "text": "hello", "system": false, "trackers": ["track-1"],
    }] });
    assert_eq!(super::filled(&json!(read)), expected);
}

#[test]
fn sessions_are_read_completely_from_events_of_lines_and_of_connectors() {
    let session = |closed: bool| {
        json!({ "sessions": [{
            "id": 42, "is_closed": closed, "close_minutes": 60, "connector": "livechat", "line": 128,
            "outside_chat": "10585", "client": 1984,
        }] })
    };
    check::<Sessions>("onsessionstart", session(false));
    check::<Sessions>("onsessionfinish", session(true));
    let dialog = json!({
        "connector": "newcustomconnector", "line": 105,
        "sessions": [{
            "id": 3282, "is_closed": false, "close_minutes": 10, "connector": "newcustomconnector", "line": 105,
            "outside_chat": "8", "client": 0,
        }],
    });
    check::<Dialogs>("onimconnectordialogstart", dialog);
}

#[test]
fn a_session_without_a_list_is_read() {
    let data = "data[DATA][connector][connector_id]=mine&data[DATA][session][id]=5&data[DATA][session][parent_id]=4\
                &data[DATA][session][closed]=Y";
    let read: Sessions = read("ONSESSIONFINISH", data).unwrap();
    let session = &read.sessions[0];
    assert_eq!(
        (session.id, session.parent),
        (Some(SessionId(5)), Some(SessionId(4)))
    );
    assert!(session.is_closed && session.line.is_none());
}

#[test]
fn errors_name_a_missing_key_and_a_wrong_event() {
    let data = "data[CONNECTOR]=c&data[LINE]=7&data[MESSAGES][0][chat][id]=x";
    let missing = read::<connector::Messages>("ONIMCONNECTORMESSAGEADD", data).unwrap_err();
    assert_eq!(missing.to_string(), "`data[MESSAGES][0][im]` is missing");
    let line = "data[connector]=c&data[line]=seven";
    let wrong = read::<connector::Status>("ONIMCONNECTORSTATUSDELETE", line).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "`data[line]`: expected a number, found `seven`"
    );
    let other = read::<connector::Status>("ONTASKADD", data).unwrap_err();
    assert!(matches!(other, DecodeError::OtherEvent { .. }), "{other}");
}
