//! The engine: pools, host types and handlers by number, and the runtime they live in.
//!
//! One [`Engine`] lives as long as the process. What was counted, outcomes that wait for the reporter
//! and rejections outlive a [`Running`] part, which has the threads and the pools and can end and be
//! started again. Here: what there is, start and stop. Not here: how a pool works (`pool`), anything of
//! Erlang.

mod pools;
mod push;
mod registry;
mod settings;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use notification::{FailureReason, Handler, HostType};
use parking_lot::Mutex;
use queue::Bound;
use thiserror::Error;
use tokio::runtime::Runtime;
use transport::ConfigError;
use transport::apart::Slots;
use transport::names::Names;
use transport::notices::Notices;

use crate::pool::Pool;
use crate::pool::opening::READERS_AT_MOST;
use crate::report::outcomes::Outcomes;
use crate::report::rejections::Rejections;
use crate::report::totals::Totals;
use crate::runtime;
pub use settings::EngineSettings;

/// How long a start waits for another one that has begun before it.
const START_AT_MOST: Duration = Duration::from_secs(15);

/// The engine.
#[derive(Debug, Default)]
pub struct Engine {
    running: ArcSwapOption<Running>,
    /// Outcomes that the reporter has not acknowledged.
    pub outcomes: Arc<Outcomes>,
    /// Rejections that the reporter has not counted.
    pub rejections: Rejections,
    /// What else there is to say.
    pub notices: Arc<Notices>,
    /// What is counted by the names of pools.
    pub(crate) totals: Totals,
    host_types: ArcSwap<Vec<Arc<HostType>>>,
    handlers: ArcSwap<Vec<Arc<Handler>>>,
    /// Changes of the two lists above are made one at a time.
    registering: Mutex<()>,
    /// Starts are made one at a time. A lock of their own: threads are made under it, and calls from
    /// the VM's schedulers take the one above.
    starting: Mutex<()>,
    next_pool: AtomicU32,
}

/// The part that can end.
struct Running {
    runtime: Mutex<Option<Runtime>>,
    bell: Arc<dyn Fn() + Send + Sync>,
    handle: tokio::runtime::Handle,
    settings: EngineSettings,
    node: Arc<Bound>,
    names: Arc<Names>,
    /// Threads that read the files of pools that open.
    readers: Arc<Slots>,
    pools: ArcSwap<HashMap<u32, Arc<Pool>>>,
    /// Pools that are no longer to be found by their number and have not come to their end.
    closing: Arc<Mutex<HashMap<u32, Arc<Pool>>>>,
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
    /// It has not been started, or has ended.
    #[error("the engine does not run")]
    Down,
    /// There is no pool of this number.
    #[error("there is no pool {0} in the engine")]
    NoPool(u32),
    /// The operating system gave no threads.
    #[error("the engine's threads could not be started: {0}")]
    Threads(#[from] io::Error),
    /// The pool is not open, because its options or files are of no use, or could not be read.
    #[error("{0}")]
    Config(ConfigError),
    /// It cannot be opened: nobody has said with what. Or it cannot be handed over, because somebody
    /// has, or to itself.
    #[error("pool {0} is not in a phase in which this can be done with it")]
    WrongPhase(u32),
}

impl Engine {
    /// Starts the threads. `bell` is called from one of them when the reporter has something to
    /// take. Nothing happens where they run already.
    pub fn start(
        &self,
        settings: EngineSettings,
        bell: impl Fn() + Send + Sync + 'static,
    ) -> Result<(), EngineError> {
        self.start_with(settings, Arc::default(), bell)
    }

    /// As [`Engine::start`], with names looked up by `names`.
    pub fn start_with(
        &self,
        settings: EngineSettings,
        names: Arc<Names>,
        bell: impl Fn() + Send + Sync + 'static,
    ) -> Result<(), EngineError> {
        let Some(_one_at_a_time) = self.starting.try_lock_for(START_AT_MOST) else {
            return Err(EngineError::Threads(io::ErrorKind::TimedOut.into()));
        };
        if self.running.load().is_some() {
            return Ok(());
        }
        let runtime = runtime::build(settings.threads)?;
        let handle = runtime.handle().clone();
        let bell: Arc<dyn Fn() + Send + Sync> = Arc::new(bell);
        let rings = Arc::clone(&bell);
        handle.spawn(Arc::clone(&self.outcomes).bury());
        handle.spawn(runtime::ring(Arc::clone(&self.outcomes), move || rings()));
        self.running.store(Some(Arc::new(Running {
            runtime: Mutex::new(Some(runtime)),
            bell,
            handle,
            settings,
            node: Arc::new(Bound::new(settings.max_node_bytes)),
            names,
            readers: Arc::new(Slots::new(READERS_AT_MOST)),
            pools: ArcSwap::default(),
            closing: Arc::default(),
            pings: AtomicU64::new(0),
            pongs: Arc::default(),
        })));
        Ok(())
    }

    /// Ends the threads and all pools; what was pending fails with `engine_down`.
    pub fn stop(&self) {
        let Some(running) = self.running.swap(None) else {
            return;
        };
        let pools = running.pools.swap(Arc::default());
        // After the look at the others: a pool is put here before it is taken from there.
        let closing = std::mem::take(&mut *running.closing.lock());
        for pool in pools.values().chain(closing.values()) {
            pool.end(FailureReason::EngineDown, "the engine was stopped");
        }
        let runtime = running.runtime.lock().take();
        if let Some(runtime) = runtime {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
        // What failed just now, and whatever the thread that rang the bell did not come to. Not from
        // this thread, which is not the engine's. Without a thread, the reporter finds it later.
        let bell = Arc::clone(&running.bell);
        if let Ok(thread) = std::thread::Builder::new().spawn(move || bell()) {
            let _ = thread.join();
        }
    }

    /// Asks the threads for a sign of life, and says whether they gave the one asked for before.
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
