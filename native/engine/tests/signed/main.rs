//! Handlers with headers, authentication and signatures of their own, whatever makes the body.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod missing;
mod path_secret;
mod signatures;
#[path = "../support/mod.rs"]
mod support;

use credentials::CredentialOptions;
use engine::handler_plan::HandlerOptions;
use support::{assert_sent, test_endpoint};
use test_endpoint::{EndpointConfig, EndpointHandle, TlsSettings};

fn only(credentials: CredentialOptions) -> HandlerOptions {
    HandlerOptions {
        credentials,
        ..HandlerOptions::default()
    }
}

fn endpoint_over(http2: bool) -> EndpointHandle {
    test_endpoint(EndpointConfig {
        tls: http2.then(TlsSettings::self_signed),
        http2,
        ..EndpointConfig::default()
    })
}
