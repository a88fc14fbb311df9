//! Another node uses the directory.

use std::sync::Arc;

use spool::{Directory, Settings};

use crate::support::spooled::{endpoint, policy, settings};
use crate::support::{Bench, HOST_TYPE, options, until};

#[test]
fn a_directory_that_another_node_uses_leaves_deliveries_in_memory() {
    let path = tempfile::tempdir().unwrap();
    let _other = Directory::take(path.path(), "other@localhost", Settings::default()).unwrap();
    let endpoint = endpoint();
    let bench = Bench::with(settings(path.path()), Arc::default());
    bench.engine.open_host_type(HOST_TYPE);
    let handler = bench
        .engine
        .planned_handler(HOST_TYPE, "http_pool", "/n", policy(), None);
    let pool = bench.pool(options(endpoint.url("")));
    bench.engine.open_spool(&endpoint.url(""), true);
    // It may be handed over before it is known that there can be no file.
    bench.push_text(pool, &handler, "alice", b"x").unwrap();
    bench.outcomes(1);
    let mut said = Vec::new();
    until("it is said", || {
        said.extend(bench.engine.notices.take());
        !said.is_empty()
    });
    assert!(said[0].text.contains("other@localhost"), "{said:?}");
    let why = bench.engine.spools()[0].why_failing().unwrap();
    assert!(why.contains("other@localhost"), "{why}");
    bench.push_text(pool, &handler, "alice", b"y").unwrap();
    bench.outcomes(2);
    bench.assert_conserved();
}
