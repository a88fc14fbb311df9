//! Examples of configurations pass `http-pusher check`.

use std::collections::BTreeSet;

use super::common::{Dir, check_in};
use super::{code, rows};

const README: &str = include_str!("../../../../README.md");
const CONFIGURATION: &str = include_str!("../../../../docs/configuration.md");
const TEMPLATES: &str = include_str!("../../../../docs/templates.md");

/// Handlers without a pool get one, options without a handler that too.
#[test]
fn every_example_passes_check() {
    const HANDLER: &str = "[[modules.mod_event_pusher.http.handlers]]\n";
    let dir = Dir::new();
    std::fs::create_dir_all(dir.path().join("etc/templates")).unwrap();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
    for name in [
        "webhook_secret",
        "webhook-secrets",
        "key",
        "token",
        "telegram-token",
    ] {
        dir.file(&format!("etc/{name}"), secret);
    }
    dir.file("etc/templates/service.json.j2", "{{ body | default('') }}");
    let mut count = 0;
    for page in [README, CONFIGURATION, TEMPLATES] {
        for example in page.split("```toml\n").skip(1) {
            let example = example.split("```").next().unwrap();
            let rules = "[[modules.mod_event_pusher.http.handlers.rules]]";
            let whole = example.starts_with('[') && !example.starts_with(rules);
            let mut file = format!("{}{example}\n", if whole { "" } else { HANDLER });
            let pools = example.split("pool_name = \"").skip(1);
            let pools = pools.filter_map(|rest| rest.split('"').next());
            for pool in pools.chain(["http_pool"]).collect::<BTreeSet<_>>() {
                if !file.contains(&format!("[outgoing_pools.http.{pool}.connection]")) {
                    let host = "host = \"https://localhost:8000\"";
                    file = format!("[outgoing_pools.http.{pool}.connection]\n{host}\n{file}");
                }
            }
            let checked = check_in(&dir, &file, &[]);
            assert_eq!(checked.status, 0, "{example}\n{}", checked.text);
            count += 1;
        }
    }
    assert!(count > 8, "{count}");
}

/// The table of configuration.md: the URL of each row, and a warning where the stock module has another.
#[test]
fn every_url_is_as_the_table_says() {
    let dir = Dir::new();
    let (_, table) = CONFIGURATION
        .split_once("\n### Which URL comes out\n")
        .unwrap();
    let mut count = 0;
    for row in &rows(table.split("\n\nIf the two").next().unwrap())[1..] {
        let (prefix, url) = (code(row[0]).next().unwrap(), code(row[2]).next().unwrap());
        let stock = code(row[3]).next();
        let empty = row[1].contains("*(empty)*").then_some("");
        for path in code(row[1]).chain(empty) {
            let file = format!(
                "[outgoing_pools.http.http_pool.connection]\nhost = \"http://localhost:1\"\npath_prefix = \"{prefix}\"\n\
                 [[modules.mod_event_pusher.http.handlers]]\npath = \"{path}\"\n"
            );
            let checked = check_in(&dir, &file, &[]);
            let found = checked.handler(0)["url"].as_str();
            assert_eq!(found, Some(&*format!("http://localhost:1{url}")), "{file}");
            let warned =
                stock.map(|stock| format!("would have sent them to http://localhost:1{stock}\n"));
            let differs = checked.text.contains("would have sent them to");
            let as_shown = warned
                .as_ref()
                .is_some_and(|text| checked.text.contains(text));
            assert_eq!(
                (differs, as_shown),
                (stock.is_some(), stock.is_some()),
                "{}",
                checked.text
            );
            count += 1;
        }
    }
    assert!(count > 9, "{count}");
}
