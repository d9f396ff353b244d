//! `emulate --proxy` prints all that a program in another language needs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use tempfile::TempDir;

use super::bots;

#[test]
fn the_two_printed_lines_let_any_program_reach_the_portal() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("authority.pem");
    let mut child = bots()
        .args(["emulate", "--proxy", "--listen", "127.0.0.1:0", "--ca-file"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut exported = || {
        let line = printed.find_map(|line| line.trim().strip_prefix("export ").map(str::to_owned));
        line.unwrap()
    };
    let (proxy, trust) = (exported(), exported());
    let address = proxy.strip_prefix("HTTPS_PROXY=http://").unwrap();
    let address = address.split(' ').next().unwrap();
    assert!(
        trust.starts_with(&format!("SSL_CERT_FILE={} ", file.display())),
        "{trust}"
    );
    let pem = std::fs::read_to_string(&file).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
    let mut tunnel = TcpStream::connect(address).unwrap();
    write!(tunnel, "CONNECT demo.bitrix24.test:443 HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    tunnel.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    child.kill().unwrap();
    child.wait().unwrap();
}
