//! An HTTP/1.1 and HTTP/2 endpoint whose latency, status and faults can be set while it runs, and
//! which counts and records what it gets. For the demo, tests and benchmarks; not for serving
//! anything to anybody: it binds where it is told, trusts its admin port, and misbehaves by request.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sink::{Sink, SinkConfig};
//!
//! let sink = Sink::start(SinkConfig::default()).await?;
//! sink.set_plan("delay=10-50 seed=1".parse()?)?;
//! sink.push_next(2, "fault=close-in-status".parse()?)?;
//! println!("post to {}", sink.url("/notifications"));
//! println!("{} answered", sink.stats().answered);
//! sink.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! The binary `http-pusher-sink` is the same thing as a process of its own, driven by its command
//! line and by a small HTTP interface on a second port (module `admin`).
//!
//! - [`Plan`]: what it does with requests and connections; the text form is described there.
//! - [`Fault`]: everything it can do wrong.
//! - [`Stats`], [`Record`]: what it counts and remembers.
//! - [`certs`]: certificates for tests.

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
mod shared;
mod tls;
mod tls_faults;
mod wire;

pub use config::{ClientAuth, Identity, Observer, SinkConfig, SinkError, TlsSettings, TlsVersions};
pub use handle::{Sink, SinkHandle};
pub use ledger::Stats;
pub use plan::{Behaviour, Delay, Fault, Mix, Plan, PlanError};
pub use records::{Record, TlsInfo, Version};
