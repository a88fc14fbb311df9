//! Options of pools, and endpoints for them.

use std::time::Duration;

use engine::settings::PoolOptions;
use test_endpoint::{EndpointConfig, EndpointHandle, TestEndpoint};
use transport::TlsOptions;

use super::patience::FOR_EVER;
use super::scratch::TempFile;

/// A pool of one worker over plain HTTP, in which no time is up before the test is over.
pub fn options(host: impl Into<String>) -> PoolOptions {
    PoolOptions {
        host: host.into(),
        path_prefix: "/".to_owned(),
        request_timeout: millis(FOR_EVER),
        call_timeout: millis(FOR_EVER),
        workers: 1,
        strategy: "best_worker".to_owned(),
        max_worker_queue_len: None,
        http2: false,
        tls: None,
    }
}

pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

pub fn test_endpoint(config: EndpointConfig) -> EndpointHandle {
    TestEndpoint::start_in_thread(config, 1).unwrap()
}

/// The same pool in a hurry: an attempt ends after `request_timeout`.
pub fn hurried(options: PoolOptions, request_timeout: Duration) -> PoolOptions {
    PoolOptions {
        request_timeout: millis(request_timeout),
        ..options
    }
}

/// Options for a pool at `endpoint`, and the file with its authority, if it speaks TLS.
pub fn pool_at(endpoint: &EndpointHandle, http2: bool) -> (PoolOptions, Option<TempFile>) {
    let base = endpoint.url("");
    let Some(ca) = endpoint.ca_pem() else {
        return (options(base), None);
    };
    let file = TempFile::new(ca, endpoint.port());
    let tls = TlsOptions {
        cacertfile: Some(file.0.clone()),
        ..TlsOptions::default()
    };
    let options = PoolOptions {
        tls: Some(tls),
        http2,
        ..options(base)
    };
    (options, Some(file))
}
