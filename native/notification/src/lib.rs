//! What every layer speaks of, from hand-over to report.
//!
//! A session hands over a [`Notification`] for a [`Handler`] of a [`HostType`]. It is either
//! rejected, with a [`RejectReason`], or accepted; what is accepted has one [`Verdict`] in the end: sent, or failed
//! with a [`FailureReason`]. A caller that waits for that leaves a [`Waiter`].
//!
//! Below them is what every layer uses: locks that the model checker can search ([`sync`]), places at
//! which a test makes a delivery panic ([`fail_point`]), panics caught and remembered ([`panics`]), and
//! what an allocation takes ([`heap`]). The other crates depend on this one; it depends on none of them.
#![forbid(unsafe_code)]

pub mod fail_point;
mod handler;
pub mod heap;
mod host_type;
mod notification;
mod outcome;
pub mod panics;
mod reason;
mod refused;
mod rejected;
pub mod sync;
mod waiter;

pub use handler::Handler;
pub use host_type::{Account, HostType};
pub use notification::{Content, Direction, Names, Notification, OwnRequest, lane_key};
pub use outcome::Verdict;
pub use reason::{FailureReason, RejectReason};
pub use refused::{PushError, Refused};
pub use rejected::RejectedTotals;
pub use waiter::Waiter;
