//! Pools by number: made, opened, handed over, drained, closed. Not here: how a pool works (`pool`),
//! and hand-over of notifications (`push`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Engine, EngineError, Running};
use crate::pool::Pool;
use crate::settings::{PoolOptions, PoolSettings};
use crate::tls::TlsClient;
use crate::transport::link::Endpoint;

impl Engine {
    /// A new pool that takes notifications and waits for its settings.
    pub fn create_pool(&self, name: &str) -> Result<u32, EngineError> {
        let running = self.running.load_full().ok_or(EngineError::Down)?;
        let id = self.next_pool.fetch_add(1, Ordering::Relaxed);
        let pool = Pool::new(
            id,
            name,
            running.settings.pool_limits(),
            Arc::clone(&running.node),
            (Arc::clone(&self.outcomes), self.totals.of(name)),
            running.handle.clone(),
        );
        running.pools.rcu(|pools| {
            let mut pools = HashMap::clone(pools);
            pools.insert(id, Arc::clone(&pool));
            pools
        });
        Ok(id)
    }

    /// Says what a new pool is to be opened with. Never blocks: from here on whoever finds the pool
    /// can open it, whatever becomes of the caller. Only the first options of a pool count.
    pub fn configure_pool(&self, id: u32, options: PoolOptions) -> Result<(), EngineError> {
        self.pool(id)?.configure(options);
        Ok(())
    }

    /// Opens a pool that was configured; reads certificate files. Warnings come back as text. Where
    /// the options are of no use, the pool rejects with `pool_config` from then on. A pool is opened
    /// once; a second time nothing happens.
    pub fn open_pool(&self, id: u32) -> Result<Vec<String>, EngineError> {
        let running = self.running.load_full().ok_or(EngineError::Down)?;
        // A pool that closes before it has opened still delivers what it has accepted.
        let closing = running.closing.lock().get(&id).cloned();
        let pool = closing.map_or_else(|| self.pool(id), Ok)?;
        let options = pool.options().ok_or(EngineError::WrongPhase(id))?;
        if let Some(text) = pool.defect() {
            return Err(EngineError::Config(text.to_owned()));
        }
        if pool.opened().is_some() {
            return Ok(Vec::new());
        }
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
        options: &PoolOptions,
    ) -> Result<(PoolSettings, Endpoint, Vec<String>), String> {
        let (settings, warnings) = options.clone().check().map_err(|error| error.to_string())?;
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
        )
        .with_lifetimes(running.settings.lifetimes);
        Ok((settings, endpoint, warnings))
    }

    /// What waits in the pool `from`, which was never configured, goes to `to`, and so does what is
    /// still handed over for `from` until that is closed. A pool that was handed over before goes on
    /// to where it went then.
    pub fn hand_over(&self, from: u32, to: u32) -> Result<(), EngineError> {
        let (giver, taker) = (self.pool(from)?, self.pool(to)?);
        if giver.options().is_some() || taker.is_or_becomes(&giver) {
            return Err(EngineError::WrongPhase(from));
        }
        giver.hand_over(&taker);
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

    /// All pools that have not come to their end, also those that are closing.
    #[must_use]
    pub fn living_pools(&self) -> Vec<Arc<Pool>> {
        let Some(running) = self.running.load_full() else {
            return Vec::new();
        };
        // In this order: a pool is put among the closing before it is taken from the others.
        let mut pools = HashMap::clone(&running.pools.load());
        let closing = running.closing.lock();
        pools.extend(closing.iter().map(|(id, pool)| (*id, Arc::clone(pool))));
        drop(closing);
        pools.into_values().collect()
    }
}
