//! Each invalid request gets a status and a text that name the error, and does no harm.

use imbot::event::{BODY_BYTES_MAX, DEPTH_MAX, PAIRS_MAX};
use imbot::store::Operator;
use serde_json::{Value, json};

use super::server::{Answer, TestServer, form, message, request};
use crate::support::offline::{MEMBER, TOKEN};

#[tokio::test]
async fn the_answer_to_a_wrong_method_names_the_allowed_ones() {
    let server = TestServer::start().await;
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = server.send(request(method, "/", "", "").as_bytes()).await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(
            answer.head.contains(&"allow: post, get".to_owned()),
            "{answer:?}"
        );
    }
    server.accepts("after wrong methods").await;
}

#[tokio::test]
async fn the_answer_to_a_post_that_is_not_a_form_names_the_type() {
    let server = TestServer::start().await;
    let body = form(&message("not a form"));
    for headers in [
        "Content-Type: application/json\r\n",
        "Content-Type: multipart/form-data; boundary=x\r\n",
        "",
    ] {
        let answer = server
            .send(request("POST", "/", headers, &body).as_bytes())
            .await;
        assert_eq!(answer.status, 415, "{headers}");
        assert!(
            answer.body.contains("application/x-www-form-urlencoded"),
            "{answer:?}"
        );
    }
    let with_charset = "Content-Type: Application/X-WWW-Form-Urlencoded; charset=UTF-8\r\n";
    let answer = server
        .send(request("POST", "/", with_charset, &body).as_bytes())
        .await;
    assert_eq!(answer.status, 200);
    server.receives("not a form").await;
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_with_and_without_a_content_length() {
    let server = TestServer::start().await;
    let long = "x".repeat(BODY_BYTES_MAX + 1);
    let with_length = server.post(&long).await;
    let chunk = "x".repeat(64 * 1024);
    let mut chunked = String::from(
        "POST / HTTP/1.1\r\nHost: bots\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n",
    );
    for _ in 0..=BODY_BYTES_MAX / chunk.len() {
        chunked.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    }
    chunked.push_str("0\r\n\r\n");
    let without_length = server.send(chunked.as_bytes()).await;
    for answer in [with_length, without_length] {
        assert_eq!(answer.status, 413);
        assert!(answer.body.contains("2097152 bytes"), "{answer:?}");
    }
    server.accepts("after long bodies").await;
}

#[tokio::test]
async fn the_answer_to_an_invalid_body_names_the_key() {
    let server = TestServer::start().await;
    let many: String = (0..=PAIRS_MAX).map(|key| format!("k{key}=1&")).collect();
    let deep = format!("event=ONCRMDEALADD&data{}=1", "[a]".repeat(DEPTH_MAX + 1));
    let cases = [
        (many, "more than 4000 keys"),
        (deep, "`data[a][a]"),
        ("a=1&b=2".to_owned(), "`event` is missing"),
        (String::new(), "`event` is missing"),
    ];
    for (body, text) in cases {
        let answer = server.post(&body).await;
        assert_eq!(answer.status, 400, "{text}: {answer:?}");
        assert!(answer.body.contains(text), "{text}: {answer:?}");
    }
    server.accepts("after broken bodies").await;
    assert_eq!(server.received(), ["after broken bodies"]);
}

#[tokio::test]
async fn a_verified_event_that_cannot_be_decoded_becomes_a_dead_letter() {
    let server = TestServer::start().await;
    let cases = [
        (
            "/data/PARAMS/MESSAGE_ID",
            "abc",
            "`data[PARAMS][MESSAGE_ID]`: expected a number, found `abc`",
        ),
        (
            "/data/PARAMS/MESSAGE_ID",
            "99999999999999999999999",
            "`data[PARAMS][MESSAGE_ID]`: expected a number, found `99999999999999999999999`",
        ),
        (
            "/data/PARAMS/DIALOG_ID",
            "",
            "`data[PARAMS][DIALOG_ID]` is missing",
        ),
    ];
    for (pointer, value, _) in cases {
        let mut body = message("broken");
        *body.pointer_mut(pointer).unwrap() = value.into();
        let answer = server.post(&form(&body)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    }
    server.accepts("after broken events").await;
    let dead = server.store.dead_letters(None, 10).await.unwrap();
    let errors: Vec<&str> = dead.iter().map(|letter| letter.error.as_str()).collect();
    assert_eq!(errors, cases.map(|(_, _, error)| error));
    assert_eq!(server.received(), ["after broken events"]);
}

#[tokio::test]
async fn all_forged_events_get_the_same_answer() {
    let server = TestServer::start().await;
    let auths = [
        json!({ "member_id": MEMBER, "application_token": "831c76b092f9f135d9b6b36c3a720758" }),
        json!({ "member_id": MEMBER, "application_token": "short" }),
        json!({ "member_id": MEMBER, "application_token": "" }),
        json!({ "member_id": MEMBER }),
        json!({ "member_id": "nobody", "application_token": TOKEN }),
        json!({ "application_token": TOKEN }),
        Value::Null,
    ];
    let mut answers: Vec<Answer> = Vec::new();
    for auth in auths {
        for event in ["ONIMBOTMESSAGEADD", "ONAPPUNINSTALL", "ONCRMDEALADD"] {
            let mut body = message("forged");
            body["event"] = event.into();
            body["auth"] = auth.clone();
            answers.push(server.post(&form(&body)).await);
        }
    }
    assert_eq!(answers[0].status, 403);
    for answer in &answers {
        assert_eq!(*answer, answers[0]);
    }
    server.accepts("verified").await;
    assert_eq!(server.received(), ["verified"]);
}

#[tokio::test]
async fn a_get_with_a_query_works_like_a_post() {
    let server = TestServer::start().await;
    let path = format!("/?{}", form(&message("by query")));
    let answer = server.send(request("GET", &path, "", "").as_bytes()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    server.receives("by query").await;
    let bare = server.send(request("GET", "/", "", "").as_bytes()).await;
    assert_eq!(bare.status, 400, "{bare:?}");
}

#[tokio::test]
async fn the_installation_page_is_for_portals_only() {
    let server = TestServer::start().await;
    let answer = server
        .send(request("GET", "/install", "", "").as_bytes())
        .await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("opened by a portal"), "{answer:?}");
    let long = "AUTH_ID=x".repeat(64 * 1024);
    let answer = server
        .send(request("POST", "/install", "", &long).as_bytes())
        .await;
    assert_eq!(answer.status, 413);
}
