//! The part of a handler's path that is a secret. The address of an incoming webhook (Slack, Discord, Telegram) is
//! all that a service asks for, so it must be kept like a password.
//!
//! The path in the configuration, and so in messages and in the spool, has [`PLACE`] instead of it.

use std::sync::Arc;

use files::{Source, Tell, Watched};

use crate::fields::{one_line, suffix};

/// Stands in `path` for the secret.
pub const PLACE: &str = "$SECRET";

/// What a path may have besides letters and digits (RFC 3986, 3.3). A query would end the path.
const ALLOWED: &[u8] = b"-._~!$&'()*+,;=:@%/";

/// Begins to read the secret.
pub(crate) fn watch(source: &Source, tell: &Tell) -> Watched<Arc<str>> {
    let option = format!("path_secret{}", suffix(source));
    Watched::new(&option, source.clone(), parse, tell.clone())
}

/// The secret in the content of a file or variable.
///
/// # Errors
///
/// Why the content cannot be a part of a path. The text does not show it.
pub fn parse(content: &[u8]) -> Result<Arc<str>, String> {
    let line = one_line(content)?;
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || ALLOWED.contains(byte);
    match std::str::from_utf8(line) {
        Ok(text) if line.iter().all(is_allowed) => Ok(Arc::from(text)),
        _ => {
            let allowed = String::from_utf8_lossy(ALLOWED);
            Err(format!(
                "a part of a path has only letters, digits and {allowed}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_in_a_path() {
        for good in ["T000/B000/x_X-1", "123456:ABC-DEF", "a%20b", " x\r\n"] {
            assert_eq!(&*parse(good.as_bytes()).unwrap(), good.trim());
        }
        for bad in ["", " \n", "a b", "a?b", "a#b", "a\nb", "\u{e4}", "a\u{7}"] {
            let error = parse(bad.as_bytes()).unwrap_err();
            assert!(bad.len() < 2 || !error.contains(bad), "{error}");
        }
        assert!(parse(b"\xff").is_err());
    }
}
