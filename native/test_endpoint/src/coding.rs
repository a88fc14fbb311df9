//! Bodies that arrive compressed.

use std::io::{self, Read};

/// No body is longer than this when it is decompressed.
const LONGEST: u64 = 256 * 1024 * 1024;

/// The body without this coding; `None` if the coding is another, or the body is not of it.
pub fn decoded(coding: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    match coding {
        b"gzip" => read(flate2::read::MultiGzDecoder::new(body)).ok(),
        b"zstd" => read(zstd::stream::read::Decoder::new(body).ok()?).ok(),
        _ => None,
    }
}

fn read(coded: impl Read) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    coded.take(LONGEST + 1).read_to_end(&mut body)?;
    if body.len() as u64 > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::decoded;

    /// What the programs gzip and zstd make of "hi\n".
    #[test]
    fn bodies() {
        let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\xc8\xe4\x02\0\x7a\x7a\x6f\xed\x03\0\0\0";
        let zstd = b"\x28\xb5\x2f\xfd\x04\x58\x19\0\0\x68\x69\x0a\x34\x3d\x50\x92";
        assert_eq!(decoded(b"gzip", gzip).as_deref(), Some(&b"hi\n"[..]));
        assert_eq!(decoded(b"zstd", zstd).as_deref(), Some(&b"hi\n"[..]));
        for (coding, body) in [
            (&b"gzip"[..], &zstd[..]),
            (b"zstd", gzip),
            (b"gzip", &gzip[..10]),
            (b"br", gzip),
            (b"identity", b"hi"),
        ] {
            assert_eq!(decoded(coding, body), None);
        }
    }
}
