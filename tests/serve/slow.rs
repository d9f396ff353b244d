//! Slow requests, and more connections than allowed.

use std::time::Duration;

use imbot::serve::Acceptor;
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use super::server::{TestServer, form, message, read_answer, request};
use crate::support::PATIENCE;

const LIMIT: Duration = Duration::from_millis(300);
const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn an_incomplete_request_is_cut_off_after_the_timeout_and_not_before() {
    let server = TestServer::with_limits(|acceptor| acceptor.request_timeout(LIMIT)).await;
    let patient = TestServer::with_limits(|acceptor| acceptor.request_timeout(HOUR)).await;
    let whole = request(
        "POST",
        "/",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        &form(&message("half")),
    );
    let headers = whole.find("\r\n\r\n").unwrap();
    for length in [0, 1, headers / 2, headers + 4, whole.len() - 1] {
        let (half, rest) = whole.as_bytes().split_at(length);
        let mut slow = patient.connect().await;
        slow.write_all(half).await.unwrap();
        let mut stream = server.connect().await;
        stream.write_all(half).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert_ne!(answer.status, 200, "{length} bytes: {answer:?}");
        // At this time, the server with the longer timeout still accepts the rest.
        slow.write_all(rest).await.unwrap();
        let answer = read_answer(&mut slow).await;
        assert_eq!(answer.status, 200, "{length} bytes: {answer:?}");
    }
    assert_eq!(server.received(), Vec::<String>::new());
    server.accepts("whole").await;
}

#[tokio::test]
async fn single_bytes_do_not_keep_a_connection_open() {
    let server = TestServer::with_limits(|acceptor| acceptor.request_timeout(LIMIT)).await;
    let whole = request("POST", "/", "", &"x".repeat(10_000));
    let mut stream = server.connect().await;
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
    assert!(!is_whole, "the connection was not closed");
    server.accepts("whole").await;
}

#[tokio::test]
async fn a_connection_may_be_idle_longer_than_the_request_timeout() {
    let server = TestServer::with_limits(|acceptor| acceptor.request_timeout(LIMIT)).await;
    let body = form(&message("kept"));
    let length = body.len();
    let kept = format!(
        "POST / HTTP/1.1\r\nHost: bots\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut stream = server.connect().await;
    stream.write_all(kept.as_bytes()).await.unwrap();
    server.receives("kept").await;
    sleep(LIMIT * 2).await;
    let last = request("GET", "/health", "", "");
    stream.write_all(last.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.body.ends_with("\r\n\r\nok"), "{answer:?}");
}

#[tokio::test]
async fn an_incomplete_second_request_is_cut_off_after_the_timeout() {
    let server = TestServer::with_limits(|acceptor| acceptor.request_timeout(LIMIT)).await;
    let get = "GET /health HTTP/1.1\r\nHost: bots\r\n\r\n";
    for silence in [LIMIT / 10, LIMIT / 2, LIMIT * 3 / 2] {
        let mut stream = server.connect().await;
        stream.write_all(get.as_bytes()).await.unwrap();
        sleep(silence).await;
        stream.write_all(&get.as_bytes()[..9]).await.unwrap();
        let answers = timeout(PATIENCE, read_answer(&mut stream)).await;
        assert_eq!(
            answers.expect("closed in time").status,
            200,
            "the first request"
        );
    }
}

#[tokio::test]
async fn a_thousand_incomplete_requests_do_not_block_a_complete_one() {
    const HALF_OPEN: usize = 1_000;
    let server = TestServer::start().await;
    let mut half_open = Vec::new();
    for _ in 0..HALF_OPEN {
        let mut stream = server.connect().await;
        stream.write_all(b"POST / HTTP/1.1\r\nHo").await.unwrap();
        half_open.push(stream);
    }
    timeout(PATIENCE, server.accepts("among a thousand"))
        .await
        .expect("served in time");
}

#[tokio::test]
async fn connections_above_the_maximum_wait_and_are_then_served() {
    let limits = |acceptor: Acceptor| acceptor.connections_max(2).connections_per_address(3);
    let server = TestServer::with_limits(limits).await;
    let first = server.connect().await;
    let second = server.connect().await;
    let mut third = server.connect().await;
    let get = request("GET", "/health", "", "");
    third.write_all(get.as_bytes()).await.unwrap();
    let waits = timeout(LIMIT, read_answer(&mut third)).await;
    assert!(waits.is_err(), "it did not wait: {waits:?}");
    drop(first);
    assert_eq!(read_answer(&mut third).await.status, 200);
    drop(second);
    server.accepts("after all").await;
}
