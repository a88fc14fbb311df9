//! The faults of the TLS handshake, as bytes on the wire.

use crate::plan::{Dice, Fault};
use crate::tls::Acceptor;
use crate::wire::hold;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Length of a record's header, in bytes.
const HEAD: usize = 5;
/// The fatal alert `handshake_failure`, unencrypted.
const ALERT: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 40];

/// Reads the `ClientHello` and plays the fault.
pub(crate) async fn play(
    fault: Fault,
    mut tcp: TcpStream,
    acceptor: &Acceptor,
    gate: &mut watch::Receiver<u64>,
) -> io::Result<()> {
    let client_hello = read_record(&mut tcp).await?;
    let flight = acceptor.answer_hello(&client_hello)?;
    let half = flight.get(..flight.len() / 2).unwrap_or_default();
    match fault {
        Fault::TlsAlert => tcp.write_all(&ALERT).await?,
        Fault::TlsGarbage => {
            let dice = Dice::new(1);
            let noise: Vec<u8> = (0..32).flat_map(|_| dice.draw().to_be_bytes()).collect();
            tcp.write_all(&noise).await?;
        }
        Fault::TlsCloseInHello | Fault::TlsStallInHello => tcp.write_all(half).await?,
        Fault::TlsCloseAfterHello => tcp.write_all(&flight).await?,
        // `TlsClose` and `TlsStall` send nothing.
        _ => {}
    }
    if fault.stalls() {
        hold(&tcp, gate).await;
    }
    Ok(())
}

/// Reads one TLS record; a usual `ClientHello` fits in one.
async fn read_record(tcp: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut record = vec![0; HEAD];
    tcp.read_exact(&mut record).await?;
    let len = match record.as_slice() {
        [_, _, _, high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    record.resize(HEAD + usize::from(len), 0);
    if let Some(rest) = record.get_mut(HEAD..) {
        tcp.read_exact(rest).await?;
    }
    Ok(record)
}
