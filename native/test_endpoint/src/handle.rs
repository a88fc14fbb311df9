//! The handle that controls a running test endpoint.

use crate::config::EndpointError;
use crate::door::{Door, Manner};
use crate::ledger::Stats;
use crate::plan::{Fault, Plan};
use crate::records::Record;
use crate::shared::Shared;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// How often `wait_for` reads the counters.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Longest wait of `shutdown` for the connections to be dropped.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

/// What happens to attempts to connect under that plan.
pub(crate) fn manner(plan: &Plan) -> Manner {
    match plan.faults().next() {
        Some(Fault::Refuse) => Manner::Closed,
        Some(Fault::ConnectStall) => Manner::Deaf,
        _ => Manner::Open,
    }
}

/// A running test endpoint; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) shared: Arc<Shared>,
    pub(crate) doors: Vec<Arc<Door>>,
    pub(crate) accepting: Vec<AbortHandle>,
    pub(crate) runtime: runtime::Handle,
    /// Ends the test endpoint's own runtime, if it has one, when dropped.
    pub(crate) _stop: Option<oneshot::Sender<()>>,
}

impl Running {
    fn stop(&self) {
        for task in &self.accepting {
            task.abort();
        }
        for door in &self.doors {
            door.close();
        }
        self.shared.connections.end_all();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Controls a running test endpoint. Clones control the same one; it stops with the last of them.
#[derive(Clone, Debug)]
pub struct EndpointHandle(pub(crate) Arc<Running>);

impl EndpointHandle {
    /// The first address that it listens at.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        let first = self.0.doors.first();
        // There is always one: a test endpoint does not start without.
        first.map_or(SocketAddr::from(([127, 0, 0, 1], 0)), |door| door.addr())
    }

    /// All addresses that it listens at.
    #[must_use]
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.0.doors.iter().map(|door| door.addr()).collect()
    }

    /// The port that it listens at.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr().port()
    }

    /// The URL of that path at the first address.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let tls = self.0.shared.tls.is_some();
        let scheme = if tls { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.addr())
    }

    /// The authority that signed the self-signed certificate, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.0.shared.tls.as_ref().and_then(|tls| tls.ca_pem())
    }

    /// Sets the plan of all paths without their own. `refuse` closes the listener, with
    /// `connect-stall` the kernel drops attempts to connect, any other plan opens it.
    ///
    /// # Errors
    ///
    /// If this test endpoint cannot play the plan, or the listener cannot be opened.
    pub fn set_plan(&self, plan: Plan) -> Result<(), EndpointError> {
        self.0.shared.check(&plan)?;
        let manner = manner(&plan);
        self.0.shared.rules.set(plan);
        self.set_doors(manner)
    }

    /// Sets the plan for one path: the whole request target with its query.
    ///
    /// # Errors
    ///
    /// If this test endpoint cannot play the plan, or the plan has a fault of connections.
    pub fn set_plan_for(&self, path: &str, plan: Plan) -> Result<(), EndpointError> {
        self.0.shared.check(&plan)?;
        Ok(self.0.shared.rules.set_for(path, plan)?)
    }

    /// Queues a plan for the next `count` requests (or connections, if it has a connection fault).
    ///
    /// # Errors
    ///
    /// If this test endpoint cannot play the plan, or the plan cannot be limited to a few requests.
    pub fn push_next(&self, count: u64, plan: Plan) -> Result<(), EndpointError> {
        self.0.shared.check(&plan)?;
        Ok(self.0.shared.rules.push(None, count, plan)?)
    }

    /// Queues a plan for the next `count` requests for one path.
    ///
    /// # Errors
    ///
    /// If this test endpoint cannot play the plan, or the plan has a fault of connections.
    pub fn push_next_for(&self, path: &str, count: u64, plan: Plan) -> Result<(), EndpointError> {
        self.0.shared.check(&plan)?;
        Ok(self.0.shared.rules.push(Some(path), count, plan)?)
    }

    /// Removes all plans: answers 200 to everything, and opens the listener.
    ///
    /// # Errors
    ///
    /// If the listener cannot be opened.
    pub fn reset_plans(&self) -> Result<(), EndpointError> {
        self.0.shared.rules.reset();
        self.set_listening(true)
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.shared.stats()
    }

    /// Every record kept.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.records_from(0)
    }

    /// Every record kept with a number of at least `n`.
    #[must_use]
    pub fn records_from(&self, n: u64) -> Vec<Record> {
        self.0.shared.records.from(n)
    }

    /// Waits until `wanted` accepts the counters; returns false after `timeout`.
    pub async fn wait_for(&self, timeout: Duration, wanted: impl Fn(&Stats) -> bool) -> bool {
        let end = Instant::now() + timeout;
        loop {
            if wanted(&self.stats()) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Sets the counters to 0 and removes the records; plans and connections stay.
    pub fn clear(&self) {
        self.0.shared.clear();
    }

    /// Drops all open connections.
    pub fn close_connections(&self) {
        self.0.shared.connections.end_all();
    }

    /// Closes the listener, so that connecting is refused, or opens it again at the same port.
    ///
    /// # Errors
    ///
    /// If the listener cannot be opened.
    pub fn set_listening(&self, open: bool) -> Result<(), EndpointError> {
        self.set_doors(if open { Manner::Open } else { Manner::Closed })
    }

    pub(crate) fn set_doors(&self, manner: Manner) -> Result<(), EndpointError> {
        for door in &self.0.doors {
            door.set(manner, &self.0.runtime)?;
        }
        Ok(())
    }

    /// Ends all current stalls; connections with `silent-death` or stalled without a request close.
    pub fn release(&self) {
        self.0.shared.gate.send_modify(|turn| *turn += 1);
    }

    /// The last handshakes that failed: microseconds since the start, connection, and reason.
    #[must_use]
    pub fn tls_failures(&self) -> Vec<String> {
        self.0.shared.tls_failures()
    }

    /// Stops listening, drops all connections, and returns when they are closed (5 s at most).
    pub async fn shutdown(self) {
        self.0.stop();
        self.wait_for(SHUTDOWN_TIME, |stats| stats.connections_open == 0)
            .await;
    }
}
