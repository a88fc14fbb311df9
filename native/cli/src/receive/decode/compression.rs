//! Compressed bodies.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

/// Longest decompressed body, in bytes: a small request may hold gigabytes of zeros.
const MAX_PLAIN: u64 = 16 * 1024 * 1024;

/// The body without its content coding.
///
/// # Errors
///
/// The coding is not known, or the body is not in it, or too long.
pub(super) fn decompressed(coding: &str, body: &[u8]) -> Result<Vec<u8>, String> {
    match coding.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => read(coding, MultiGzDecoder::new(body)),
        "zstd" => {
            let decoder = StreamingDecoder::new(body).map_err(|error| broken(coding, &error))?;
            read(coding, decoder)
        }
        _ => Err(format!(
            "the content coding {coding:?} is neither gzip nor zstd"
        )),
    }
}

fn read(coding: &str, reader: impl Read) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    reader
        .take(MAX_PLAIN + 1)
        .read_to_end(&mut plain)
        .map_err(|error| broken(coding, &error))?;
    if plain.len() as u64 > MAX_PLAIN {
        return Err("longer than 16 MiB when decompressed".to_owned());
    }
    Ok(plain)
}

fn broken(coding: &str, error: &dyn std::fmt::Display) -> String {
    format!("the body is not {coding}: {error}")
}
