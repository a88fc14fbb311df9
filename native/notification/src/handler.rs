//! A handler: the part of an entry in the module's configuration section that the engine needs.

use std::any::Any;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use crate::rejected::RejectCounters;
use crate::{DeliveryPolicy, HandlerId, HostType};

/// What a handler is called on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDisk {
    /// The text, which its records share.
    pub key: Arc<str>,
    /// A hash of the text and of the host type; the engine makes it.
    pub hash: u64,
}

/// One configured handler.
#[derive(Debug)]
pub struct Handler {
    /// A number that is unique in the engine.
    pub id: HandlerId,
    /// The host type that the handler belongs to.
    pub host_type: Arc<HostType>,
    /// `pool_name`, for reports.
    pub pool_name: Box<str>,
    /// `path`, as configured; each request joins it with the pool's prefix.
    pub path: Box<str>,
    /// What its options ask for beyond the stock module's; `None` if nothing. Only the engine knows what it
    /// is.
    pub plan: Option<Arc<dyn Any + Send + Sync>>,
    /// What the handler asks of its deliveries.
    pub policy: DeliveryPolicy,
    /// What it is called on disk, once that was asked.
    pub on_disk: OnceLock<OnDisk>,
    /// The number of its last configuration: of two, the later one has the higher number.
    pub configured: AtomicU64,
    /// Counts the handler's rejected notifications since the process started.
    pub rejected: RejectCounters,
}

impl Handler {
    /// A handler with no option beyond the stock module's, and nothing rejected.
    #[must_use]
    pub fn plain(id: HandlerId, host_type: Arc<HostType>, pool_name: &str, path: &str) -> Self {
        Self {
            id,
            host_type,
            pool_name: pool_name.into(),
            path: path.into(),
            policy: DeliveryPolicy::default(),
            plan: None,
            on_disk: OnceLock::new(),
            configured: AtomicU64::new(0),
            rejected: RejectCounters::default(),
        }
    }
}
