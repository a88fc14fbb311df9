//! Starting a sink, and the handle it is driven by.

use crate::config::{SinkConfig, SinkError};
use crate::door::{Door, Manner};
use crate::ledger::Stats;
use crate::plan::{Fault, Plan};
use crate::records::Record;
use crate::shared::Shared;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// How often `wait_for` looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Attempts to find a port that is free at every address.
const PORT_TRIES: usize = 20;
/// Longest wait of `shutdown` for the connections to be dropped.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

/// Starts sinks.
#[derive(Debug)]
pub struct Sink;

impl Sink {
    /// Starts a sink on the caller's Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`SinkError`] if it cannot listen, or certificates or plan cannot be used.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime with time and I/O enabled.
    #[allow(clippy::unused_async)] // It has to be called inside of a runtime.
    pub async fn start(config: SinkConfig) -> Result<SinkHandle, SinkError> {
        start_on(&config, &runtime::Handle::current(), None)
    }

    /// Starts a sink on a runtime of its own, untouched by what the caller does to its own clock and
    /// threads. With one thread, that thread does everything.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and if the threads cannot be started.
    #[allow(clippy::needless_pass_by_value)] // As `start`, which keeps it in its future.
    pub fn start_in_thread(config: SinkConfig, threads: usize) -> Result<SinkHandle, SinkError> {
        let runtime = own_runtime(threads)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let handle = start_on(&config, runtime.handle(), Some(stop))?;
        std::thread::Builder::new()
            .name("sink".to_owned())
            .spawn(move || {
                // Ends with an error when the handle is dropped, which is as good.
                let _ = runtime.block_on(stopped);
            })?;
        Ok(handle)
    }
}

/// A runtime for a sink alone, in so many threads.
///
/// # Errors
///
/// If the threads cannot be started.
pub(crate) fn own_runtime(threads: usize) -> io::Result<runtime::Runtime> {
    let mut builder = if threads <= 1 {
        runtime::Builder::new_current_thread()
    } else {
        runtime::Builder::new_multi_thread()
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().thread_name("sink").build()
}

fn start_on(
    config: &SinkConfig,
    runtime: &runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
) -> Result<SinkHandle, SinkError> {
    let shared = Arc::new(Shared::new(config)?);
    let doors = doors(config)?;
    let mut accepting = Vec::new();
    for door in &doors {
        let task = Arc::clone(door).accept_all(Arc::clone(&shared));
        accepting.push(runtime.spawn(task).abort_handle());
    }
    let handle = SinkHandle(Arc::new(Running {
        shared,
        doors,
        accepting,
        runtime: runtime.clone(),
        _stop: stop,
    }));
    handle.set_doors(manner(&config.plan))?;
    Ok(handle)
}

fn doors(config: &SinkConfig) -> Result<Vec<Arc<Door>>, SinkError> {
    let (first, others) = config.bind.split_first().ok_or(SinkError::NoAddress)?;
    let mut tries = PORT_TRIES;
    loop {
        let door = Door::new(*first, config.port)?;
        let port = door.addr().port();
        let all: io::Result<Vec<Door>> = others.iter().map(|ip| Door::new(*ip, port)).collect();
        match all {
            Ok(others) => {
                let all = std::iter::once(door).chain(others);
                return Ok(all.map(Arc::new).collect());
            }
            // A port free at one address may be taken at another: try the next.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && config.port == 0 => {
                tries -= 1;
                if tries == 0 {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// How connections are to be met under that plan.
fn manner(plan: &Plan) -> Manner {
    match plan.faults().next() {
        Some(Fault::Refuse) => Manner::Closed,
        Some(Fault::ConnectStall) => Manner::Deaf,
        _ => Manner::Open,
    }
}

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    doors: Vec<Arc<Door>>,
    accepting: Vec<AbortHandle>,
    runtime: runtime::Handle,
    /// Dropped, it ends the sink's own runtime if it has one.
    _stop: Option<oneshot::Sender<()>>,
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

/// A running sink. Clones drive the same one; it stops with the last of them.
#[derive(Clone, Debug)]
pub struct SinkHandle(Arc<Running>);

impl SinkHandle {
    /// The first address that it listens at.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        let first = self.0.doors.first();
        // There is one: it does not start without.
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

    /// Sets the plan for everything without one of its own. `refuse` closes the listener,
    /// `connect-stall` makes it deaf, any other plan opens it.
    ///
    /// # Errors
    ///
    /// If this sink cannot do what the plan says, or the listener cannot be opened.
    pub fn set_plan(&self, plan: Plan) -> Result<(), SinkError> {
        self.0.shared.check(&plan)?;
        let manner = manner(&plan);
        self.0.shared.rules.set(plan);
        self.set_doors(manner)
    }

    /// Sets the plan for one path: the whole request target with its query.
    ///
    /// # Errors
    ///
    /// If this sink cannot do what the plan says, or only connections can.
    pub fn set_plan_for(&self, path: &str, plan: Plan) -> Result<(), SinkError> {
        self.0.shared.check(&plan)?;
        Ok(self.0.shared.rules.set_for(path, plan)?)
    }

    /// Queues a plan for the next `count` requests (or connections, if its fault is theirs).
    ///
    /// # Errors
    ///
    /// If this sink cannot do what the plan says, or not only for a while.
    pub fn push_next(&self, count: u64, plan: Plan) -> Result<(), SinkError> {
        self.0.shared.check(&plan)?;
        Ok(self.0.shared.rules.push(None, count, plan)?)
    }

    /// Queues a plan for the next `count` requests for one path.
    ///
    /// # Errors
    ///
    /// If this sink cannot do what the plan says, or only connections can.
    pub fn push_next_for(&self, path: &str, count: u64, plan: Plan) -> Result<(), SinkError> {
        self.0.shared.check(&plan)?;
        Ok(self.0.shared.rules.push(Some(path), count, plan)?)
    }

    /// Forgets every plan: 200 for everything, listener open.
    ///
    /// # Errors
    ///
    /// If the listener cannot be opened.
    pub fn reset_plans(&self) -> Result<(), SinkError> {
        self.0.shared.rules.reset();
        self.set_listening(true)
    }

    /// What has been counted.
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

    /// Waits until the counters are as wanted; false if they are not within `timeout`.
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

    /// Sets the counters to 0 and forgets the records; plans and connections stay.
    pub fn clear(&self) {
        self.0.shared.clear();
    }

    /// Drops all open connections.
    pub fn close_connections(&self) {
        self.0.shared.connections.end_all();
    }

    /// Closes the listener (connecting is refused then) or opens it again at the same port.
    ///
    /// # Errors
    ///
    /// If the listener cannot be opened.
    pub fn set_listening(&self, open: bool) -> Result<(), SinkError> {
        self.set_doors(if open { Manner::Open } else { Manner::Closed })
    }

    fn set_doors(&self, manner: Manner) -> Result<(), SinkError> {
        for door in &self.0.doors {
            door.set(manner, &self.0.runtime)?;
        }
        Ok(())
    }

    /// Lets everything that is stalled now go on; `silent-death` and stalls without a request close.
    pub fn release(&self) {
        self.0.shared.gate.send_modify(|turn| *turn += 1);
    }

    /// The last handshakes that failed: microseconds since the start, connection, and why.
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
