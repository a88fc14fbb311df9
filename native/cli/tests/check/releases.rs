//! What a MongooseIM release knows.

use crate::common::{LOCAL, ONE_TABLE, check, file};

#[test]
fn rules_follow_the_release() {
    let https = file("", "host = \"https://localhost\"");
    let checked = check(&https, &["--mongooseim", "6.2"]);
    assert_eq!(checked.handler(0)["tls"], "server not verified");
    let checked = check(&https, &["--mongooseim", "6.3"]);
    assert_eq!(
        checked.handler(0)["tls"],
        "server verified against the system's certificates"
    );
    let section = file(
        "",
        "host = \"https://localhost\"\ntls.verify_mode = \"peer\"",
    );
    assert_eq!(check(&section, &["--mongooseim", "6.3"]).status, 1);
    assert_eq!(check(&section, &["--mongooseim", "6.4"]).status, 0);
    let lenient = file(
        "",
        "host = \"https://localhost\"\ntls.disconnect_on_failure = false",
    );
    assert_eq!(check(&lenient, &["--mongooseim", "6.2"]).status, 1);
    assert_eq!(check(&lenient, &["--mongooseim", "6.4"]).status, 0);
    let queue = file("max_worker_queue_len = 1", LOCAL);
    assert_eq!(check(&queue, &["--mongooseim", "6.5"]).status, 1);
    assert_eq!(check(&queue, &["--mongooseim", "6.6"]).status, 0);
    assert_eq!(check(&https, &["--mongooseim", "5.0"]).status, 1);
    assert_eq!(check(ONE_TABLE, &["--mongooseim", "6.8"]).status, 1);
}

#[test]
fn the_newest_releases_are_known() {
    let queue = file("max_worker_queue_len = 1\nscope = \"host_type\"", LOCAL);
    // A section of another back end, new in 6.9.
    let rules = "[modules.mod_event_pusher.push]\n\
                 rules = [{ conditions = [{ event = \"msg\", body = \"non_empty\" }], action = \"push\" }]\n";
    let text = format!("[general]\nhosts = [\"localhost\"]\n{rules}{queue}");
    for release in ["6.8", "6.9", "6.9.0", "6.10", "6.11", "6.11.0"] {
        let checked = check(&text, &["--mongooseim", release]);
        assert_eq!(checked.status, 0, "{release}: {}", checked.text);
        assert!(checked.notes().is_empty(), "{release}: {}", checked.text);
        assert_eq!(check(ONE_TABLE, &["--mongooseim", release]).status, 1);
    }
    let checked = check(&text, &["--mongooseim", "6.12"]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    assert!(
        checked.text.contains("newer than this program"),
        "{}",
        checked.text
    );
}
