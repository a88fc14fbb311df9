//! Serves an accepted connection: connection faults, the TLS handshake, then HTTP/1 or HTTP/2.

use crate::http2;
use crate::ledger::OpenConnection;
use crate::plan::Fault;
use crate::shared::Shared;
use crate::visit::Visit;
use crate::wire::{Stream, Wire, hold, reset_on_drop};
use crate::{h1, tls_faults};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::net::TcpStream;

/// Removes the connection from the list of open ones when dropped, however its task ends.
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

/// Counts the connection and serves it in a new task.
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
            // A broken connection needs nothing more: its socket is closed with the task.
            let _ = serve(&entered.shared, tcp, id).await;
            drop(entered);
        })
        .abort_handle()
    });
}

async fn serve(shared: &Arc<Shared>, tcp: TcpStream, id: u64) -> io::Result<()> {
    // The second write of an answer must not wait for the client's acknowledgement.
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
        (None, _) => (Stream::Left(tcp), None),
        (Some(acceptor), Some(fault)) if fault.needs_tls() => {
            return tls_faults::play(fault, tcp, acceptor, &mut gate).await;
        }
        (Some(acceptor), _) => match acceptor.accept(tcp).await {
            Ok((stream, info)) => (Stream::Right(Box::new(stream)), Some(info)),
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
