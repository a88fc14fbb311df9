//! No file descriptor is left.

use std::process::Command;

use test_endpoint::EndpointConfig;

use super::{assert_failed, assert_sent};
use crate::support::{Bench, options, test_endpoint};

#[test]
fn file_descriptors_used_up() {
    const URL: &str = "ENGINE_TEST_FD_URL";
    if let Ok(url) = std::env::var(URL) {
        return with_few_descriptors(&url);
    }
    let endpoint = test_endpoint(EndpointConfig::default());
    let test = std::env::current_exe().unwrap();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 64 && exec \"$0\" --exact descriptors::file_descriptors_used_up --nocapture",
        ])
        .arg(test)
        .env(URL, endpoint.url(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains("1 passed"), "{said}");
    assert_eq!(endpoint.stats().received, 2);
}

fn with_few_descriptors(url: &str) {
    let bench = Bench::new();
    let pool = bench.pool(options(url));
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
        assert!(taken.len() < 100, "the limit does not hold");
    }
    let (end, _) = bench.deliver(pool, "none left");
    assert_failed(&end, "emfile", 1);
    drop(taken);
    assert_sent(&bench.deliver(pool, "again").0);
    assert_sent(&bench.deliver(pool, "and again").0);
    bench.assert_conserved();
}
