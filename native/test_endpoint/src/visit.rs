//! What all requests of one connection have in common.

use crate::records::TlsInfo;
use crate::shared::Shared;
use std::sync::Arc;

/// One connection, seen from its requests.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) shared: Arc<Shared>,
    /// Number of the connection.
    pub(crate) id: u64,
    pub(crate) tls: Option<TlsInfo>,
}
