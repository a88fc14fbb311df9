//! What `http-pusher check` reports about pools and their TLS.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Dir, LOCAL, POOL, check, check_in, file};

#[test]
fn every_pool_option_takes_effect() {
    let pool = "workers = 3\nstrategy = \"next_available_worker\"\ncall_timeout = 7000";
    let connection = "host = \"HTTP://LocalHost\"\nrequest_timeout = 100";
    let checked = check(&file(pool, connection), &[]);
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
    let handler = checked.handler(0);
    assert_eq!(handler["workers"], 3);
    assert_eq!(handler["waits"], false);
    assert_eq!(handler["call_timeout_ms"], 7000);
    assert_eq!(handler["request_timeout_ms"], 100);
    assert_eq!(handler["url"], "http://localhost/n");
    let checked = check(&file("max_worker_queue_len = 4", LOCAL), &[]);
    assert_eq!(checked.handler(0)["max_waiting"], 40);
    assert!(checked.text.contains("10, 40 may wait"));
}

#[test]
fn likely_mistakes_are_warnings() {
    for (pool, connection, path, word) in [
        (
            "call_timeout = 2000",
            LOCAL,
            "connection.request_timeout",
            "not lower than call_timeout",
        ),
        (
            "",
            "host = \"http://push.example.com\"",
            "connection.host",
            "plain http",
        ),
        (
            "",
            "host = \"http://localhost/api\"",
            "connection.host",
            "ignored",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.verify_mode = \"none\"",
            "connection.tls",
            "not verified",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.disconnect_on_failure = false",
            "connection.tls.disconnect_on_failure",
            "not verified",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.server_name_indication.enabled = false",
            "connection.tls.server_name_indication",
            "disabled",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.versions = [\"tlsv1.1\", \"tlsv1.2\"]",
            "connection.tls.versions",
            "tlsv1.1",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.ciphers = \"AES256-SHA:HIGH\"",
            "connection.tls.ciphers",
            "AES256-SHA",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.crl_files = [\"mongooseim.toml\"]",
            "connection.tls",
            "crl_files",
        ),
        (
            "",
            "host = \"http://localhost\"\ntls.verify_mode = \"none\"",
            "connection.tls",
            "no effect",
        ),
    ] {
        let checked = check(&file(pool, connection), &[]);
        let path = format!("{POOL}.{path}");
        assert_eq!(
            (checked.status, checked.notes()),
            (0, vec![format!("warning {path}")]),
            "{}",
            checked.text
        );
        let text = checked.note(&path)["text"].as_str().unwrap();
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn mistakes_are_problems() {
    for (pool, connection, path) in [
        ("workers = 0", LOCAL, "workers"),
        ("workers = \"many\"", LOCAL, "workers"),
        ("workers = -1", LOCAL, "workers"),
        ("wrkers = 1", LOCAL, "wrkers"),
        ("strategy = \"worst_worker\"", LOCAL, "strategy"),
        ("scope = \"galaxy\"", LOCAL, "scope"),
        ("call_timeout = 0", LOCAL, "call_timeout"),
        (
            "strategy = \"next_worker\"\nmax_worker_queue_len = 1",
            LOCAL,
            "max_worker_queue_len",
        ),
        ("", "", "connection"),
        ("", "host = \"\"", "connection.host"),
        ("", "host = \"localhost\"", "connection.host"),
        (
            "",
            "hast = \"http://localhost\"\nhost = \"http://localhost\"",
            "connection.hast",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.verify_peer = 1",
            "connection.tls.verify_peer",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.verify_mode = \"no\"",
            "connection.tls.verify_mode",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.cacertfile = \"none.pem\"",
            "connection.tls.cacertfile",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.certfile = \"none.pem\"\ntls.keyfile = \"none.key\"",
            "connection.tls.certfile",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.versions = [\"tlsv1\"]",
            "connection.tls.versions",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.ciphers = \"RC4\"",
            "connection.tls.ciphers",
        ),
        (
            "",
            "host = \"https://localhost\"\ntls.server_name_indication.protocol = \"ftp\"",
            "connection.tls.server_name_indication.protocol",
        ),
    ] {
        let checked = check(&file(pool, connection), &["--mongooseim", "6.8"]);
        // Without the release, a file that has only keys of the old layout would be read as one of that layout.
        let path = format!("problem {POOL}.{path}");
        assert_eq!(checked.status, 1, "{path}: {}", checked.text);
        assert!(checked.notes().contains(&path), "{path}: {}", checked.text);
    }
}

#[test]
fn scopes_of_pools() {
    let pools = |scope: &str| {
        format!(
            "[general]\nhosts = [\"a\", \"b\"]\n\
             [modules.mod_event_pusher.backend.http]\n\
             [outgoing_pools.http.http_pool]\n{scope}\nconnection.host = \"http://localhost\"\n"
        )
    };
    for scope in ["", "scope = \"global\"", "scope = \"host\""] {
        let checked = check(&pools(scope), &[]);
        assert_eq!(checked.status, 0, "{}", checked.text);
        assert_eq!(checked.handler(0)["hosts"], "all");
    }
    let checked = check(&pools("scope = \"single_host\"\nhost = \"b\""), &[]);
    assert_eq!(checked.status, 1);
    assert_eq!(checked.handler(0)["hosts"], serde_json::json!(["b"]));
    let note = checked.note("modules.mod_event_pusher.backend.http.pool_name");
    assert!(note["text"].as_str().unwrap().contains("for a:"), "{note}");
    // `host_type` is newer than this layout.
    assert_eq!(check(&pools("scope = \"host_type\""), &[]).status, 1);
    assert_eq!(check(&pools("scope = \"single_host\""), &[]).status, 1);
    assert_eq!(
        check(&pools("scope = \"host\"\nhost = \"a\""), &[]).status,
        1
    );
    for (scope, release, status) in [
        ("scope = \"single_host\"\nhost = \"localhost\"", "6.2.0", 0),
        ("scope = \"single_host\"\nhost = \"localhost\"", "6.2.1", 1),
        ("scope = \"host_type\"", "6.2.0", 1),
        ("scope = \"host_type\"", "6.8", 0),
        ("scope = \"host\"", "6.8", 0),
    ] {
        let text = format!("[general]\nhosts = [\"localhost\"]\n{}", file(scope, LOCAL));
        let checked = check(&text, &["--mongooseim", release]);
        assert_eq!(
            checked.status, status,
            "{scope} {release}: {}",
            checked.text
        );
    }
}

#[test]
fn old_tls_section() {
    let text = |tls: &str| {
        format!(
            "[modules.mod_event_pusher.backend.http]\n\
             [outgoing_pools.http.http_pool.connection]\n\
             host = \"https://localhost\"\n\
             [outgoing_pools.http.http_pool.connection.tls]\n{tls}\n"
        )
    };
    let checked = check(&text("verify_peer = true"), &[]);
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
    assert_eq!(
        checked.handler(0)["tls"],
        "server verified against the system's certificates"
    );
    let checked = check(&text("verify_peer = false"), &[]);
    assert_eq!(checked.handler(0)["tls"], "server not verified");
    let checked = check(&text("verify_peer = true\ndhfile = \"dh.pem\""), &[]);
    let note = checked.note(&format!("{POOL}.connection.tls"));
    assert!(note["text"].as_str().unwrap().contains("dhfile"));
    let checked = check(
        &text("verify_peer = true\nserver_name_indication = false"),
        &[],
    );
    checked.note(&format!("{POOL}.connection.tls.server_name_indication"));
    assert_eq!(check(&text("verify_mode = \"peer\""), &[]).status, 1);
}

#[test]
fn relative_files_begin_at_the_node_directory() {
    let dir = Dir::new();
    let root = Dir::new();
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    root.file("ca.pem", &key.cert.pem());
    let text = file(
        "",
        "host = \"https://localhost\"\ntls.cacertfile = \"ca.pem\"",
    );
    let checked = check_in(&dir, &text, &[]);
    assert_eq!(checked.status, 1);
    let note = checked.note(&format!("{POOL}.connection.tls.cacertfile"));
    let note = note["text"].as_str().unwrap();
    assert!(note.contains("ca.pem (relative to "), "{note}");
    let checked = check_in(&dir, &text, &["--node-dir", root.path().to_str().unwrap()]);
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
}
