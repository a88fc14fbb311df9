//! The target of a handler's POST: a pool's `path_prefix` and the handler's `path`, joined.
//!
//! The documentation says that the path is "appended to the pool's prefix path"; here that means
//! exactly one slash between them. The stock module strips the path's slash and adds none, so
//! [`stock_join`] returns what it would have requested, for a warning if the two differ. Scheme, host
//! and port are in [`BaseUrl`](crate::BaseUrl).

use std::fmt;
use std::fmt::Write as _;

use http::uri::PathAndQuery;

use crate::ConfigError;

const PATH_PREFIX: &str = "connection.path_prefix";
const PATH: &str = "path";

/// A valid request target in origin form: it begins with `/`, may have a query string, and has no
/// fragment. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(PathAndQuery);

impl Target {
    /// The target as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The target in the form that a request builder needs.
    #[must_use]
    pub fn path_and_query(&self) -> &PathAndQuery {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Joins a pool's prefix and a handler's path.
///
/// - There is exactly one slash at each seam, whether or not the parts have theirs.
/// - An empty path adds nothing (nor does one of slashes alone, which the host makes empty from 5.1
///   on), and neither does a prefix that is `/` or empty.
/// - A query string is kept. A path that begins with `?` is appended to the prefix unchanged, and so is
///   any path if the prefix already has a query string.
/// - Spaces, characters outside ASCII and those that RFC 3986 never allows in a URL are
///   percent-encoded. `%` stays unchanged, so what is already encoded is not encoded twice.
///
/// # Errors
///
/// A part contains a control character or a `#`, which no request target can have. The error names
/// `path` or `connection.path_prefix`, whichever contains it.
pub fn join(prefix: &str, path: &str) -> Result<Target, ConfigError> {
    let mut target = String::with_capacity(prefix.len() + path.len() + 2);
    if !prefix.starts_with('/') {
        target.push('/');
    }
    encode(PATH_PREFIX, prefix, &mut target)?;
    let bare = path.trim_start_matches('/');
    if !bare.is_empty() {
        if !prefix.contains('?') && !bare.starts_with('?') {
            target.truncate(target.trim_end_matches('/').len());
            target.push('/');
        }
        encode(PATH, bare, &mut target)?;
    }
    match PathAndQuery::try_from(target) {
        Ok(target) => Ok(Target(target)),
        Err(error) => Err(ConfigError::new(PATH, format!("{path:?}: {error}"))),
    }
}

/// The stock module's request target: the unchanged prefix, then the path without its one leading
/// slash.
#[must_use]
pub fn stock_join(prefix: &str, path: &str) -> String {
    let path = path.strip_prefix('/').unwrap_or(path);
    format!("{prefix}{path}")
}

fn encode(option: &'static str, part: &str, target: &mut String) -> Result<(), ConfigError> {
    for c in part.chars() {
        match c {
            '#' => {
                return Err(ConfigError::new(
                    option,
                    format!("{part:?} has a '#', which is never sent to a server; write %23"),
                ));
            }
            c if c.is_control() => {
                return Err(ConfigError::new(
                    option,
                    format!("{part:?} has a control character"),
                ));
            }
            ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' | '\u{80}'.. => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a String cannot fail.
                    let _ = write!(target, "%{byte:02X}");
                }
            }
            c => target.push(c),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{join, stock_join};

    #[track_caller]
    fn joined(prefix: &str, path: &str) -> String {
        join(prefix, path).unwrap().to_string()
    }

    #[test]
    fn one_slash_at_the_seam() {
        for prefix in ["/webservice", "/webservice/", "webservice", "webservice//"] {
            for path in ["/notifications", "notifications", "//notifications"] {
                assert_eq!(joined(prefix, path), "/webservice/notifications");
            }
        }
    }

    #[test]
    fn nothing_is_added_for_an_empty_path_or_a_bare_prefix() {
        assert_eq!(joined("/webservice", ""), "/webservice");
        assert_eq!(joined("/webservice/", ""), "/webservice/");
        assert_eq!(joined("/webservice", "/"), "/webservice");
        for prefix in ["/", ""] {
            assert_eq!(joined(prefix, ""), "/");
            assert_eq!(joined(prefix, "/notifications"), "/notifications");
            assert_eq!(joined(prefix, "notifications/"), "/notifications/");
        }
    }

    #[test]
    fn a_query_string_stays() {
        assert_eq!(joined("/", "/n?to=a&x=/b"), "/n?to=a&x=/b");
        assert_eq!(joined("/hook", "?token=1"), "/hook?token=1");
        assert_eq!(joined("/", "?token=1"), "/?token=1");
        assert_eq!(joined("/hook?to=", "/alerts"), "/hook?to=alerts");
    }

    #[test]
    fn what_a_url_cannot_hold_is_encoded_once() {
        assert_eq!(joined("/caf\u{e9}", "/a b"), "/caf%C3%A9/a%20b");
        assert_eq!(joined("/", "a%20b"), "/a%20b");
        assert_eq!(
            joined("/", "a|{b}\\\"<>^`"),
            "/a%7C%7Bb%7D%5C%22%3C%3E%5E%60"
        );
        assert_eq!(joined("/", "!$&'()*+,;=:@-._~[]"), "/!$&'()*+,;=:@-._~[]");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_name() {
        assert_eq!(join("/", "/a#b").unwrap_err().option, "path");
        assert_eq!(
            join("/a#b", "").unwrap_err().option,
            "connection.path_prefix"
        );
        assert_eq!(join("/", "a\r\nHost: x").unwrap_err().option, "path");
        assert_eq!(join("/", "a\u{7f}").unwrap_err().option, "path");
    }

    #[test]
    fn the_stock_module_strips_one_slash_and_adds_none() {
        assert_eq!(
            stock_join("/webservice", "/notifications"),
            "/webservicenotifications"
        );
        assert_eq!(stock_join("/webservice/", "/n"), "/webservice/n");
        assert_eq!(stock_join("/", "//n"), "//n");
        assert_eq!(stock_join("/", ""), "/");
    }
}
