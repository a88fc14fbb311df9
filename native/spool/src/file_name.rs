//! The name of a pool's file: the pool's name, with everything but letters, digits and `_.-` escaped as in
//! a URL.

use std::fmt::Write;
use std::hash::Hasher;

use fnv::FnvHasher;

/// The end of every spool's name.
pub(crate) const ENDING: &str = ".sqlite3";
/// File systems take 255 bytes; `SQLite` adds `-journal`, and a damaged file a date.
const LONGEST: usize = 160;

pub(crate) fn of_pool(pool: &str) -> String {
    let mut name = String::with_capacity(pool.len() + ENDING.len());
    for byte in pool.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(byte.into()),
            // Not at the start: a hidden file.
            b'.' if !name.is_empty() => name.push('.'),
            _ => {
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    if name.len() > LONGEST {
        // A hash that is the same in every release: the file must be found again.
        let mut hasher = FnvHasher::default();
        hasher.write(pool.as_bytes());
        name.truncate(LONGEST);
        let _ = write!(name, "~{:016x}", hasher.finish());
    }
    name + ENDING
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, of_pool};

    #[test]
    fn safe_and_different() {
        assert_eq!(of_pool("global/http_pool"), "global%2Fhttp_pool.sqlite3");
        assert_eq!(of_pool("../x"), "%2E.%2Fx.sqlite3");
        assert_eq!(of_pool("größe"), "gr%C3%B6%C3%9Fe.sqlite3");
        assert_ne!(of_pool("a%2Fb"), of_pool("a/b"));
        let long = ["ä".repeat(200), "ä".repeat(201)].map(|pool| of_pool(&pool));
        assert_ne!(long[0], long[1]);
        assert!(long[1].len() < LONGEST + 32);
        assert!(
            long[0].ends_with("~3d4243829e4936e5.sqlite3"),
            "{}",
            long[0]
        );
    }
}
