//! Compression of bodies, part by part, so that a long body does not hold a thread for long.
//!
//! The same body becomes the same bytes each time: gzip's header has no time in it.

use flate2::{Compress, FlushCompress, Status};
use http::HeaderValue;
use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation, OutBuffer};

/// A body that is shorter is sent as it is: there is little to win.
pub const SHORTEST: usize = 1024;

/// As zlib's own default, between speed and size.
const GZIP_LEVEL: u32 = 6;
/// The largest window of gzip, 32 KiB.
const GZIP_WINDOW: u8 = 15;
const ZSTD_LEVEL: i32 = 3;
/// 1 MiB. It bounds the memory that a compressor uses, to about 3 MiB, and what the receiver needs.
const ZSTD_WINDOW_LOG: u32 = 20;

/// How a handler's bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// RFC 1952: every server can read it.
    Gzip,
    /// RFC 8878: smaller, and faster.
    Zstd,
}

impl Compression {
    /// The value of `content-encoding`.
    #[must_use]
    pub fn content_encoding(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// Compresses one body after another.
pub struct Compressor(State);

enum State {
    Gzip(Compress),
    Zstd(Encoder<'static>),
}

impl Compressor {
    /// A compressor; `None` if there is no memory for it.
    #[must_use]
    pub fn new(how: Compression) -> Option<Self> {
        Some(Self(match how {
            Compression::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                State::Gzip(Compress::new_gzip(level, GZIP_WINDOW))
            }
            Compression::Zstd => {
                let mut encoder = Encoder::new(ZSTD_LEVEL).ok()?;
                let window = CParameter::WindowLog(ZSTD_WINDOW_LOG);
                encoder.set_parameter(window).ok()?;
                State::Zstd(encoder)
            }
        }))
    }

    /// What it makes.
    #[must_use]
    pub fn how(&self) -> Compression {
        match self.0 {
            State::Gzip(_) => Compression::Gzip,
            State::Zstd(_) => Compression::Zstd,
        }
    }

    /// Begins a body of this length, whatever became of the one before. The result is for the output.
    pub fn begin(&mut self, length: usize) -> Vec<u8> {
        match &mut self.0 {
            State::Gzip(compress) => compress.reset(),
            State::Zstd(encoder) => {
                // Neither can fail between two bodies; if one did, the body would be sent as it is.
                let _ = encoder.reinit();
                let _ = encoder.set_pledged_src_size(u64::try_from(length).ok());
            }
        }
        Vec::with_capacity(length)
    }

    /// Adds a part of the body. Returns false if the output has no room for it: the body does not get
    /// smaller.
    #[must_use]
    pub fn add(&mut self, part: &[u8], output: &mut Vec<u8>) -> bool {
        match &mut self.0 {
            State::Gzip(compress) => {
                let mut rest = part;
                while !rest.is_empty() {
                    let before = compress.total_in();
                    let status = compress.compress_vec(rest, output, FlushCompress::None);
                    let read = usize::try_from(compress.total_in() - before).unwrap_or_default();
                    rest = rest.get(read..).unwrap_or_default();
                    let is_full = output.len() == output.capacity();
                    if status.is_err() || (!rest.is_empty() && (is_full || read == 0)) {
                        return false;
                    }
                }
                true
            }
            State::Zstd(encoder) => {
                let mut input = InBuffer::around(part);
                while input.pos() < part.len() {
                    let written = output.len();
                    let mut buffer = OutBuffer::around_pos(output, written);
                    if encoder.run(&mut input, &mut buffer).is_err() {
                        return false;
                    }
                    if output.len() == output.capacity() {
                        return false;
                    }
                }
                true
            }
        }
    }

    /// Ends the body. Returns false if the output has no room.
    #[must_use]
    pub fn finish(&mut self, output: &mut Vec<u8>) -> bool {
        match &mut self.0 {
            State::Gzip(compress) => {
                let end = compress.compress_vec(&[], output, FlushCompress::Finish);
                matches!(end, Ok(Status::StreamEnd))
            }
            State::Zstd(encoder) => {
                let written = output.len();
                let mut buffer = OutBuffer::around_pos(output, written);
                matches!(encoder.finish(&mut buffer, true), Ok(0))
            }
        }
    }
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Compressor").field(&self.how()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    const BOTH: [Compression; 2] = [Compression::Gzip, Compression::Zstd];

    fn compressed(compressor: &mut Compressor, body: &[u8], part: usize) -> Option<Vec<u8>> {
        let mut output = compressor.begin(body.len());
        for part in body.chunks(part) {
            if !compressor.add(part, &mut output) {
                return None;
            }
        }
        compressor.finish(&mut output).then_some(output)
    }

    fn decompressed(how: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        match how {
            Compression::Gzip => {
                let mut decoder = flate2::read::GzDecoder::new(bytes);
                decoder.read_to_end(&mut body).expect("gzip");
            }
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(bytes).expect("zstd");
                decoder.read_to_end(&mut body).expect("zstd");
            }
        }
        body
    }

    fn text(length: usize) -> Vec<u8> {
        let lines = (0..).flat_map(|n: u32| format!("{{\"number\":{n}}}\n").into_bytes());
        lines.take(length).collect()
    }

    /// Bytes without any order.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[3]
        })
        .take(length)
        .collect()
    }

    #[test]
    fn what_is_compressed_comes_back_and_is_the_same_each_time() {
        for how in BOTH {
            let mut reused = Compressor::new(how).unwrap();
            for length in [1024, 5000, 100_000, 3_000_000] {
                let body = text(length);
                let bytes = compressed(&mut reused, &body, 65_536).unwrap();
                assert!(
                    bytes.len() < length / 2,
                    "{how:?} {length}: {}",
                    bytes.len()
                );
                assert_eq!(decompressed(how, &bytes), body);
                let mut fresh = Compressor::new(how).unwrap();
                assert_eq!(compressed(&mut fresh, &body, 65_536), Some(bytes));
            }
        }
    }

    /// A body that does not get smaller is not compressed, and the compressor is as good as new afterwards.
    #[test]
    fn what_does_not_get_smaller() {
        for how in BOTH {
            let mut compressor = Compressor::new(how).unwrap();
            for length in [1024, 100_000, 1_000_000] {
                let noise = noise(length);
                let output = compressed(&mut compressor, &noise, 65_536);
                assert!(
                    output.is_none_or(|output| output.len() >= length),
                    "{how:?}"
                );
                let body = text(length);
                let bytes = compressed(&mut compressor, &body, 65_536).unwrap();
                assert_eq!(decompressed(how, &bytes), body);
            }
        }
    }

    proptest! {
        #[test]
        fn any_body_in_any_parts(body: Vec<u8>, repeat in 1_usize..50, part in 1_usize..5000) {
            let body = body.repeat(repeat);
            for how in BOTH {
                let mut compressor = Compressor::new(how).unwrap();
                if let Some(bytes) = compressed(&mut compressor, &body, part) {
                    prop_assert_eq!(decompressed(how, &bytes), &body[..]);
                }
            }
        }
    }
}
