//! The engine: pools, host types and handlers by number, and the runtime they use.
//!
//! One [`Engine`] lives as long as the process. Its counters, its rejections and the outcomes that wait
//! for the reporters outlive the [`Running`] part, which has the threads and the pools and can be
//! stopped and started again.

mod abort;
mod pools;
mod push;
mod registry;
mod settings;
mod spooled;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use notification::{FailureReason, HostType, PoolId};
use parking_lot::Mutex;
use queue::Bound;
use thiserror::Error;
use tokio::runtime::Runtime;
use transport::ConfigError;
use transport::apart::Slots;
use transport::names::Names;
use transport::notices::Notices;

use crate::compressors::Compressors;
use crate::pool::Pool;
use crate::pool::opening::READERS_AT_MOST;
use crate::report::counters::CountersByPool;
use crate::report::outcomes::{FIRST, Outcomes, REPORTERS_AT_MOST};
use crate::report::rejections::Rejections;
use crate::runtime;
use crate::spools::{Handlers, Spools};
pub use settings::EngineSettings;

/// How long a start waits for a concurrent one.
const START_AT_MOST: Duration = Duration::from_secs(15);

/// Everything that lives as long as the process, and the [`Running`] part if there is one.
#[derive(Debug, Default)]
pub struct Engine {
    running: ArcSwapOption<Running>,
    /// Outcomes that no reporter has acknowledged.
    pub outcomes: Arc<Outcomes>,
    /// Rejections that the first reporter has not counted.
    pub rejections: Rejections,
    /// Other messages for the first reporter to log.
    pub notices: Arc<Notices>,
    /// What makes bodies smaller.
    compressors: Arc<Compressors>,
    /// Counters by pool name.
    pub(crate) counters: CountersByPool,
    host_types: ArcSwap<Vec<Arc<HostType>>>,
    handlers: Handlers,
    /// Serializes changes of the two lists above.
    /// How many registrations of handlers there were.
    registering: Mutex<u64>,
    /// Serializes starts. It is a lock of its own because threads are created under it, while calls
    /// from the VM's schedulers take the lock above.
    starting: Mutex<()>,
    next_pool: AtomicU32,
}

/// The part that can be stopped: the threads and the pools.
struct Running {
    runtime: Mutex<Option<Runtime>>,
    bell: Arc<dyn Fn(usize) + Send + Sync>,
    handle: tokio::runtime::Handle,
    settings: EngineSettings,
    node: Arc<Bound>,
    spools: Arc<Spools>,
    names: Arc<Names>,
    /// The threads that read the files of opening pools.
    readers: Arc<Slots>,
    pools: ArcSwap<HashMap<PoolId, Arc<Pool>>>,
    /// Pools that can no longer be found by their number, but have not ended yet.
    closing: Arc<Mutex<HashMap<PoolId, Arc<Pool>>>>,
    pings: AtomicU64,
    pongs: Arc<AtomicU64>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("settings", &self.settings)
            .field("pools", &self.pools)
            .finish_non_exhaustive()
    }
}

/// Why the engine did not do what it was asked.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The engine has not been started, or has ended.
    #[error("the engine does not run")]
    Down,
    /// The engine has no pool of this number.
    #[error("there is no pool {0} in the engine")]
    NoPool(PoolId),
    /// The operating system refused to start the threads.
    #[error("the engine's threads could not be started: {0}")]
    Threads(#[from] io::Error),
    /// The pool is not open, because its options or files are invalid or could not be read.
    #[error("{0}")]
    Config(ConfigError),
    /// The pool cannot be opened before it was configured; nor handed over after that, to itself, or to
    /// a pool that was handed over to it.
    #[error("pool {0} is not in a phase in which this can be done with it")]
    WrongPhase(PoolId),
}

