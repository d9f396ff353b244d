//! Each bad request gets the status and the sentence that tell its sender what is wrong, and does no harm.

use imbot::event::{BODY_BYTES_MAX, DEPTH_MAX, PAIRS_MAX};
use imbot::store::Operator;
use serde_json::{Value, json};

use super::door::{Answer, Door, MEMBER, TOKEN, form, message, request};

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let door = Door::open().await;
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = door.send(request(method, "/", "", "").as_bytes()).await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(
            answer.head.contains(&"allow: post, get".to_owned()),
            "{answer:?}"
        );
    }
    door.is_open("after wrong methods").await;
}

#[tokio::test]
async fn a_post_that_is_no_form_is_told_the_type() {
    let door = Door::open().await;
    let body = form(&message("not a form"));
    for headers in [
        "Content-Type: application/json\r\n",
        "Content-Type: multipart/form-data; boundary=x\r\n",
        "",
    ] {
        let answer = door
            .send(request("POST", "/", headers, &body).as_bytes())
            .await;
        assert_eq!(answer.status, 415, "{headers}");
        assert!(
            answer.body.contains("application/x-www-form-urlencoded"),
            "{answer:?}"
        );
    }
    let with_charset = "Content-Type: Application/X-WWW-Form-Urlencoded; charset=UTF-8\r\n";
    let answer = door
        .send(request("POST", "/", with_charset, &body).as_bytes())
        .await;
    assert_eq!(answer.status, 200);
    door.hears("not a form").await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_its_length_is_told_or_not() {
    let door = Door::open().await;
    let long = "x".repeat(BODY_BYTES_MAX + 1);
    let told = door.post(&long).await;
    let chunk = "x".repeat(64 * 1024);
    let mut untold = String::from(
        "POST / HTTP/1.1\r\nHost: bots\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n",
    );
    for _ in 0..=BODY_BYTES_MAX / chunk.len() {
        untold.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    }
    untold.push_str("0\r\n\r\n");
    let untold = door.send(untold.as_bytes()).await;
    for answer in [told, untold] {
        assert_eq!(answer.status, 413);
        assert!(answer.body.contains("2097152 bytes"), "{answer:?}");
    }
    door.is_open("after long bodies").await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told_the_key() {
    let door = Door::open().await;
    let many: String = (0..=PAIRS_MAX).map(|key| format!("k{key}=1&")).collect();
    let deep = format!("event=ONCRMDEALADD&data{}=1", "[a]".repeat(DEPTH_MAX + 1));
    let cases = [
        (many, "more than 4000 keys"),
        (deep, "`data[a][a]"),
        ("a=1&b=2".to_owned(), "`event` is missing"),
        (String::new(), "`event` is missing"),
    ];
    for (body, sentence) in cases {
        let answer = door.post(&body).await;
        assert_eq!(answer.status, 400, "{sentence}: {answer:?}");
        assert!(answer.body.contains(sentence), "{sentence}: {answer:?}");
    }
    door.is_open("after broken bodies").await;
    assert_eq!(door.heard(), ["after broken bodies"]);
}

#[tokio::test]
async fn a_proven_event_that_makes_no_sense_is_kept_among_the_dead_letters() {
    let door = Door::open().await;
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
    for (place, value, _) in cases {
        let mut body = message("broken");
        *body.pointer_mut(place).unwrap() = value.into();
        let answer = door.post(&form(&body)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    }
    door.is_open("after broken events").await;
    let dead = door.store.dead_letters(None, 10).await.unwrap();
    let errors: Vec<&str> = dead.iter().map(|letter| letter.error.as_str()).collect();
    assert_eq!(errors, cases.map(|(_, _, error)| error));
    assert_eq!(door.heard(), ["after broken events"]);
}

#[tokio::test]
async fn forged_events_are_refused_all_alike() {
    let door = Door::open().await;
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
            answers.push(door.post(&form(&body)).await);
        }
    }
    assert_eq!(answers[0].status, 403);
    for answer in &answers {
        assert_eq!(*answer, answers[0]);
    }
    door.is_open("proven").await;
    assert_eq!(door.heard(), ["proven"]);
}

#[tokio::test]
async fn a_get_with_a_query_works_as_a_post_does() {
    let door = Door::open().await;
    let path = format!("/?{}", form(&message("by query")));
    let answer = door.send(request("GET", &path, "", "").as_bytes()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    door.hears("by query").await;
    let bare = door.send(request("GET", "/", "", "").as_bytes()).await;
    assert_eq!(bare.status, 400, "{bare:?}");
}

#[tokio::test]
async fn the_installation_page_is_shown_to_portals_only() {
    let door = Door::open().await;
    let answer = door
        .send(request("GET", "/install", "", "").as_bytes())
        .await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("opened by a portal"), "{answer:?}");
    let long = "AUTH_ID=x".repeat(64 * 1024);
    let answer = door
        .send(request("POST", "/install", "", &long).as_bytes())
        .await;
    assert_eq!(answer.status, 413);
}
