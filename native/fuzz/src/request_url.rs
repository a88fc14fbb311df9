//! Any prefix and path: they are refused, or make a request target with one slash at the seam.

use http::uri::PathAndQuery;
use transport::url;

/// A prefix and a path.
pub fn check(bytes: &[u8]) {
    let Some((prefix, path)) = crate::parts::<(&str, &str)>(bytes) else {
        return;
    };
    let Ok(target) = url::join(prefix, path) else {
        return;
    };
    let target = target.as_str();
    assert!(target.starts_with('/'));
    assert!(
        target
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#'),
        "{target}"
    );
    let parsed: PathAndQuery = target.parse().expect("a request target");
    assert_eq!(parsed.as_str(), target);
    // An encoded target is not encoded again.
    let again = url::join(target, "").expect("a good target is a good prefix");
    assert_eq!(again.as_str(), target);
    let bare = path.trim_start_matches('/');
    let plain = !prefix.contains('?') && !bare.starts_with('?');
    if plain {
        // Slashes at the seam make no difference.
        let trimmed = prefix.trim_end_matches('/');
        for (prefix, path) in [
            (trimmed.to_owned(), format!("/{bare}")),
            (format!("{trimmed}/"), bare.to_owned()),
        ] {
            let same = url::join(&prefix, &path).expect("the same parts");
            if bare.is_empty() {
                assert_eq!(
                    same.as_str().trim_end_matches('/'),
                    target.trim_end_matches('/')
                );
            } else {
                assert_eq!(same.as_str(), target);
            }
        }
    }
}
