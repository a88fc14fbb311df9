//! Examples of configurations pass `http-pusher check`.

use std::collections::BTreeSet;

use super::common::{Dir, check_in};

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
