//! The bounds of a connection: HTTP/1 only, answers that nobody reads, and one address's share.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use imbot::serve::{Acceptor, HEAD_BYTES_MAX, UNSENT_BYTES_MAX};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::server::{
    FORM, LARGE_BYTES, PART_BYTES, STREAM_LINES, TestServer, form, message, read_answer, request,
};
use crate::support::PATIENCE;

const LIMIT: Duration = Duration::from_millis(300);
/// Size of a receive buffer, in bytes, with which a client soon lets the server wait.
const SMALL: u32 = 2_048;

#[tokio::test]
async fn http_2_by_prior_knowledge_is_refused() {
    let server = TestServer::start().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for pieces in [1, 3, preface.len()] {
        let mut stream = server.connect().await;
        for piece in preface.chunks(pieces) {
            let _ = stream.write_all(piece).await; // it may be refused before the last piece
        }
        let answer = read_answer(&mut stream).await;
        assert!([0, 505].contains(&answer.status), "{answer:?}");
        assert!(!answer.body.contains('\0'), "frames: {answer:?}");
    }
    server.accepts("over HTTP/1").await;
}

#[tokio::test]
async fn a_head_above_the_limit_is_refused_before_it_ends() {
    let server = TestServer::start().await;
    let mut stream = server.connect().await;
    let endless = format!("GET /?{} ", "x".repeat(HEAD_BYTES_MAX));
    let _ = stream.write_all(endless.as_bytes()).await;
    let answer = read_answer(&mut stream).await;
    assert!([0, 431].contains(&answer.status), "{answer:?}");
    server.accepts("after a long head").await;
}

#[tokio::test]
async fn a_long_body_that_waits_for_100_continue_is_accepted() {
    let server = TestServer::start().await;
    let mut event = message("after a pause");
    event["data"]["pad"] = "x".repeat(2 * HEAD_BYTES_MAX).into();
    let expecting = format!("Expect: 100-continue\r\n{FORM}");
    let request = request("POST", "/", &expecting, &form(&event));
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut stream = server.connect().await;
    let head = format!("{head}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.status, 200);
    server.receives("after a pause").await;
}

#[tokio::test]
async fn a_body_that_arrives_slowly_after_100_continue_is_cut_off() {
    let limits = |acceptor: Acceptor| acceptor.request_timeout(LIMIT);
    let server = TestServer::with_limits(limits).await;
    let mut stream = server.connect().await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: bots\r\n{FORM}Expect: 100-continue\r\nContent-Length: 9000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let drip = timeout(PATIENCE, async {
        while stream.write_all(b"x").await.is_ok() {
            sleep(LIMIT / 30).await;
        }
    });
    drip.await.expect("the connection is closed in time");
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_off() {
    let server = TestServer::with_limits(|acceptor| acceptor.write_timeout(LIMIT)).await;
    let mut stream = connect_small(server.address, None).await;
    let pipelined = request("GET", "/test/large", "", "").replace("Connection: close\r\n", "");
    let is_cut = timeout(PATIENCE, async {
        while stream.write_all(pipelined.as_bytes()).await.is_ok() {
            sleep(LIMIT / 30).await;
        }
    });
    is_cut.await.expect("the connection is closed in time");
    server.accepts("after a client that never reads").await;
}

#[tokio::test]
async fn a_client_that_pipelines_and_never_reads_is_cut_off() {
    let server = TestServer::with_limits(|acceptor| acceptor.write_timeout(LIMIT)).await;
    let mut stream = connect_small(server.address, None).await;
    let get = request("GET", "/health", "", "").replace("Connection: close\r\n", "");
    let pipelined = get.repeat(20);
    let is_cut = timeout(PATIENCE, async {
        while stream.write_all(pipelined.as_bytes()).await.is_ok() {}
    });
    is_cut.await.expect("the connection is closed in time");
    server.accepts("after a client that never reads").await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_pipelines_and_never_reads_gets_few_answers() {
    let server = TestServer::with_limits(|acceptor| acceptor.write_timeout(LIMIT)).await;
    let mut stream = connect_small(server.address, None).await;
    let get = request("GET", "/test/part", "", "").replace("Connection: close\r\n", "");
    let is_cut = timeout(PATIENCE, async {
        while stream.write_all(get.as_bytes()).await.is_ok() {}
    });
    is_cut.await.expect("the connection is closed in time");
    let answered = server.counted.load(Ordering::Relaxed);
    let kept = UNSENT_BYTES_MAX as usize / PART_BYTES;
    assert!((1..8 * kept).contains(&answered), "{answered}");
}

#[tokio::test]
async fn a_client_that_reads_single_bytes_is_cut_off() {
    let server = TestServer::with_limits(|acceptor| acceptor.write_timeout(LIMIT)).await;
    let mut stream = connect_small(server.address, None).await;
    let get = request("GET", "/test/large", "", "");
    stream.write_all(get.as_bytes()).await.unwrap();
    let mut length = 0;
    let drip = timeout(PATIENCE, async {
        while let Ok(1..) = stream.read(&mut [0]).await {
            length += 1;
            sleep(LIMIT / 30).await;
        }
    });
    drip.await.expect("the connection is closed in time");
    assert!(length < LARGE_BYTES, "the answer is incomplete");
    server.accepts("after a slow reader").await;
}

#[tokio::test]
async fn a_client_that_reads_gets_a_long_answer_and_a_slow_stream() {
    let server = TestServer::with_limits(|acceptor| acceptor.write_timeout(LIMIT)).await;
    let get = |path: &str| request("GET", path, "", "");
    let large = server.send(get("/test/large").as_bytes()).await;
    assert_eq!((large.status, large.body.len()), (200, LARGE_BYTES));
    let stream = server.send(get("/test/stream").as_bytes()).await;
    let lines = stream.body.matches("line").count();
    assert_eq!((stream.status, lines), (200, STREAM_LINES), "{stream:?}");
}

#[tokio::test]
async fn one_address_has_a_share_of_the_connections_and_others_are_served() {
    let server = TestServer::with_limits(|acceptor| acceptor.connections_max(6)).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect_small(server.address, Some([127, 0, 0, 2])).await);
    }
    for _ in 0..20 {
        let mut more = connect_small(server.address, Some([127, 0, 0, 2])).await;
        let answer = read_answer(&mut more).await;
        assert_eq!(answer.status, 0, "closed at once: {answer:?}");
    }
    server.accepts("from another address").await;
    drop(held);
    let get = request("GET", "/health", "", "");
    let again = timeout(PATIENCE, async {
        loop {
            let mut stream = connect_small(server.address, Some([127, 0, 0, 2])).await;
            let _ = stream.write_all(get.as_bytes()).await;
            if read_answer(&mut stream).await.status == 200 {
                break;
            }
        }
    });
    again.await.expect("served in time after others left");
}

#[tokio::test]
async fn trusted_proxies_have_no_share() {
    let proxy = "127.0.0.3".parse().unwrap();
    let limits = |acceptor: Acceptor| acceptor.connections_max(6).trusted_proxies([proxy]);
    let server = TestServer::with_limits(limits).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(connect_small(server.address, Some([127, 0, 0, 3])).await);
    }
    let mut last = connect_small(server.address, Some([127, 0, 0, 3])).await;
    let get = request("GET", "/health", "", "");
    last.write_all(get.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut last).await.status, 200);
}

/// Connects with a small receive buffer, from an address of this machine.
async fn connect_small(server: SocketAddr, from: Option<[u8; 4]>) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(SMALL).unwrap();
    if let Some(address) = from {
        socket.bind((address, 0).into()).unwrap();
    }
    socket.connect(server).await.unwrap()
}
