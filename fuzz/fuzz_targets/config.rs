//! A whole configuration file: whatever stands in it, it is read to its end, every mistake has words,
//! and what passes gives URLs to which a request can be sent.
#![no_main]
#![allow(dead_code, unreachable_pub)]

#[path = "../../native/cli/src/config.rs"]
mod config;
#[path = "../../native/cli/src/document.rs"]
mod document;
#[path = "../../native/cli/src/generation.rs"]
mod generation;
#[path = "../../native/cli/src/handlers.rs"]
mod handlers;
#[path = "../../native/cli/src/notes.rs"]
mod notes;
#[path = "../../native/cli/src/pool.rs"]
mod pool;
#[path = "../../native/cli/src/resolve.rs"]
mod resolve;
#[path = "../../native/cli/src/section.rs"]
mod section;
#[path = "../../native/cli/src/tls_section.rs"]
mod tls_section;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
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
    if notes.iter().all(|note| note.severity != notes::Severity::Problem) {
        for url in urls {
            assert!(url.parse::<http::Uri>().is_ok(), "{url}");
        }
    }
});
