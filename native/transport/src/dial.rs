//! From a host name to a stream: name look-up, TCP and TLS, and the time that each took.
//!
//! If a name has several addresses, they are tried in the system's order, but IPv6 and IPv4 in turn, each one 250 ms
//! after the previous one or as soon as that has failed (as in RFC 8305). So a dead first address, or a dead IPv6, costs
//! a quarter of a second instead of the whole `request_timeout`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use notification::FailureReason;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::AttemptError;
use super::names::Names;
use super::socket::Socket;
use crate::BaseUrl;
use crate::tls::TlsClient;

const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// TCP keep-alive: a silent peer is probed after this long, then at the same interval, and given up
/// after this many probes.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 3;

/// A connected stream to the endpoint.
#[derive(Debug)]
pub enum Stream {
    /// Plain TCP.
    Plain(Socket),
    /// TLS over TCP.
    Tls(Box<TlsStream<Socket>>),
}

/// How a new connection was made.
#[derive(Clone, Debug)]
pub struct Dialled {
    /// The endpoint's address.
    pub peer: SocketAddr,
    /// How long the name look-up took.
    pub look_up: Duration,
    /// How long TCP took to connect.
    pub connect: Duration,
    /// How long the TLS handshake took, and the TLS version.
    pub tls: Option<(Duration, String)>,
    /// Set if the address is from an earlier look-up: the reason why there is no new answer.
    pub old: Option<Arc<str>>,
}

/// Connects to `base`. It has no time limit of its own.
pub async fn dial(
    names: &Names,
    base: &BaseUrl,
    tls: Option<&TlsClient>,
    http2: bool,
) -> Result<(Stream, Dialled), AttemptError> {
    let begin = Instant::now();
    let addresses = names
        .resolve(&base.host)
        .await
        .map_err(|error| AttemptError::from_look_up(&error, &base.host))?;
    let looked_up = Instant::now();
    let (socket, peer) = connect(&addresses.list, base.port)
        .await
        .map_err(|(error, peer)| {
            let peer = match &addresses.old {
                Some(why) => format!("{peer} (an earlier address of {}: {why})", base.host),
                None => peer.to_string(),
            };
            AttemptError::from_connect(&error, &peer)
        })?;
    let socket = Socket::new(socket);
    let connected = Instant::now();
    let mut dialled = Dialled {
        peer,
        look_up: looked_up - begin,
        connect: connected - looked_up,
        tls: None,
        old: addresses.old,
    };
    let Some(tls) = tls else {
        return Ok((Stream::Plain(socket), dialled));
    };
    let (config, name) = tls.connector();
    let stream = TlsConnector::from(config)
        .connect(name, socket)
        .await
        .map_err(|error| {
            AttemptError::from_handshake(&error, &format!("{} ({peer})", base.host))
        })?;
    let version = stream.get_ref().1.protocol_version();
    let version = version
        .and_then(|version| version.as_str())
        .unwrap_or("unknown");
    // A server that ignores ALPN would read the HTTP/2 preface as a broken HTTP/1.1 request.
    if http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        let text = format!("{} ({peer}) does not speak HTTP/2", base.host);
        return Err(AttemptError::last(FailureReason::TlsError, text));
    }
    dialled.tls = Some((connected.elapsed(), version.to_owned()));
    Ok((Stream::Tls(Box::new(stream)), dialled))
}

type Tried = (IpAddr, io::Result<TcpStream>);

async fn connect(
    addresses: &[IpAddr],
    port: u16,
) -> Result<(TcpStream, SocketAddr), (io::Error, SocketAddr)> {
    let mut rest = in_turn(addresses).into_iter();
    let mut trying = FuturesUnordered::new();
    let mut failure = None;
    loop {
        let next = rest.next();
        if let Some(address) = next {
            trying.push(async move { (address, TcpStream::connect((address, port)).await) });
        }
        let tried: Option<Tried> = if rest.len() > 0 {
            match tokio::time::timeout(NEXT_ADDRESS_AFTER, trying.next()).await {
                Ok(tried) => tried,
                Err(_) => continue,
            }
        } else {
            trying.next().await
        };
        match tried {
            Some((address, Ok(socket))) => {
                set_options(&socket);
                return Ok((socket, SocketAddr::new(address, port)));
            }
            Some((address, Err(error))) => {
                // An address that this machine cannot use says nothing of the endpoint.
                if failure.is_none() || error.kind() != io::ErrorKind::AddrNotAvailable {
                    failure = Some((error, SocketAddr::new(address, port)));
                }
            }
            None => {
                return Err(failure.unwrap_or_else(|| {
                    let unspecified = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), port);
                    (io::ErrorKind::AddrNotAvailable.into(), unspecified)
                }));
            }
        }
    }
}

/// The addresses with those of both families in turn, beginning with the first one's (RFC 8305, section 4).
fn in_turn(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let is_first =
        |address: &IpAddr| Some(address.is_ipv6()) == addresses.first().map(IpAddr::is_ipv6);
    let (first, second): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().partition(|address| is_first(address));
    let mut second = second.into_iter();
    let mut all = Vec::with_capacity(addresses.len());
    for address in first {
        all.push(address);
        all.extend(second.next());
    }
    all.extend(second);
    all
}

/// Errors are ignored: a socket that refuses an option still works.
fn set_options(socket: &TcpStream) {
    // Small requests must not wait for the peer's delayed acknowledgement.
    let _ = socket.set_nodelay(true);
    // Keep-alive detects a peer that has vanished during a long wait for an answer, which HTTP/1.1
    // cannot do. It also keeps the connection known to NATs and balancers in between.
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_AFTER)
        .with_retries(KEEPALIVE_PROBES);
    let _ = SockRef::from(socket).set_tcp_keepalive(&keepalive);
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
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
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_tried_in_turn() {
        let addresses = |text: &str| {
            let list = text.split(' ').map(|one| one.parse().unwrap());
            list.collect::<Vec<IpAddr>>()
        };
        for (system, tried) in [
            (
                "::1 ::2 ::3 10.0.0.1 10.0.0.2",
                "::1 10.0.0.1 ::2 10.0.0.2 ::3",
            ),
            ("10.0.0.1 10.0.0.2 ::1", "10.0.0.1 ::1 10.0.0.2"),
            ("10.0.0.1 ::1 ::2 ::3", "10.0.0.1 ::1 ::2 ::3"),
            ("::2 ::1", "::2 ::1"),
        ] {
            assert_eq!(in_turn(&addresses(system)), addresses(tried));
        }
    }
}
