//! The node's own settings, and the directory of the spools.

use crate::common::{Dir, check_in, file};

#[test]
fn own_settings() {
    let dir = Dir::new();
    let text = file("", "host = \"https://localhost\"");
    let good = "[{kernel, [{logger_level, notice}]},\n\
                {mongoose_http_pusher, [{max_pending, 10}, {wait, 5000}, {http2_pools, [http_pool]},\n\
                {log_level, none}]}].\n";
    dir.file("app.config", good);
    let checked = check_in(&dir, &text, &["--app-config", "app.config"]);
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
    assert_eq!(checked.handler(0)["http2"], true);
    assert!(checked.text.contains("HTTP/2"));
    let bad = "[{mongoose_http_pusher, [\n{max_pendng, 10},\n{max_pending, 0},\n\
               {max_pending, 1},\n{drain_timeout, 1.5},\nlog_level]}].\n";
    dir.file("app.config", bad);
    let checked = check_in(&dir, &text, &["--app-config", "app.config"]);
    assert_eq!(checked.status, 1);
    let found: Vec<_> = checked.json["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| {
            assert_eq!(note["file"], "app.config");
            (
                note["line"].as_u64().unwrap(),
                note["path"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        (2, "mongoose_http_pusher.max_pendng"),
        (3, "mongoose_http_pusher.max_pending"),
        (4, "mongoose_http_pusher.max_pending"),
        (5, "mongoose_http_pusher.drain_timeout"),
        (6, "mongoose_http_pusher"),
    ];
    assert_eq!(found, expected);
    for broken in ["[", "x.", "[{mongoose_http_pusher, 1}]."] {
        dir.file("app.config", broken);
        let checked = check_in(&dir, &text, &["--app-config", "app.config"]);
        assert_eq!(checked.status, 1, "{broken}");
    }
}

#[test]
fn a_spool_directory() {
    let dir = Dir::new();
    let text = file("", "host = \"https://localhost\"");
    let warnings = |name: &str| {
        let settings = format!("[{{mongoose_http_pusher, [\n{{spool_dir, {name}}}]}}].\n");
        dir.file("app.config", &settings);
        let checked = check_in(&dir, &text, &["--app-config", "app.config"]);
        assert_eq!(checked.status, 0, "{}", checked.text);
        (checked.notes(), checked.text)
    };
    for good in ["\"spools\"", "<<\"a/b/c\">>"] {
        assert_eq!(warnings(good).0, Vec::<String>::new());
    }
    let expected = vec!["warning mongoose_http_pusher.spool_dir".to_owned()];
    let (notes, text) = warnings("\"app.config/spools\"");
    assert_eq!(notes, expected);
    assert!(text.contains("app.config is no directory"), "{text}");
}
