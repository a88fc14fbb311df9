//! A whole configuration file: whatever stands in it, it is read to its end, every mistake has words,
//! and what passes gives URLs to which a request can be sent.

use crate::{config, document, notes, resolve};

/// A file's text, as far as the bytes are UTF-8.
pub fn check(bytes: &[u8]) {
    let Some(text) = crate::parts::<&str>(bytes) else {
        return;
    };
    let root = match document::parse(text) {
        Ok(root) => root,
        Err(errors) => {
            assert!(errors.iter().all(|error| !error.text.is_empty()));
            return;
        }
    };
    let mut notes = notes::Notes::new("mongooseim.toml");
    let given = config::Given {
        release: None,
        root: None,
        http2: &["http_pool".to_owned()],
    };
    let config = config::read(&root, given, &mut notes);
    let routes = resolve::routes(&config, &mut notes);
    let urls: Vec<String> = routes.iter().map(resolve::Route::url).collect();
    let notes = notes.into_sorted();
    assert!(notes.iter().all(|note| !note.text.is_empty()));
    if notes
        .iter()
        .all(|note| note.severity != notes::Severity::Problem)
    {
        for url in urls {
            assert!(url.parse::<http::Uri>().is_ok(), "{url}");
        }
    }
}
