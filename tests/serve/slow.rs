//! Slow senders, and more connections than there is room for.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use super::door::{Door, form, message, read_answer, request};

const LIMIT: Duration = Duration::from_millis(300);
const HOUR: Duration = Duration::from_secs(3_600);
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn half_a_request_is_cut_after_the_timeout_and_not_before() {
    let door = Door::with(|acceptor| acceptor.request_timeout(LIMIT)).await;
    let patient = Door::with(|acceptor| acceptor.request_timeout(HOUR)).await;
    let whole = request(
        "POST",
        "/",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        &form(&message("half")),
    );
    let headers = whole.find("\r\n\r\n").unwrap();
    for length in [0, 1, headers / 2, headers + 4, whole.len() - 1] {
        let (half, rest) = whole.as_bytes().split_at(length);
        let mut waits = patient.knock().await;
        waits.write_all(half).await.unwrap();
        let mut stream = door.knock().await;
        stream.write_all(half).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert_ne!(answer.status, 200, "{length} bytes: {answer:?}");
        // As late as this, where more time is allowed, the rest is still taken.
        waits.write_all(rest).await.unwrap();
        let answer = read_answer(&mut waits).await;
        assert_eq!(answer.status, 200, "{length} bytes: {answer:?}");
    }
    assert_eq!(door.heard(), Vec::<String>::new());
    door.is_open("whole").await;
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_keep_a_connection() {
    let door = Door::with(|acceptor| acceptor.request_timeout(LIMIT)).await;
    let whole = request("POST", "/", "", &"x".repeat(10_000));
    let mut stream = door.knock().await;
    let (mut read, mut write) = stream.split();
    let drip = async {
        for byte in whole.as_bytes() {
            sleep(LIMIT / 30).await;
            if write.write_all(&[*byte]).await.is_err() {
                return false;
            }
        }
        true
    };
    let is_whole = tokio::select! {
        _ = read_answer(&mut read) => false,
        is_whole = drip => is_whole,
    };
    assert!(!is_whole, "it was not cut");
    door.is_open("whole").await;
}

#[tokio::test]
async fn a_kept_connection_may_be_silent_longer_than_a_request_may_take() {
    let door = Door::with(|acceptor| acceptor.request_timeout(LIMIT)).await;
    let body = form(&message("kept"));
    let length = body.len();
    let kept = format!(
        "POST / HTTP/1.1\r\nHost: bots\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut stream = door.knock().await;
    stream.write_all(kept.as_bytes()).await.unwrap();
    door.hears("kept").await;
    sleep(LIMIT * 2).await;
    let last = request("GET", "/health", "", "");
    stream.write_all(last.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.body.contains("\"status\":\"ok\""), "{answer:?}");
}

#[tokio::test]
async fn half_a_request_on_a_kept_connection_is_cut_after_the_timeout() {
    let door = Door::with(|acceptor| acceptor.request_timeout(LIMIT)).await;
    let asks = "GET /health HTTP/1.1\r\nHost: bots\r\n\r\n";
    for silence in [LIMIT / 10, LIMIT / 2, LIMIT * 3 / 2] {
        let mut stream = door.knock().await;
        stream.write_all(asks.as_bytes()).await.unwrap();
        sleep(silence).await;
        stream.write_all(&asks.as_bytes()[..9]).await.unwrap();
        let answers = timeout(PATIENCE, read_answer(&mut stream)).await;
        assert_eq!(answers.expect("cut in time").status, 200, "the first one");
    }
}

#[tokio::test]
async fn a_thousand_half_open_connections_do_not_stop_a_good_request() {
    const HALF_OPEN: usize = 1_000;
    let door = Door::open().await;
    let mut half_open = Vec::new();
    for _ in 0..HALF_OPEN {
        let mut stream = door.knock().await;
        stream.write_all(b"POST / HTTP/1.1\r\nHo").await.unwrap();
        half_open.push(stream);
    }
    timeout(PATIENCE, door.is_open("among a thousand"))
        .await
        .expect("served in time");
}

#[tokio::test]
async fn beyond_the_cap_connections_wait_and_are_then_served() {
    let door = Door::with(|acceptor| acceptor.connections_max(2)).await;
    let first = door.knock().await;
    let second = door.knock().await;
    let mut third = door.knock().await;
    let asks = request("GET", "/health", "", "");
    third.write_all(asks.as_bytes()).await.unwrap();
    let waits = timeout(LIMIT, read_answer(&mut third)).await;
    assert!(waits.is_err(), "there was no room: {waits:?}");
    drop(first);
    assert_eq!(read_answer(&mut third).await.status, 200);
    drop(second);
    door.is_open("after the crowd").await;
}
