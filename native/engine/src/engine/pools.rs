//! Pools by number: created, opened, handed over, drained and closed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use notification::PoolId;

use super::{Engine, EngineError, Running};
use crate::pool::Pool;
use crate::pool::opening::{Progress, Tools};
use crate::settings::PoolOptions;
use crate::worker;

impl Engine {
    /// Creates a pool that accepts notifications and waits for its settings.
    pub fn create_pool(&self, name: &str) -> Result<PoolId, EngineError> {
        let running = self.running.load_full().ok_or(EngineError::Down)?;
        let id = PoolId::from(self.next_pool.fetch_add(1, Ordering::Relaxed));
        let pool = Pool::new(
            id,
            name,
            running.settings.pool_limits(),
            (Arc::clone(&running.node), Arc::clone(&running.spools)),
            (
                Arc::clone(&self.outcomes),
                self.counters.of(name),
                Arc::clone(&self.notices),
            ),
            running.handle.clone(),
            worker::start,
        );
        running.pools.rcu(|pools| {
            let mut pools = HashMap::clone(pools);
            pools.insert(id, Arc::clone(&pool));
            pools
        });
        Ok(id)
    }

    /// Sets the options to open a new pool with. Never blocks. From then on any caller can open the
    /// pool, even if this one dies. Only the first options of a pool count.
    pub fn configure_pool(&self, id: PoolId, options: PoolOptions) -> Result<(), EngineError> {
        self.pool(id)?.configure(options);
        Ok(())
    }

    /// Begins to open a configured pool, and returns at once. If the options name no file, the pool is
    /// then open; otherwise [`Engine::progress`] says how the opening goes on. If the pool is waiting
    /// for its next try, a second call makes that try now.
    pub fn begin_opening(&self, id: PoolId) -> Result<Progress, EngineError> {
        let running = self.running.load_full().ok_or(EngineError::Down)?;
        let pool = self.living_pool(&running, id)?;
        let tools = Tools {
            notices: Arc::clone(&self.notices),
            names: Arc::clone(&running.names),
            readers: Arc::clone(&running.readers),
            lifetimes: running.settings.lifetimes,
            form_style: running.settings.form_style,
        };
        if !pool.begin_opening(tools) {
            return Err(EngineError::WrongPhase(id));
        }
        Ok(pool.progress())
    }

    /// How far the opening of a pool has come. Its warnings are returned each time: the first caller may
    /// have died before it could log them.
    pub fn progress(&self, id: PoolId) -> Result<Progress, EngineError> {
        let running = self.running.load_full().ok_or(EngineError::Down)?;
        Ok(self.living_pool(&running, id)?.progress())
    }

    /// Like [`Engine::begin_opening`], but waits for the end of the first try, so it must not be called
    /// on a scheduler. Returns the warnings as text. If the try has failed, others follow if they can
    /// help.
    pub fn open_pool(&self, id: PoolId) -> Result<Vec<String>, EngineError> {
        let mut progress = self.begin_opening(id)?;
        let running = self.running.load_full().ok_or(EngineError::Down)?;
        if matches!(progress, Progress::Reading) {
            let pool = self.living_pool(&running, id)?;
            running.handle.block_on(pool.first_try());
            progress = pool.progress();
        }
        match progress {
            Progress::Open(warnings) => Ok(warnings),
            Progress::Failed(error) => Err(EngineError::Config(error)),
            Progress::Reading | Progress::Ended => Err(self.no_pool(&running, id)),
        }
    }

    /// Finds closing pools too: a pool that closes before it has opened still delivers what it has
    /// accepted.
    fn living_pool(&self, running: &Running, id: PoolId) -> Result<Arc<Pool>, EngineError> {
        // In this order: a pool enters `closing` before it leaves `pools`.
        self.pool(id).or_else(|missing| {
            let closing = running.closing.lock();
            closing.get(&id).cloned().ok_or(missing)
        })
    }

    /// Hands pool `from`, which was never configured, over to `to`: its waiting notifications, and
    /// those that still arrive for it until it is closed. If `from` was handed over before, they go to
    /// its earlier heir.
    pub fn hand_over(&self, from: PoolId, to: PoolId) -> Result<(), EngineError> {
        let (giver, taker) = (self.pool(from)?, self.pool(to)?);
        if taker.is_or_becomes(&giver) || !giver.hand_over(taker) {
            return Err(EngineError::WrongPhase(from));
        }
        Ok(())
    }

    /// Stops accepting notifications for this pool; accepted ones are still delivered.
    pub fn drain_pool(&self, id: PoolId) -> Result<(), EngineError> {
        self.pool(id)?.drain();
        Ok(())
    }

    /// Lets a draining pool accept notifications again. Returns false if it is too late.
    pub fn resume_pool(&self, id: PoolId) -> Result<bool, EngineError> {
        Ok(self.pool(id)?.resume())
    }

    /// Drains a pool for at most `allowed` and then ends it. Returns at once.
    pub fn close_pool(&self, id: PoolId, allowed: Duration) -> Result<(), EngineError> {
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

    fn remove_pool(&self, id: PoolId) {
        if let Some(running) = self.running.load_full() {
            running.pools.rcu(|pools| {
                let mut pools = HashMap::clone(pools);
                pools.remove(&id);
                pools
            });
        }
    }

    /// The pool of this number.
    pub fn pool(&self, id: PoolId) -> Result<Arc<Pool>, EngineError> {
        let current = self.running.load();
        let running = current.as_ref().ok_or(EngineError::Down)?;
        let found = running.pools.load().get(&id).cloned();
        found.ok_or_else(|| self.no_pool(running, id))
    }

    /// Why a pool of `running` is not there: it has ended, or all have with the engine.
    pub(super) fn no_pool(&self, running: &Arc<Running>, id: PoolId) -> EngineError {
        if self.is_current(running) {
            EngineError::NoPool(id)
        } else {
            EngineError::Down
        }
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

    /// All pools that have not ended, including those that are closing.
    #[must_use]
    pub fn living_pools(&self) -> Vec<Arc<Pool>> {
        self.running
            .load()
            .as_ref()
            .map_or_else(Vec::new, |running| running.living_pools())
    }
}

impl Running {
    /// All pools that have not ended, including those that are closing.
    pub(super) fn living_pools(&self) -> Vec<Arc<Pool>> {
        // In this order: a pool enters `closing` before it leaves `pools`.
        let mut pools = HashMap::clone(&self.pools.load());
        let closing = self.closing.lock();
        pools.extend(closing.iter().map(|(id, pool)| (*id, Arc::clone(pool))));
        drop(closing);
        pools.into_values().collect()
    }
}
