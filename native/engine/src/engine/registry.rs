//! Host types and handlers by name and number: created once, never removed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use notification::{DeliveryPolicy, Handler, HandlerId, HostType, HostTypeId, RejectCounters};

use transport::names::Names;

use super::Engine;
use crate::handler_plan::{HandlerOptions, HandlerPlan, Shared};

impl Engine {
    /// Opens the host type of this name for notifications; creates it if it is new.
    pub fn open_host_type(&self, name: &str) -> Arc<HostType> {
        let host_type = self.ensure_host_type(name);
        host_type.set_open(true);
        self.look_at_spools();
        self.set_hurry(&host_type, false);
        host_type
    }

    /// Has the batches of a host type go at once, whatever company may come, or wait for it again.
    fn set_hurry(&self, host_type: &HostType, hurry: bool) {
        if let Some(running) = self.running.load_full() {
            for pool in running.living_pools() {
                pool.set_hurry(host_type.id, hurry);
            }
        }
    }

    /// What is on disk for handlers that run now comes in.
    fn look_at_spools(&self) {
        if let Some(running) = self.running.load_full() {
            running.spools.handlers_changed(&running.handle);
        }
    }

    /// The host type of this name, created if it is new. An existing one that is closed stays closed: a
    /// handler can be registered while its host type is stopping.
    fn ensure_host_type(&self, name: &str) -> Arc<HostType> {
        let _one_at_a_time = self.registering.lock();
        let known = self.host_types.load_full();
        if let Some(host_type) = known.iter().find(|host_type| &*host_type.name == name) {
            return Arc::clone(host_type);
        }
        let id = HostTypeId::from_place(known.len());
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

    /// All host types since the process started.
    #[must_use]
    pub fn host_types(&self) -> Vec<Arc<HostType>> {
        Vec::clone(&self.host_types.load())
    }

    /// Stops accepting notifications for this host type; accepted ones are still delivered, and none waits for
    /// company.
    pub fn close_host_type(&self, name: &str) {
        if let Some(host_type) = self.host_type(name) {
            host_type.set_open(false);
            self.set_hurry(&host_type, true);
        }
    }

    /// The handler with this host type, pool name and path, and no other options; created if it is new.
    /// Does not open its host type.
    pub fn handler(&self, host_type: &str, pool_name: &str, path: &str) -> Arc<Handler> {
        let policy = DeliveryPolicy::default();
        self.register(host_type, pool_name, path, policy, None)
    }

    /// Like [`Engine::handler`], with a policy and with more options, if there are any. A handler with other
    /// options is another handler. What is wrong with the options becomes a notice, and the reason for which
    /// notifications fail.
    pub fn planned_handler(
        &self,
        host_type: &str,
        pool_name: &str,
        path: &str,
        policy: DeliveryPolicy,
        options: Option<HandlerOptions>,
    ) -> Arc<Handler> {
        let handler = self.register(host_type, pool_name, path, policy, options);
        self.look_at_spools();
        // An engine thread compiles the plan, and starts the threads that read its files: the caller may be
        // a scheduler. If the engine is down, the first notification does it.
        if let (Some(plan), Some(running)) = (HandlerPlan::of(&handler), self.running.load_full()) {
            let handle = running.handle.clone();
            running.handle.spawn(async move { plan.prepare(&handle) });
        }
        handler
    }

    fn register(
        &self,
        host_type: &str,
        pool_name: &str,
        path: &str,
        policy: DeliveryPolicy,
        options: Option<HandlerOptions>,
    ) -> Arc<Handler> {
        let host_type = self.ensure_host_type(host_type);
        let mut configured = self.registering.lock();
        *configured += 1;
        let known = self.handlers.load_full();
        let same = |handler: &&Arc<Handler>| {
            handler.host_type.id == host_type.id
                && &*handler.pool_name == pool_name
                && &*handler.path == path
                && handler.policy == policy
                && HandlerPlan::options_of(handler) == options.as_ref()
        };
        if let Some(handler) = known.iter().find(same) {
            handler.configured.store(*configured, Ordering::Relaxed);
            return Arc::clone(handler);
        }
        let id = HandlerId::from_place(known.len());
        let handler = Arc::new(Handler {
            id,
            host_type,
            pool_name: pool_name.into(),
            path: path.into(),
            policy,
            plan: options.map(|options| {
                let batched = policy.batch.is_some();
                let shared = Shared {
                    notices: Arc::clone(&self.notices),
                    names: self.names(),
                    compressors: Arc::clone(&self.compressors),
                };
                HandlerPlan::new(id, options, batched, shared).into_any()
            }),
            on_disk: OnceLock::new(),
            configured: AtomicU64::new(*configured),
            rejected: RejectCounters::default(),
        });
        let mut handlers = Vec::clone(&known);
        handlers.push(Arc::clone(&handler));
        self.handlers.store(Arc::new(handlers));
        handler
    }

    /// The names that the running engine looks up.
    fn names(&self) -> Arc<Names> {
        let running = self.running.load();
        let names = running.as_ref().map(|running| Arc::clone(&running.names));
        names.unwrap_or_default()
    }

    /// All handlers since the process started.
    #[must_use]
    pub fn handlers(&self) -> Vec<Arc<Handler>> {
        Vec::clone(&self.handlers.load())
    }

    /// The handler of this number.
    #[must_use]
    pub fn handler_by_id(&self, id: HandlerId) -> Option<Arc<Handler>> {
        self.handlers.load().get(id.place()).cloned()
    }
}
