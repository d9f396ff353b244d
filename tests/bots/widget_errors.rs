//! Errors of the widget: forged, repeated, too large and too many messages, and failing lines and
//! disks.

use std::fs;
use std::time::Duration;

use bots::widget::{FILE_BYTES_MAX, MESSAGES_A_MINUTE_MAX, TEXT_CHARS_MAX, VISITOR_STREAMS_MAX};
use imbot::emulator::Options;
use serde_json::json;

use crate::e2e::stage::until;
use crate::support::site::Site;

#[tokio::test]
async fn a_visitor_cannot_read_another_visitors_chat() {
    let site = Site::new().await;
    let (eve, mallory) = (site.visitor('e'), site.visitor('a'));
    let mut page = eve.looks(0).await.unwrap();
    eve.says("m1", "my secret").await;
    page.sees("heard: my secret").await;
    let mut other = mallory.looks(0).await.unwrap();
    mallory.says("m1", "let me see").await;
    let first = other.next().await.unwrap();
    assert_eq!(first["text"], "let me see");
    assert_eq!(site.chats().len(), 2);

    let chat = site.portal.session(site.chat())["outside"]["chat"].clone();
    let mut forger = mallory.clone();
    forger.secret = chat.as_str().unwrap().to_owned();
    let mut nothing = forger.looks(0).await.unwrap();
    forger.says("m1", "the id opens nothing").await;
    assert_eq!(
        nothing.next().await.unwrap()["text"],
        "the id opens nothing"
    );
    for secret in ["", "e", "../../../etc/passwd"] {
        forger.secret = secret.to_owned();
        assert_eq!(forger.looks(0).await.err(), Some(401), "{secret}");
        assert_eq!(forger.says("m1", "hi").await.0, 401, "{secret}");
    }
}

#[tokio::test]
async fn a_repeated_message_is_dropped() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let (one, other) = tokio::join!(eve.says("m1", "hi"), eve.says("m1", "hi"));
    assert_eq!((one.0, &one.1["number"]), (200, &other.1["number"]));
    let mut page = eve.looks(0).await.unwrap();
    page.sees("heard: hi").await;
    eve.says("m2", "bye").await;
    page.sees("heard: bye").await;
    let history = site.portal.line_history(site.chat());
    let heard = |text: &str| history.iter().filter(|it| it["text"] == text).count();
    assert_eq!((heard("hi"), heard("bye")), (1, 1));
}

#[tokio::test]
async fn html_and_bb_codes_are_plain_text_on_both_sides() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let mut page = eve.looks(0).await.unwrap();
    let text = "<img src=x onerror=alert(1)> [b]bold[/b] [send=/x]y[/send]";
    eve.says("m1", text).await;
    let own = page.sees_own("onerror").await;
    assert_eq!(own["text"], text);
    let answer = page.sees("heard:").await;
    assert_eq!(answer["text"], format!("heard: {text}"));
    let history = site.portal.line_history(site.chat());
    let stored = history
        .iter()
        .find(|it| it["text"].as_str().is_some_and(|it| it.contains("onerror")));
    let stored = stored.unwrap()["text"].as_str().unwrap().to_owned();
    assert!(
        !stored.contains("[b]") && !stored.contains("[send="),
        "{stored}"
    );
}

#[tokio::test]
async fn requests_above_a_limit_are_refused_with_a_message() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let (status, why) = eve.says("m1", &"x".repeat(TEXT_CHARS_MAX + 1)).await;
    assert_eq!(
        (status, &why["error"]),
        (413, &json!("a message has at most 4000 characters"))
    );
    let (status, _) = eve.says("m1", &"x".repeat(1_000_000)).await;
    assert_eq!(status, 413);
    assert_eq!(eve.says("m1", "  ").await.0, 400);
    assert_eq!(eve.says("a b", "hi").await.0, 400);
    for id in 0..MESSAGES_A_MINUTE_MAX {
        assert_eq!(eve.says(&format!("m{id}"), "hi").await.0, 200);
    }
    let (status, why) = eve.says("late", "one more").await;
    assert_eq!(status, 429);
    assert!(why["error"].as_str().unwrap().contains("wait a moment"));
    assert_eq!(site.visitor('a').says("m1", "others may").await.0, 200);

    let mut pages = Vec::new();
    for _ in 0..VISITOR_STREAMS_MAX {
        pages.push(eve.looks(0).await.unwrap());
        pages.last_mut().unwrap().next().await.unwrap();
    }
    assert_eq!(eve.looks(0).await.err(), Some(429));
    pages.clear();
    let end = tokio::time::Instant::now() + crate::support::PATIENCE;
    while eve.looks(0).await.is_err() {
        assert!(
            tokio::time::Instant::now() < end,
            "closed streams still count"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_deleted() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let large = vec![0; FILE_BYTES_MAX as usize + 1];
    let address = format!("{}/file?line={}&id=f1&name=a.bin", site.url, site.line);
    // Chunked, so that its length is not known before.
    let answer = chunked(&address, &eve.secret, &large).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("at most 10 MB"), "{answer}");
    let files = site.folder.path().join("files");
    assert_eq!(fs::read_dir(files).unwrap().count(), 0);
    for token in [
        "0".repeat(32),
        "..%2f..%2fetc%2fpasswd".to_owned(),
        "x".to_owned(),
    ] {
        let given = reqwest::get(format!("{}/file/{token}", site.url))
            .await
            .unwrap();
        assert_eq!(given.status(), 404, "{token}");
    }
    assert_eq!(eve.sends("f2", "a.bin", vec![0; 1_000]).await.0, 200);
}

