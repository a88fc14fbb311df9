//! The listening sockets: accept, close, and reopen at the same port.

use crate::connection;
use crate::shared::Shared;
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

/// Backlog: connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// Connections that fill the queue of a listener without backlog; on Linux one is enough.
const QUEUE_FILLERS: usize = 4;
/// Pause after a failed accept (most likely for lack of descriptors).
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// What happens to attempts to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Accepted.
    Open,
    /// Refused by the kernel.
    Closed,
    /// Dropped by the kernel.
    Deaf,
}

#[derive(Debug, Default)]
struct State {
    listener: Option<TcpListener>,
    /// A listener that never accepts, and the connections that fill its queue.
    deaf: Vec<Socket>,
    /// Wakes the accepting task when there is a listener again.
    waker: Option<Waker>,
}

/// One address that the test endpoint listens at.
#[derive(Debug)]
pub(crate) struct Door {
    addr: SocketAddr,
    state: Mutex<State>,
    /// Bound but not listening: reserves the port while the listener is closed.
    _reserved: Socket,
}

impl Door {
    /// Binds the address; port 0 means any free port.
    pub(crate) fn new(ip: IpAddr, port: u16) -> io::Result<Self> {
        let reserved = bound(SocketAddr::new(ip, port))?;
        let addr = reserved.local_addr()?.as_socket();
        Ok(Self {
            addr: addr.ok_or(io::ErrorKind::AddrNotAvailable)?,
            state: Mutex::new(State::default()),
            _reserved: reserved,
        })
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes what happens to attempts to connect.
    pub(crate) fn set(&self, manner: Manner, runtime: &runtime::Handle) -> io::Result<()> {
        let mut state = self.state.lock();
        if manner == Manner::Open && state.listener.is_some() {
            return Ok(());
        }
        state.listener = None;
        state.deaf.clear();
        match manner {
            Manner::Closed => {}
            Manner::Deaf => state.deaf = deaf(self.addr)?,
            Manner::Open => {
                let socket = bound(self.addr)?;
                socket.listen(BACKLOG)?;
                let _inside = runtime.enter();
                state.listener = Some(TcpListener::from_std(socket.into())?);
                if let Some(waker) = state.waker.take() {
                    waker.wake();
                }
            }
        }
        Ok(())
    }

    /// Closes the listener for good.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.listener = None;
        state.deaf.clear();
    }

    /// Accepts for ever.
    pub(crate) async fn accept_all(self: Arc<Self>, shared: Arc<Shared>) {
        loop {
            match self.accept().await {
                Ok(tcp) => connection::admit(&shared, tcp),
                Err(_) => tokio::time::sleep(AFTER_ERROR).await,
            }
        }
    }

    async fn accept(&self) -> io::Result<TcpStream> {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            let accepted = match &state.listener {
                Some(listener) => listener.poll_accept(cx),
                None => Poll::Pending,
            };
            if accepted.is_pending() {
                state.waker = Some(cx.waker().clone());
            }
            accepted.map_ok(|(tcp, _)| tcp)
        })
        .await
    }
}

/// A listener whose queue is full: the kernel drops further attempts to connect.
fn deaf(addr: SocketAddr) -> io::Result<Vec<Socket>> {
    let listener = bound(addr)?;
    listener.listen(0)?;
    let mut sockets = vec![listener];
    for _ in 0..QUEUE_FILLERS {
        let filler = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        filler.set_nonblocking(true)?;
        // Not connected yet, but that is enough to fill the queue.
        let _ = filler.connect(&addr.into());
        sockets.push(filler);
    }
    Ok(sockets)
}

fn bound(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    Ok(socket)
}
