//! The end of pools, host types and the engine itself, with work pending: everything accepted has one
//! outcome, in time, and what was not concerned goes on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod engine_stops;
mod handed_over;
mod host_types_leave;
mod pools_close;
#[path = "../support/mod.rs"]
mod support;

use engine::settings::PoolOptions;
use support::{End, Seen, options, per_sender, test_endpoint};
use test_endpoint::{EndpointConfig, EndpointHandle};

fn stalled() -> EndpointHandle {
    test_endpoint(EndpointConfig {
        plan: "fault=stall-before-head".parse().unwrap(),
        ..EndpointConfig::default()
    })
}

fn patient(endpoint: &EndpointHandle) -> PoolOptions {
    PoolOptions {
        workers: 4,
        ..options(endpoint.url(""))
    }
}

fn reason(seen: &Seen) -> &'static str {
    match &seen.end {
        End::Failed { reason, .. } => reason,
        End::Sent { .. } => "sent",
    }
}

#[track_caller]
fn assert_all(seen: &[Seen], count: usize, expected: &str) {
    assert_eq!(seen.len(), count);
    assert!(per_sender(seen).values().all(|outcomes| *outcomes == 1));
    let other = seen.iter().find(|seen| reason(seen) != expected);
    assert!(other.is_none(), "{other:?}");
}
