//! Reads the body of an HTTP/1 request and keeps its beginning if requests are recorded.

use super::head::Framing;
use crate::wire::Wire;
use bytes::Buf;
use std::io;

/// Longest line of a chunked body, in bytes.
const MAX_LINE: usize = 16 * 1024;

/// The part of a body that has been read.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// Its first bytes.
    pub(crate) kept: Vec<u8>,
    /// How many bytes to keep.
    pub(crate) keep: usize,
    /// Bytes read in total.
    pub(crate) len: u64,
}

impl Body {
    /// Reads to the end of the body.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the client leaves before, `InvalidData` if the chunks are malformed.
    pub(crate) async fn read(&mut self, wire: &mut Wire, framing: Framing) -> io::Result<()> {
        match framing {
            Framing::Length(bytes) => self.take(wire, bytes).await,
            Framing::Chunked => self.read_chunks(wire).await,
        }
    }

    /// Reads that many bytes of a body that is not chunked.
    pub(crate) async fn take(&mut self, wire: &mut Wire, bytes: u64) -> io::Result<()> {
        let mut left = bytes;
        while left > 0 {
            if wire.buf.is_empty() {
                wire.fill_some().await?;
            }
            let now = wire
                .buf
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let room = self.keep.saturating_sub(self.kept.len());
            let kept = wire.buf.get(..now.min(room)).unwrap_or_default();
            self.kept.extend_from_slice(kept);
            wire.buf.advance(now);
            self.len += now as u64;
            left -= now as u64;
        }
        Ok(())
    }

    async fn read_chunks(&mut self, wire: &mut Wire) -> io::Result<()> {
        loop {
            let line = read_line(wire).await?;
            let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size = std::str::from_utf8(size.trim_ascii()).unwrap_or_default();
            let size = u64::from_str_radix(size, 16).map_err(|_| bad("bad chunk size"))?;
            if size == 0 {
                break;
            }
            self.take(wire, size).await?;
            if !read_line(wire).await?.is_empty() {
                return Err(bad("no line end after a chunk"));
            }
        }
        while !read_line(wire).await?.is_empty() {}
        Ok(())
    }
}

fn bad(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Reads one line and returns it without its line end.
async fn read_line(wire: &mut Wire) -> io::Result<Vec<u8>> {
    loop {
        if let Some(at) = wire.buf.iter().position(|byte| *byte == b'\n') {
            let line = wire.buf.split_to(at + 1);
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            return Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec());
        }
        if wire.buf.len() > MAX_LINE {
            return Err(bad("line too long"));
        }
        wire.fill_some().await?;
    }
}
