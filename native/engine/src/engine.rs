//! The engine: pools, host types and handlers by number, and the runtime they live in.
//!
//! One [`Engine`] lives as long as the process. What was counted, outcomes that wait for the reporter
//! and rejections outlive a [`Running`] part, which has the threads and the pools and can end and be
//! started again. Not here: how a pool works (`pool`), anything of Erlang.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::runtime::Runtime;

use crate::budget::Budget;
use crate::host_type::HostType;
use crate::notification::{Handler, Notification};
use crate::pool::{Pool, PoolLimits};
use crate::queue::core::Refusal;
use crate::queue::lanes::LaneLimits;
use crate::report::notices::Notices;
use crate::report::outcomes::Outcomes;
use crate::report::reason::{Reason, Rejection};
use crate::report::rejections::Rejections;
use crate::runtime;
use crate::settings::PoolOptions;
use crate::tls::TlsClient;
use crate::transport::link::Endpoint;
use crate::transport::names::Names;

/// What the application's own settings say to the engine.
#[derive(Clone, Copy, Debug)]
pub struct EngineSettings {
    /// Threads that do the work.
    pub threads: usize,
    /// Pending notifications of one pool.
    pub max_pending: usize,
    /// Their bytes.
    pub max_pending_bytes: usize,
    /// Pending bytes of all pools.
    pub max_node_bytes: usize,
    /// Percent of a pool's bounds that one lane may have.
    pub max_lane_percent: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            threads: 1,
            max_pending: 100_000,
            max_pending_bytes: 64 << 20,
            max_node_bytes: 512 << 20,
            max_lane_percent: 10,
        }
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
    Threads(#[from] std::io::Error),
    /// The pool's options are of no use.
    #[error("{0}")]
    Config(String),
}

/// Why a notification was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It was rejected, and counted.
    Rejected(Rejection),
    /// The pool was replaced or stopped a moment ago. Nothing is counted: the caller looks up which
    /// pool it is now.
    NotOpen,
}

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
    host_types: ArcSwap<Vec<Arc<HostType>>>,
    handlers: ArcSwap<Vec<Arc<Handler>>>,
    /// Changes of the two lists above are made one at a time.
    registering: Mutex<()>,
    next_pool: AtomicU32,
}

