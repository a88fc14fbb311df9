//! An HTTP/1.1 and HTTP/2 endpoint whose latency, status and faults can be set while it runs, and
//! which counts and records what it gets. For the demo, tests and benchmarks; not for serving
//! anything to anybody: it binds where it is told, trusts its admin port, and misbehaves by request.
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
//! The binary `http-pusher-test-endpoint` is the same thing as a process of its own. Its first line of output
//! says where it listens; a second port has a small HTTP interface (see [`admin`]):
//!
//! ```text
//! $ http-pusher-test-endpoint --ignore-stdin --print --plan delay=500
//! listening 127.0.0.1:41000 admin 127.0.0.1:41001
//! $ curl -d status=503 '127.0.0.1:41001/plan?next=3'
//! $ curl 127.0.0.1:41001/stats
//! ```
//!
//! It ends when its standard input does (so that it does not outlive who started it), or on SIGTERM
//! or SIGINT.
//!
//! # Where to look
//!
//! - [`Plan`]: what it does with requests and connections. The words of the text form are told at
//!   its `FromStr`, the faults at [`Fault`].
//! - [`EndpointHandle`]: setting plans for everything, for one path, for the next so many requests;
//!   counters, records, connections, listener.
//! - [`Stats`], [`Record`]: what it counts and remembers. Recording is bounded, counting is not.
//! - [`certs`]: certificates for tests.
//!
//! # Good to know
//!
//! - A path is the whole request target, query included.
//! - Connection faults are taken by the next connection, the others by the next request; neither uses
//!   up what is queued for the other. A mix may contain both.
//! - A fault that a protocol does not have is refused when the test endpoint cannot speak the protocol that
//!   has it. A single request over the other protocol is answered 500 and counted
//!   (`misplaced_faults`), so that a test does not pass by mistake.
//! - A stall holds until `release`, until the client leaves, or until the connection is dropped. A
//!   delay ends early when the client leaves; a client that closes its sending side counts as gone.
//! - A request stops being in flight before the last byte of its answer is sent, so a client that
//!   waits for its answers never has more in flight here than it knows of. One that gives up early
//!   may: the test endpoint learns of it when the client's FIN is read.
//! - Without recording, one thread answers about a hundred thousand requests a second; recording costs
//!   about a third of that. One thread is the default, because a second one only takes the core that
//!   the client needs.

#![forbid(unsafe_code)]

pub mod admin;
pub mod certs;
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
mod wire;

pub use config::{
    ClientAuth, EndpointConfig, EndpointError, Identity, Observer, TlsSettings, TlsVersions,
};
pub use handle::EndpointHandle;
pub use ledger::Stats;
pub use plan::{Behaviour, Delay, Fault, Mix, Plan, PlanError};
pub use records::{Record, TlsInfo, Version};
pub use start::TestEndpoint;