/// Posts a body without a content length.
async fn chunked(address: &str, secret: &str, body: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let rest = address.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {secret}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        body.len()
    );
    let body = body.to_vec();
    let writes = tokio::spawn(async move {
        // The server may close the connection early.
        let _ = writer.write_all(head.as_bytes()).await;
        let _ = writer.write_all(&body).await;
        let _ = writer.write_all(b"\r\n0\r\n\r\n").await;
        writer
    });
    let mut answer = Vec::new();
    let _ = reader.read_to_end(&mut answer).await;
    drop(writes);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn without_a_line_messages_are_refused_until_it_is_connected_again() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let mut page = eve.looks(0).await.unwrap();
    eve.says("m1", "hi").await;
    page.sees("heard: hi").await;
    site.portal.switch_off("imbot_widget", site.line).unwrap();
    let end = tokio::time::Instant::now() + crate::support::PATIENCE;
    while eve.says("m2", "anybody?").await.0 == 200 {
        assert!(
            tokio::time::Instant::now() < end,
            "the disconnected line is not noticed"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (status, why) = eve.says("m3", "anybody?").await;
    assert_eq!(status, 503);
    assert!(why["error"].as_str().unwrap().contains("not connected"));
    let opened = site
        .portal
        .open_settings(1, "imbot_widget", site.line)
        .await;
    assert_eq!(opened.unwrap().status, 200);
    assert_eq!(eve.says("m3", "here again").await.0, 200);
    page.sees_it("taken", "here again").await;
}

#[tokio::test]
async fn a_message_that_the_line_refuses_is_marked_as_refused() {
    let options = Options {
        delivery_delay: Duration::from_secs(3), // so the widget is not informed in time
        ..Options::default()
    };
    let site = Site::with(options, |widget| widget).await;
    let eve = site.visitor('e');
    let mut page = eve.looks(0).await.unwrap();
    site.portal.switch_off("imbot_widget", site.line).unwrap();
    assert_eq!(eve.says("m1", "anybody?").await.0, 200);
    page.sees_it("refused", "anybody?").await;
}

#[tokio::test]
async fn a_failing_disk_delays_messages_of_operators_and_loses_none() {
    let site = Site::new().await;
    let eve = site.visitor('e');
    let mut page = eve.looks(0).await.unwrap();
    eve.says("m1", "hi").await;
    page.sees("heard: hi").await;
    let (talks, aside) = (
        site.folder.path().join("talks"),
        site.folder.path().join("aside"),
    );
    fs::rename(&talks, &aside).unwrap();
    fs::write(&talks, "no folder").unwrap();
    let first = site.operator_says("one");
    let second = site.operator_says("two");
    assert_eq!(eve.says("m2", "are you there?").await.0, 503);
    until("a try", || site.engine.counts().failed.get() > 0).await;
    assert_eq!(site.state(first), "sending");
    fs::remove_file(&talks).unwrap();
    fs::rename(&aside, &talks).unwrap();
    page.sees("one").await;
    page.sees("two").await;
    until("both to be delivered", || {
        site.state(first) == "delivered" && site.state(second) == "delivered"
    })
    .await;
    assert_eq!(eve.says("m2", "are you there?").await.0, 200, "retried");
    page.sees_own("are you there?").await;
}