impl Engine {
    /// Starts the threads. One of them calls `bell` with the number of a reporter, the first being 0, when
    /// that one has something to take. If the engine runs already, nothing happens.
    pub fn start(
        &self,
        settings: EngineSettings,
        bell: impl Fn(usize) + Send + Sync + 'static,
    ) -> Result<(), EngineError> {
        self.start_with(settings, Arc::default(), bell)
    }

    /// Like [`Engine::start`], but looks names up with `names`.
    pub fn start_with(
        &self,
        settings: EngineSettings,
        names: Arc<Names>,
        bell: impl Fn(usize) + Send + Sync + 'static,
    ) -> Result<(), EngineError> {
        let Some(_one_at_a_time) = self.starting.try_lock_for(START_AT_MOST) else {
            return Err(EngineError::Threads(io::ErrorKind::TimedOut.into()));
        };
        // Also if it runs, because the process that started it was killed: there may be fewer reporters now, which get what
        // the others had.
        self.outcomes.employ(settings.reporters);
        if self.running.load().is_some() {
            return Ok(());
        }
        let runtime = runtime::build(settings.threads)?;
        let handle = runtime.handle().clone();
        let bell: Arc<dyn Fn(usize) + Send + Sync> = Arc::new(bell);
        handle.spawn(Arc::clone(&self.outcomes).bury());
        for reporter in 0..REPORTERS_AT_MOST {
            let (outcomes, rings) = (Arc::clone(&self.outcomes), Arc::clone(&bell));
            handle.spawn(runtime::ring(outcomes, reporter, move || rings(reporter)));
        }
        let spools = Arc::new(Spools::new(
            settings.spools.clone(),
            Arc::clone(&self.handlers),
            Arc::clone(&self.notices),
        ));
        self.running.store(Some(Arc::new(Running {
            runtime: Mutex::new(Some(runtime)),
            bell,
            handle,
            node: Arc::new(Bound::new(settings.max_node_bytes)),
            settings,
            spools,
            names,
            readers: Arc::new(Slots::new(READERS_AT_MOST)),
            pools: ArcSwap::default(),
            closing: Arc::default(),
            pings: AtomicU64::new(0),
            pongs: Arc::default(),
        })));
        Ok(())
    }

    /// Ends the threads and all pools; pending notifications fail with `engine_down`.
    pub fn stop(&self) {
        let Some(running) = self.running.swap(None) else {
            return;
        };
        let pools = running.pools.swap(Arc::default());
        // Read after `pools`: a pool enters `closing` before it leaves `pools`.
        let closing = std::mem::take(&mut *running.closing.lock());
        for pool in pools.values().chain(closing.values()) {
            pool.end(FailureReason::EngineDown, "the engine was stopped");
        }
        let runtime = running.runtime.lock().take();
        if let Some(runtime) = runtime {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
        // After the last delivery, whose end they note.
        running.spools.close();
        for host_type in self.host_types() {
            host_type.forget_on_disk();
        }
        // Ring once more: for the failures above, and for outcomes that the ringer had not announced.
        // Use a new thread, because the caller may be a scheduler. If none can be started, the reporter
        // finds them later.
        let bell = Arc::clone(&running.bell);
        if let Ok(thread) = std::thread::Builder::new().spawn(move || bell(FIRST)) {
            let _ = thread.join();
        }
    }

    /// Whether the engine was started, and not stopped since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.load().is_some()
    }

    /// Whether the engine was not stopped since this was loaded.
    fn is_current(&self, running: &Arc<Running>) -> bool {
        let current = self.running.load();
        current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, running))
    }

    /// Sends the threads a heartbeat. Returns whether they have answered the previous one.
    #[must_use]
    pub fn ping(&self) -> bool {
        let Some(running) = self.running.load_full() else {
            return false;
        };
        let asked = running.pings.fetch_add(1, Ordering::AcqRel);
        let answered = running.pongs.load(Ordering::Acquire);
        let pongs = Arc::clone(&running.pongs);
        running.handle.spawn(async move {
            pongs.fetch_max(asked + 1, Ordering::AcqRel);
        });
        answered >= asked
    }
}
