//! Bodies that arrive compressed.

use std::io::{self, Read};

use thiserror::Error;

/// Why a body cannot be decompressed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodingError {
    /// The coding is not one that we know.
    #[error("the content coding {0:?} is neither gzip nor zstd")]
    Unknown(String),
    /// The body is not in its coding.
    #[error("the body is not {0}: {1}")]
    Broken(&'static str, io::Error),
    /// The body is longer when it is decompressed.
    #[error("longer than {0} bytes when decompressed")]
    TooLong(u64),
}

/// The body without this coding.
///
/// # Errors
///
/// The coding is another, the body is not of it, or is longer than `longest` then.
pub(crate) fn decoded(coding: &[u8], body: &[u8], longest: u64) -> Result<Vec<u8>, CodingError> {
    match coding {
        b"gzip" => read("gzip", flate2::read::MultiGzDecoder::new(body), longest),
        b"zstd" => match zstd::stream::read::Decoder::new(body) {
            Ok(decoder) => read("zstd", decoder, longest),
            Err(error) => Err(CodingError::Broken("zstd", error)),
        },
        _ => {
            let coding = String::from_utf8_lossy(coding).into_owned();
            Err(CodingError::Unknown(coding))
        }
    }
}

fn read(coding: &'static str, coded: impl Read, longest: u64) -> Result<Vec<u8>, CodingError> {
    let mut body = Vec::new();
    coded
        .take(longest.saturating_add(1))
        .read_to_end(&mut body)
        .map_err(|error| CodingError::Broken(coding, error))?;
    if body.len() as u64 > longest {
        return Err(CodingError::TooLong(longest));
    }
    Ok(body)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::decoded;

    /// What the programs gzip and zstd make of "hi\n".
    #[test]
    fn bodies() {
        let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\xc8\xe4\x02\0\x7a\x7a\x6f\xed\x03\0\0\0";
        let zstd = b"\x28\xb5\x2f\xfd\x04\x58\x19\0\0\x68\x69\x0a\x34\x3d\x50\x92";
        assert_eq!(decoded(b"gzip", gzip, 3).unwrap(), b"hi\n");
        assert_eq!(decoded(b"zstd", zstd, 3).unwrap(), b"hi\n");
        for (coding, body, longest, says) in [
            (&b"gzip"[..], &zstd[..], 3, "the body is not gzip: "),
            (b"zstd", gzip, 3, "the body is not zstd: "),
            (b"gzip", &gzip[..10], 3, "the body is not gzip: "),
            (b"br", gzip, 3, "the content coding \"br\" is neither"),
            (
                b"identity",
                b"hi",
                3,
                "the content coding \"identity\" is neither",
            ),
            (b"gzip", gzip, 2, "longer than 2 bytes"),
            (b"zstd", zstd, 2, "longer than 2 bytes"),
        ] {
            let error = decoded(coding, body, longest).unwrap_err().to_string();
            assert!(error.starts_with(says), "{error}");
        }
    }
}
