//! A handler: an entry of the module's section in the host's configuration, as far as the engine needs
//! it.

use std::sync::Arc;

use crate::HostType;
use crate::rejected::RejectedTotals;

/// One configured handler.
#[derive(Debug)]
pub struct Handler {
    /// Number, unique in the engine.
    pub id: u32,
    /// The host type it belongs to.
    pub host_type: Arc<HostType>,
    /// `pool_name`, for reports.
    pub pool_name: Box<str>,
    /// `path`, as configured; joined with the pool's prefix when it is used.
    pub path: Box<str>,
    /// Its notifications that were not taken, since the process started.
    pub rejected: RejectedTotals,
}
