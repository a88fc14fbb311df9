//! A whole configuration file: whatever it contains, it is read to its end, every mistake has a text, and if there is no
//! problem, every URL that no template makes is one to which a request can be sent.

use cli::{Given, Parsed, Route};

/// The text of a file, if the bytes are UTF-8.
pub fn check(bytes: &[u8]) {
    let Some(text) = crate::parts::<&str>(bytes) else {
        return;
    };
    let http2 = ["http_pool".to_owned()];
    let parsed = Parsed::of(text, "mongooseim.toml", Given::http2_pools(&http2));
    let judgement = parsed.judge();
    for note in &judgement.notes {
        // The second is what remains of a syntax error if the parser has no message for it.
        assert!(!["", "not TOML:"].contains(&note.text.trim()), "{note:?}");
    }
    if judgement.is_ok() {
        let fixed = judgement.routes.iter().filter(|route| route.has_one_url());
        for url in fixed.map(Route::url) {
            assert!(url.parse::<http::Uri>().is_ok(), "{url}");
        }
    }
}
