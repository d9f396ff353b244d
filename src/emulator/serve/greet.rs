//! Detects the kind of a connection: plain HTTP, TLS, or a request for a tunnel in which either
//! follows.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::uri::Scheme;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::proxy::Proxy;

/// Time limit for a connection to reach HTTP.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// The first letter of `CONNECT`, and of no other method.
const CONNECT: u8 = b'C';

/// Detects the kind of connections.
pub(crate) struct Greeter {
    tls: TlsAcceptor,
    proxy: Option<Proxy>,
}

impl Greeter {
    pub(crate) fn new(tls: TlsAcceptor, proxy: Option<Proxy>) -> Self {
        Greeter { tls, proxy }
    }

    /// Opens TLS or a tunnel, if requested, up to the point where HTTP begins.
    pub(crate) async fn greet(&self, stream: TcpStream) -> io::Result<(Stream, Scheme)> {
        timeout(GREETING_TIMEOUT, self.open(stream))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn open(&self, mut stream: TcpStream) -> io::Result<(Stream, Scheme)> {
        let mut first = first_byte(&stream).await?;
        if let (CONNECT, Some(proxy)) = (first, &self.proxy) {
            proxy.open(&mut stream).await?;
            first = first_byte(&stream).await?;
        }
        if first == HANDSHAKE {
            let secure = self.tls.accept(stream).await?;
            Ok((Stream::Secure(Box::new(secure)), Scheme::HTTPS))
        } else {
            Ok((Stream::Plain(stream), Scheme::HTTP))
        }
    }
}

async fn first_byte(stream: &TcpStream) -> io::Result<u8> {
    let mut first = [0];
    match stream.peek(&mut first).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(first[0]),
    }
}

/// A connection that carries HTTP.
pub(crate) enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Secure(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Secure(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
