//! The faults of the TLS handshake: what each looks like on the wire.

use crate::connection::hold;
use crate::plan::{Dice, Fault};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Longest record of TLS, in bytes.
const MAX_RECORD: usize = 5 + 16_384 + 2048;
/// Alert `handshake_failure`, fatal, in the clear.
const ALERT: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 40];

/// Reads the `ClientHello` and does the fault.
pub(crate) async fn play(
    fault: Fault,
    mut tcp: TcpStream,
    gate: &mut watch::Receiver<u64>,
) -> io::Result<()> {
    read_record(&mut tcp).await?;
    match fault {
        Fault::TlsStall => hold(&tcp, gate).await,
        Fault::TlsAlert => {
            tcp.write_all(&ALERT).await?;
            tcp.shutdown().await?;
        }
        Fault::TlsGarbage => {
            let dice = Dice::new(1);
            let noise: Vec<u8> = (0..32).flat_map(|_| dice.draw().to_be_bytes()).collect();
            tcp.write_all(&noise).await?;
            tcp.shutdown().await?;
        }
        // `TlsClose`: dropping the socket is all.
        _ => {}
    }
    Ok(())
}

/// One record of TLS; enough for every usual `ClientHello`.
async fn read_record(tcp: &mut TcpStream) -> io::Result<()> {
    let mut head = [0; 5];
    tcp.read_exact(&mut head).await?;
    let [_, _, _, high, low] = head;
    let len = usize::from(u16::from_be_bytes([high, low])).min(MAX_RECORD);
    tcp.read_exact(&mut vec![0; len]).await?;
    Ok(())
}
