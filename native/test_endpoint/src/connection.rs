//! A connection from its acceptance to the protocol it speaks.

use crate::http2;
use crate::ledger::OpenConnection;
use crate::plan::Fault;
use crate::records::TlsInfo;
use crate::shared::Shared;
use crate::wire::{Stream, Wire, client_left, reset_on_drop};
use crate::{h1, tls_faults};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// What requests of one connection have in common.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) shared: Arc<Shared>,
    /// Number of the connection.
    pub(crate) id: u64,
    pub(crate) tls: Option<TlsInfo>,
}

/// Leaves the list of open connections when dropped, however the task ends.
struct Entered {
    shared: Arc<Shared>,
    id: u64,
    _open: OpenConnection,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.shared.connections.leave(self.id);
    }
}

/// Counts the connection and serves it in a task of its own.
pub(crate) fn admit(shared: &Arc<Shared>, tcp: TcpStream) {
    let open = OpenConnection::new(&shared.ledger);
    let id = shared.last_connection.fetch_add(1, Relaxed) + 1;
    let entered = Entered {
        shared: Arc::clone(shared),
        id,
        _open: open,
    };
    shared.connections.enter(id, || {
        tokio::spawn(async move {
            // A connection that broke has been dealt with by closing it.
            let _ = serve(&entered.shared, tcp, id).await;
            drop(entered);
        })
        .abort_handle()
    });
}

async fn serve(shared: &Arc<Shared>, tcp: TcpStream, id: u64) -> io::Result<()> {
    // An answer in two writes must not wait for the client's acknowledgement.
    tcp.set_nodelay(true)?;
    let mut gate = shared.gate.subscribe();
    let special = shared.rules.for_connection();
    if let Some(ready) = &special {
        tokio::time::sleep(ready.behaviour.delay.pick(&ready.dice)).await;
    }
    let fault = special.and_then(|ready| ready.behaviour.fault);
    match fault {
        Some(Fault::AcceptClose) => return Ok(()),
        Some(Fault::AcceptReset) => {
            reset_on_drop(&tcp);
            return Ok(());
        }
        Some(Fault::AcceptStall) => {
            hold(&tcp, &mut gate).await;
            return Ok(());
        }
        _ => {}
    }
    let (stream, tls) = match (&shared.tls, fault) {
        (None, _) => (Stream::Plain(tcp), None),
        (Some(acceptor), Some(fault)) if fault.needs_tls() => {
            return tls_faults::play(fault, tcp, acceptor, &mut gate).await;
        }
        (Some(acceptor), _) => match acceptor.accept(tcp).await {
            Ok((stream, info)) => (Stream::Tls(Box::new(stream)), Some(info)),
            Err(error) => {
                shared.tls_failed(id, &error);
                return Err(error);
            }
        },
    };
    let agreed = tls.as_ref().map(|tls| tls.alpn.as_deref() == Some("h2"));
    let visit = Visit {
        shared: Arc::clone(shared),
        id,
        tls,
    };
    let mut wire = Wire::new(stream);
    let is_http2 = match agreed {
        Some(agreed) => agreed,
        None => shared.http2 && http2::starts_with_preface(&mut wire).await?,
    };
    if !is_http2 {
        h1::serve(wire, &visit).await;
    } else if fault == Some(Fault::H2GoawayUnserved) {
        http2::refuse_with_goaway(wire).await?;
    } else {
        http2::serve(wire, visit).await;
    }
    Ok(())
}

/// Waits until released or the client has left.
pub(crate) async fn hold(tcp: &TcpStream, gate: &mut watch::Receiver<u64>) {
    tokio::select! {
        _ = gate.changed() => {}
        () = client_left(tcp) => {}
    }
}
