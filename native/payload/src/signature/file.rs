//! The content of a `signing.secret_file` or `signing.secret_env`: one secret a line. Empty lines, and
//! lines that start with `#`, are skipped. An environment variable has no lines as a rule, so spaces
//! separate secrets too.

use thiserror::Error;

use super::{KeyError, SigningKey, VerifyingKey};

/// More secrets than this would only make the header long.
const AT_MOST: usize = 16;

/// Why a content is not a list of secrets. It names the line, and shows nothing of what the line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeysError {
    /// There is no secret.
    #[error("there is no secret in it; it needs one a line, each with whsec_ or whsk_ in front")]
    Empty,
    /// A line is not UTF-8.
    #[error("line {0}: it is not text")]
    NotText(usize),
    /// A line has no usable secret.
    #[error("line {line}: {error}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        error: KeyError,
    },
    /// There are too many secrets.
    #[error("it has more than {AT_MOST} secrets")]
    TooMany,
}

/// Reads all secrets. One that is unusable makes all unusable: without it a receiver that knows no
/// other would refuse every notification.
pub fn parse_keys(content: &[u8]) -> Result<Vec<SigningKey>, KeysError> {
    parse_lines(content, SigningKey::parse)
}

/// Reads the same content for a receiver, which may have public keys (`whpk_`) too.
pub fn parse_verifying_keys(content: &[u8]) -> Result<Vec<VerifyingKey>, KeysError> {
    parse_lines(content, VerifyingKey::parse)
}

fn parse_lines<K>(
    content: &[u8],
    parse: impl Fn(&str) -> Result<K, KeyError>,
) -> Result<Vec<K>, KeysError> {
    // An editor's mark at the beginning is no part of a secret.
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut keys = Vec::new();
    for (line, bytes) in (1..).zip(content.split(|&byte| byte == b'\n')) {
        let text = std::str::from_utf8(bytes).map_err(|_| KeysError::NotText(line))?;
        if text.trim_start().starts_with('#') {
            continue;
        }
        for secret in text.split_ascii_whitespace() {
            let key = parse(secret).map_err(|error| KeysError::Line { line, error })?;
            keys.push(key);
        }
        if keys.len() > AT_MOST {
            return Err(KeysError::TooMany);
        }
    }
    if keys.is_empty() {
        return Err(KeysError::Empty);
    }
    Ok(keys)
}
