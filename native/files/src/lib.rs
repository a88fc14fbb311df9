//! Files that settings name: certificates, secrets, templates.
//!
//! Reading a file can hang for ever on an unresponsive mount, so it happens on a thread of its own
//! ([`apart`]), never on one of the engine's. [`Watched`] reads a file again when it has changed; new
//! content that is unusable keeps the old. Text that is secret prints as dots ([`Secret`]).
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

pub mod apart;
mod content;
mod secret;
mod source;
mod stamp;
mod watch;
mod watched;

use std::sync::Arc;
use std::time::Duration;

pub use content::{LONGEST, read, whereabouts};
pub use secret::Secret;
pub use source::Source;
pub use stamp::Stamp;
pub use watch::{CHECK_EVERY, GIVEN_UP_AFTER, Seen, Turn, Watch};
pub use watched::{PATIENCE, Watched};

/// What the operator should know of a file while the node runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// New content cannot be used, and the old stays in use.
    Warning(String),
    /// There is no content, so that notifications fail.
    Problem(String),
    /// What a warning or a problem said is over.
    Mended(String),
}

/// Receives remarks, on any thread, and returns at once.
pub type Tell = Arc<dyn Fn(Remark) + Send + Sync>;

/// How long to wait before reading files again that could not be read `failures` times in a row, for
/// reasons that may pass.
#[must_use]
pub fn pause(failures: u32) -> Duration {
    let doubled = Duration::from_millis(250).saturating_mul(1 << (failures.clamp(1, 16) - 1));
    doubled.min(Duration::from_secs(30))
}
