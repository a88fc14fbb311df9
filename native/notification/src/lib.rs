//! The types that every layer shares, from hand-over to report.
//!
//! A session hands over a [`Notification`] for a [`Handler`] of a [`HostType`]. The notification is
//! either rejected, with a [`RejectReason`], or accepted. Each accepted notification ends with one
//! [`Verdict`]: sent, or failed with a [`FailureReason`]. A caller that waits for the verdict leaves a
//! [`Waiter`].
//!
//! Below them are the tools that every layer uses: locks that the model checker can search ([`sync`]),
//! fail points ([`fail_point`]), panics caught and remembered ([`panics`]), and the true size of an
//! allocation ([`heap`]). The other crates depend on this one; it depends on none of them.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

// The model checker's own takes its place.
#[cfg(feature = "model")]
use atomic_waker as _;

pub mod fail_point;
mod handler;
pub mod heap;
mod host_type;
mod ids;
mod message_id;
mod notification;
mod outcome;
pub mod panics;
pub mod policy;
mod reason;
mod refused;
mod rejected;
pub mod sync;
mod waiter;

pub use handler::{Handler, OnDisk};
pub use host_type::{HostType, HostTypeCounters};
pub use ids::{HandlerId, HostTypeId, PoolId};
pub use message_id::MessageId;
pub use notification::{Content, Direction, Event, Names, Notification, OwnRequest, lane_key};
pub use outcome::Verdict;
pub use policy::{DeliveryPolicy, Guarantee, Retry, Statuses};
pub use reason::{FailureReason, RejectReason};
pub use refused::{PushError, Refused};
pub use rejected::RejectCounters;
pub use waiter::Waiter;
