//! `http-pusher simulate` to a test endpoint: what the program says it did is what arrived.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod output;
mod traffic;
mod verdict;

use std::process::Output;

use common::{Dir, program};
use serde_json::Value;
use test_endpoint::{EndpointConfig, EndpointHandle, Record, TestEndpoint};

fn endpoint(plan: &str) -> EndpointHandle {
    let config = EndpointConfig {
        plan: plan.parse().unwrap(),
        ..EndpointConfig::default()
    };
    TestEndpoint::start_in_thread(config, 2).unwrap()
}

/// A file whose pool sends to the endpoint; `handler` is put into the handler's section, `pool` into the pool's. However slow this
/// machine is, no time is up.
fn file(dir: &Dir, endpoint: &EndpointHandle, handler: &str, pool: &str) {
    let text = format!(
        "[general]\nhosts = [\"one.example\", \"two.example\"]\n\
         [[modules.mod_event_pusher.http.handlers]]\npath = \"/n\"\n{handler}\n\
         [outgoing_pools.http.http_pool]\n{pool}\ncall_timeout = 600000\n\
         [outgoing_pools.http.http_pool.connection]\nrequest_timeout = 600000\nhost = \"{}\"\n",
        endpoint.url("")
    );
    dir.file("mongooseim.toml", &text);
}

/// Every event that has a text.
const ALL: &str = "format = \"json\"\nrules = [{action = \"send\", conditions = [{}]}]";

fn simulate(dir: &Dir, more: &[&str]) -> Output {
    program(dir)
        .args(["simulate", "mongooseim.toml", "--drain", "600s"])
        .args(more)
        .output()
        .unwrap()
}

/// The JSON object in the last line.
#[track_caller]
fn summary(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("{text}\n{output:?}"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn sum(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().map(number).sum()
}

/// The account is level, and agrees with the endpoint's own.
#[track_caller]
fn check(summary: &Value, endpoint: &EndpointHandle) {
    let count = |name: &str| number(&summary[name]);
    let (failed, rejected) = (sum(&summary["failed"]), sum(&summary["rejected"]));
    assert_eq!(count("accepted"), count("sent") + failed + count("left"));
    assert_eq!(count("notifications"), count("accepted") + rejected);
    assert_eq!(count("sent"), sum(&summary["statuses"]));
    let pools = summary["pools"].as_array().unwrap();
    for name in ["accepted", "sent", "retries", "left"] {
        let pools: u64 = pools.iter().map(|pool| number(&pool[name])).sum();
        assert_eq!(pools, count(name), "{name}");
    }
    let arrived = endpoint.records();
    assert_eq!(
        u64::try_from(arrived.len()).unwrap(),
        count("sent") + failed + count("retries"),
        "{summary}"
    );
}

fn body(record: &Record) -> Value {
    serde_json::from_slice(&record.body).unwrap()
}
