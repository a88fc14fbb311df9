//! HTTP/2 under stress: fewer streams than workers, connections that die silently, peers that do not read,
//! connections that take several tries.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod connections;
mod few_streams;
#[path = "../h2_support/mod.rs"]
mod h2_support;
#[path = "../support/mod.rs"]
mod support;

use support::{assert_answered, test_endpoint};
use test_endpoint::{EndpointConfig, EndpointHandle, TlsSettings};

fn endpoint(max_streams: u32) -> EndpointHandle {
    test_endpoint(EndpointConfig {
        tls: Some(TlsSettings::self_signed()),
        http2: true,
        max_streams,
        ..EndpointConfig::default()
    })
}
