//! An HTTP/1.1 and HTTP/2 endpoint whose latency, status and faults can be set while it runs. It
//! counts and records the requests that it receives. It is for the demo, tests and benchmarks only:
//! it trusts every client of its admin port, and misbehaves on request.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use test_endpoint::{TestEndpoint, EndpointConfig};
//!
//! let endpoint = TestEndpoint::start(EndpointConfig::default()).await?;
//! endpoint.set_plan("delay=10-50 seed=1".parse()?)?;
//! endpoint.push_next(2, "fault=close-in-status".parse()?)?;
//! println!("post to {}", endpoint.url("/notifications"));
//! println!("{} answered", endpoint.stats().answered);
//! endpoint.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! The program `http-pusher-test-endpoint` runs it as a separate process. The first line of its
//! output says where it listens; a second port has a small HTTP interface (see [`admin`]):
//!
//! ```text
//! $ http-pusher-test-endpoint --ignore-stdin --print --plan delay=500
//! listening 127.0.0.1:41000 admin 127.0.0.1:41001
//! $ curl -d status=503 '127.0.0.1:41001/plan?next=3'
//! $ curl 127.0.0.1:41001/stats
//! ```
//!
//! It ends on SIGTERM or SIGINT, or when its standard input is closed, so that it does not outlive the
//! process that started it.
//!
//! # Where to look
//!
//! - [`Plan`]: what it does with requests and connections. Its `FromStr` documents the words of the
//!   text form, [`Fault`] the faults.
//! - [`EndpointHandle`]: sets plans for all requests, for one path, or for the next few requests; reads
//!   counters and records; closes connections and the listener.
//! - [`Stats`], [`Record`]: what it counts and records. Recording is bounded, counting is not.
//! - [`certs`]: certificates for tests.
//!
//! # Good to know
//!
//! - A path is the whole request target, query included.
//! - Connection faults apply to the next connection, all others to the next request. Neither uses up
//!   what is queued for the other. A mix may contain both.
//! - A plan is refused if it has a fault of a protocol that this test endpoint does not speak. If it
//!   speaks both, a request over the other protocol is answered 500 and counted
//!   (`misplaced_faults`), so that a test does not pass by mistake.
//! - A stall lasts until `release`, until the client leaves, or until the connection is dropped. A
//!   delay ends early if the client leaves. A client that closes its sending side counts as gone.
//! - A request stops being in flight before the last byte of its answer is sent. A client that waits
//!   for its answers therefore never has more requests in flight here than it knows of. A client that
//!   gives up early may: the test endpoint learns of it only when it reads the client's FIN.
//! - Without recording, one thread answers about a hundred thousand requests a second; recording costs
//!   about a third of that. The default is one thread, because a second one would compete with the
//!   client for a core.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

// For the program alone.
use clap as _;

pub mod admin;
mod answer;
pub mod certs;
mod coding;
mod config;
mod connection;
mod door;
mod h1;
mod handle;
mod http2;
mod ledger;
mod plan;
pub mod print;
mod records;
mod rules;
mod script;
mod shared;
mod start;
mod tls;
mod tls_faults;
mod visit;
mod wire;

pub use coding::CodingError;
pub use config::{
    ClientAuth, Decision, EndpointConfig, EndpointError, Identity, Observer, Responder,
    TlsSettings, TlsVersions,
};
pub use handle::EndpointHandle;
pub use ledger::Stats;
pub use plan::{Behaviour, Delay, Fault, Mix, Plan, PlanError};
pub use records::{Record, TlsInfo, Version};
pub use start::TestEndpoint;