/// The part that can end.
struct Running {
    runtime: Mutex<Option<Runtime>>,
    bell: Arc<dyn Fn() + Send + Sync>,
    handle: tokio::runtime::Handle,
    settings: EngineSettings,
    node: Arc<Budget>,
    names: Arc<Names>,
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
        let _one_at_a_time = self.registering.lock();
        if self.running.load().is_some() {
            return Ok(());
        }
        let runtime = runtime::build(settings.threads)?;
        let handle = runtime.handle().clone();
        let bell: Arc<dyn Fn() + Send + Sync> = Arc::new(bell);
        let rings = Arc::clone(&bell);
        handle.spawn(runtime::ring(Arc::clone(&self.outcomes), move || rings()));
        self.running.store(Some(Arc::new(Running {
            runtime: Mutex::new(Some(runtime)),
            bell,
            handle,
            settings,
            node: Arc::new(Budget::new(usize::MAX, settings.max_node_bytes)),
            names,
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
            pool.end(Reason::EngineDown, "the engine was stopped");
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

    /// A new pool that takes notifications and waits for its settings.
    pub fn create_pool(&self, name: &str) -> Result<u32, EngineError> {
        let running = self.running.load_full().ok_or(EngineError::Down)?;
        let id = self.next_pool.fetch_add(1, Ordering::Relaxed);
        let pool = Pool::new(
            id,
            name,
            running.settings.pool_limits(),
            Arc::clone(&running.node),
            Arc::clone(&self.outcomes),
            running.handle.clone(),
        );
        running.pools.rcu(|pools| {
            let mut pools = HashMap::clone(pools);
            pools.insert(id, Arc::clone(&pool));
            pools
        });
        Ok(id)
    }

    /// Gives a new pool its settings; reads certificate files. Warnings come back as text. Where the
    /// options are of no use, the pool rejects with `pool_config` from then on.
    pub fn open_pool(&self, id: u32, options: PoolOptions) -> Result<Vec<String>, EngineError> {
        let running = self.running.load_full().ok_or(EngineError::Down)?;
        // A pool that closes before it has its settings still delivers what it has accepted.
        let closing = running.closing.lock().get(&id).cloned();
        let pool = closing.map_or_else(|| self.pool(id), Ok)?;
        let opened = self.endpoint(&running, &pool.name, options);
        match opened {
            Ok((settings, endpoint, warnings)) => {
                pool.open(settings, endpoint);
                Ok(warnings)
            }
            Err(text) => {
                pool.fail_to_open(&text);
                Err(EngineError::Config(text))
            }
        }
    }

    fn endpoint(
        &self,
        running: &Running,
        pool: &str,
        options: PoolOptions,
    ) -> Result<(crate::settings::PoolSettings, Endpoint, Vec<String>), String> {
        let (settings, warnings) = options.check().map_err(|error| error.to_string())?;
        let mut warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        let tls = match &settings.tls {
            Some(options) if settings.base.https => {
                let (tls, more) = TlsClient::open(options, &settings.base.host, settings.http2)
                    .map_err(|error| error.to_string())?;
                warnings.extend(more.iter().map(ToString::to_string));
                Some(tls)
            }
            _ => None,
        };
        let names = Arc::clone(&running.names);
        let connect_within = if settings.request_timeout.is_zero() {
            settings.call_timeout
        } else {
            settings.request_timeout
        };
        let endpoint = Endpoint::new(
            pool,
            Arc::clone(&self.notices),
            names,
            settings.base.clone(),
            tls,
            settings.http2.then_some(connect_within),
        );
        Ok((settings, endpoint, warnings))
    }

    /// What waits in the pool `from`, which never opened, goes to `to`, and so does what is still
    /// handed over for `from` until that is closed.
    pub fn hand_over(&self, from: u32, to: u32) -> Result<(), EngineError> {
        let (from, to) = (self.pool(from)?, self.pool(to)?);
        from.hand_over(&to);
        Ok(())
    }

    /// No new notifications for this pool; what it has accepted goes on.
    pub fn drain_pool(&self, id: u32) -> Result<(), EngineError> {
        self.pool(id)?.drain();
        Ok(())
    }

    /// A draining pool is wanted again. False where it is too late.
    pub fn resume_pool(&self, id: u32) -> Result<bool, EngineError> {
        Ok(self.pool(id)?.resume())
    }

    /// Drains a pool for at most `allowed` and ends it. Returns at once.
    pub fn close_pool(&self, id: u32, allowed: Duration) -> Result<(), EngineError> {
        let pool = self.pool(id)?;
        let running = self.running.load_full().ok_or(EngineError::Down)?;
        running.closing.lock().insert(id, Arc::clone(&pool));
        self.remove_pool(id);
        let closing = Arc::clone(&running.closing);
        running.handle.spawn(async move {
            pool.close(allowed).await;
            closing.lock().remove(&id);
        });
        Ok(())
    }

    fn remove_pool(&self, id: u32) {
        if let Some(running) = self.running.load_full() {
            running.pools.rcu(|pools| {
                let mut pools = HashMap::clone(pools);
                pools.remove(&id);
                pools
            });
        }
    }

    /// The pool of this number.
    pub fn pool(&self, id: u32) -> Result<Arc<Pool>, EngineError> {
        let running = self.running.load();
        let running = running.as_ref().ok_or(EngineError::Down)?;
        running
            .pools
            .load()
            .get(&id)
            .cloned()
            .ok_or(EngineError::NoPool(id))
    }

    /// All pools that are not closed.
    #[must_use]
    pub fn pools(&self) -> Vec<Arc<Pool>> {
        self.running
            .load()
            .as_ref()
            .map_or_else(Vec::new, |running| {
                running.pools.load().values().cloned().collect()
            })
    }

    /// The host type of this name, open for notifications; made where it is new.
    pub fn open_host_type(&self, name: &str) -> Arc<HostType> {
        let _one_at_a_time = self.registering.lock();
        let known = self.host_types.load_full();
        if let Some(host_type) = known.iter().find(|host_type| &*host_type.name == name) {
            host_type.set_open(true);
            return Arc::clone(host_type);
        }
        let id = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let host_type = Arc::new(HostType::new(id, name));
        let mut host_types = Vec::clone(&known);
        host_types.push(Arc::clone(&host_type));
        self.host_types.store(Arc::new(host_types));
        host_type
    }

    /// The host type of this name, if it was ever opened.
    #[must_use]
    pub fn host_type(&self, name: &str) -> Option<Arc<HostType>> {
        self.host_types
            .load()
            .iter()
            .find(|host_type| &*host_type.name == name)
            .cloned()
    }

    /// All host types there ever were.
    #[must_use]
    pub fn host_types(&self) -> Vec<Arc<HostType>> {
        Vec::clone(&self.host_types.load())
    }

    /// No new notifications for this host type; what was accepted goes on.
    pub fn close_host_type(&self, name: &str) {
        if let Some(host_type) = self.host_type(name) {
            host_type.set_open(false);
        }
    }

    /// What is pending for this host type fails with `shutdown`. Returns at once.
    pub fn abort_host_type(&self, name: &str) {
        let Some(host_type) = self.host_type(name) else {
            return;
        };
        let Some(running) = self.running.load_full() else {
            return;
        };
        let mut pools = self.pools();
        pools.extend(running.closing.lock().values().cloned());
        running.handle.spawn(async move {
            for pool in pools {
                let text = "the module was stopped before its turn came";
                pool.fail_all(Some(host_type.id), Reason::Shutdown, text);
                tokio::task::yield_now().await;
            }
        });
    }

    /// The handler with this host type, pool name and path; made where it is new.
    pub fn handler(&self, host_type: &str, pool_name: &str, path: &str) -> Arc<Handler> {
        let host_type = self.open_host_type(host_type);
        let _one_at_a_time = self.registering.lock();
        let known = self.handlers.load_full();
        let same = |handler: &&Arc<Handler>| {
            handler.host_type.id == host_type.id
                && &*handler.pool_name == pool_name
                && &*handler.path == path
        };
        if let Some(handler) = known.iter().find(same) {
            return Arc::clone(handler);
        }
        let handler = Arc::new(Handler {
            id: u32::try_from(known.len()).unwrap_or(u32::MAX),
            host_type,
            pool_name: pool_name.into(),
            path: path.into(),
        });
        let mut handlers = Vec::clone(&known);
        handlers.push(Arc::clone(&handler));
        self.handlers.store(Arc::new(handlers));
        handler
    }

    /// The handler of this number.
    #[must_use]
    pub fn handler_by_id(&self, id: u32) -> Option<Arc<Handler>> {
        self.handlers.load().get(id as usize).cloned()
    }

    /// Hands a notification over for the lane `key` of pool `id`. Never blocks.
    pub fn push(&self, id: u32, key: &[u8], notification: Notification) -> Result<(), NotTaken> {
        let handler = Arc::clone(notification.handler());
        let running = self.running.load();
        let Some(running) = running.as_ref() else {
            return Err(self.refuse(&handler, Rejection::EngineDown, &notification, None));
        };
        let pools = running.pools.load();
        let pool = pools.get(&id);
        if !handler.host_type.admit() {
            return Err(self.refuse(&handler, Rejection::Shutdown, &notification, None));
        }
        let Some(pool) = pool else {
            handler.host_type.take_back();
            return Err(NotTaken::NotOpen);
        };
        let pushed = match (pool.push(key, notification), pool.heir()) {
            (Err((Refusal::NotOpen, notification)), Some(heir)) => heir.push(key, notification),
            (pushed, _) => pushed,
        };
        if pushed.is_err() {
            handler.host_type.take_back();
        }
        match pushed {
            Ok(()) => {
                handler.host_type.count_pushed();
                Ok(())
            }
            Err((Refusal::NotOpen, _)) => Err(NotTaken::NotOpen),
            Err((Refusal::Full, notification)) => {
                Err(self.refuse(&handler, Rejection::QueueFull, &notification, Some(pool)))
            }
            Err((Refusal::Broken, notification)) => {
                Err(self.refuse(&handler, Rejection::PoolConfig, &notification, Some(pool)))
            }
        }
    }

    fn refuse(
        &self,
        handler: &Arc<Handler>,
        reason: Rejection,
        notification: &Notification,
        pool: Option<&Arc<Pool>>,
    ) -> NotTaken {
        handler.host_type.count_pushed();
        self.count_rejection(handler, reason, notification.names().sender, || {
            match (reason, pool) {
                (Rejection::QueueFull, Some(pool)) => pool.describe_bounds(),
                (Rejection::PoolConfig, Some(pool)) => pool.defect().unwrap_or_default().to_owned(),
                (Rejection::Shutdown, _) => "the module is being stopped".to_owned(),
                _ => "the engine does not run".to_owned(),
            }
        });
        NotTaken::Rejected(reason)
    }

    /// A notification that never came as far as a pool.
    pub fn reject(&self, handler: &Arc<Handler>, reason: Rejection, sender: &[u8], text: &str) {
        handler.host_type.count_pushed();
        self.count_rejection(handler, reason, sender, || text.to_owned());
    }

    fn count_rejection(
        &self,
        handler: &Arc<Handler>,
        reason: Rejection,
        sender: &[u8],
        text: impl FnOnce() -> String,
    ) {
        handler.host_type.count_rejected();
        self.rejections.add(handler, reason, sender, text);
        self.outcomes.ring();
    }
}

impl EngineSettings {
    fn pool_limits(&self) -> PoolLimits {
        let part = |whole: usize| (whole / 100 * self.max_lane_percent).max(1);
        PoolLimits {
            items: self.max_pending,
            bytes: self.max_pending_bytes,
            lane: LaneLimits {
                items: part(self.max_pending.max(100)),
                cost: part(self.max_pending_bytes.max(100)),
            },
        }
    }
}
