//! The engine with the pools and handlers of the file, as a node would have it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use engine::engine::{Engine, EngineSettings};
use engine::report::outcomes::{FIRST, Outcome};
use engine::settings::PoolOptions;
use engine::spools::handler_key;
use notification::{Guarantee, Handler, PoolId, PushError, RejectReason};
use transport::notices::{About, Notice, NoticeKind};

use crate::config::handlers::Handler as Configured;
use crate::config::pool::{Pool, Scope};
use crate::fate::Fate;
use crate::routes::Route;
use crate::sample::Sample;
use crate::wake::Wake;
use crate::{plan_options, policy_options};

/// How many outcomes are taken at a time.
const AT_ONCE: usize = 4096;
/// How long a spool may take to open.
const SPOOL_OPENS: Duration = Duration::from_secs(10);

/// An engine with pools and handlers.
pub(crate) struct Node<'a> {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Its pools.
    pub pools: Vec<OpenPool<'a>>,
    handlers: Vec<Registered<'a>>,
    key: Vec<u8>,
}

/// A pool of the engine.
pub(crate) struct OpenPool<'a> {
    /// Its number.
    pub id: PoolId,
    pool: &'a Pool,
    host: Option<&'a str>,
    /// `global/TAG`, or the host's name and the tag.
    pub name: String,
    /// Where it sends to.
    pub url: String,
    /// The most requests in flight.
    pub workers: u64,
}

/// A handler of one host.
struct Registered<'a> {
    host: &'a str,
    configured: &'a Configured,
    handler: Arc<Handler>,
    /// Its pool's place in the list.
    pool: usize,
}

/// What became of a hand-over.
pub(crate) struct HandedOver {
    /// The place of the pool.
    pub pool: usize,
    /// Accepted, or why not.
    pub accepted: Result<(), RejectReason>,
}

impl<'a> Node<'a> {
    /// Starts the engine, and opens a pool for each that a handler of these hosts finds. `change` makes the last changes to
    /// a pool's options. Relative names of files begin at `root`.
    ///
    /// # Errors
    ///
    /// Why that is not possible.
    pub fn start(
        (routes, hosts): (&[Route<'a>], &[&'a str]),
        settings: EngineSettings,
        root: Option<&Path>,
        change: impl Fn(PoolOptions) -> Result<PoolOptions, String>,
        wake: SyncSender<Wake>,
    ) -> Result<Self, String> {
        let engine = Arc::new(Engine::default());
        let bell = move |_| {
            // If it is full, a call is on its way already.
            let _ = wake.try_send(Wake::Outcomes);
        };
        engine.start(settings, bell).map_err(text_of)?;
        let mut node = Self {
            engine,
            pools: Vec::new(),
            handlers: Vec::new(),
            key: Vec::new(),
        };
        for host in hosts {
            node.engine.open_host_type(host);
            for route in routes {
                if route.hosts.is_empty() || route.hosts.contains(host) {
                    node.register(route, host, root, &change)?;
                }
            }
        }
        Ok(node)
    }

    fn register(
        &mut self,
        route: &Route<'a>,
        host: &'a str,
        root: Option<&Path>,
        change: &impl Fn(PoolOptions) -> Result<PoolOptions, String>,
    ) -> Result<(), String> {
        let configured = route.handler;
        let policy = policy_options::of(configured)?;
        let pool = self.pool(route, host, change)?;
        let name = &self.pools[pool].name;
        if policy.guarantee == Guarantee::AtLeastOnce {
            self.open_spool(name)?;
        }
        let handler = self.engine.planned_handler(
            host,
            &configured.pool_name,
            &configured.target,
            policy,
            plan_options::of(configured, root),
        );
        self.handlers.push(Registered {
            host,
            configured,
            handler,
            pool,
        });
        Ok(())
    }

    /// The place of the pool that the handlers of a host use. Each host has its own if the pool's scope says so.
    fn pool(
        &mut self,
        route: &Route<'a>,
        host: &'a str,
        change: &impl Fn(PoolOptions) -> Result<PoolOptions, String>,
    ) -> Result<usize, String> {
        let pool = route.pool;
        let host = match pool.scope {
            Scope::Global => None,
            Scope::Each | Scope::Single(_) => Some(host),
        };
        let known = |open: &OpenPool<'_>| std::ptr::eq(open.pool, pool) && open.host == host;
        if let Some(place) = self.pools.iter().position(known) {
            return Ok(place);
        }
        let tag = &route.handler.pool_name;
        let name = format!("{}/{tag}", host.unwrap_or("global"));
        let options = pool.options.clone().ok_or("the pool has no host")?;
        let options = change(options)?;
        let (url, workers) = (options.host.clone(), options.workers);
        let id = open_pool(&self.engine, &name, options)?;
        self.pools.push(OpenPool {
            id,
            pool,
            host,
            name,
            url,
            workers,
        });
        Ok(self.pools.len() - 1)
    }

    /// Opens the spool of a pool, and waits until it is open.
    fn open_spool(&self, name: &str) -> Result<(), String> {
        self.engine.open_spool(name, true);
        let begin = Instant::now();
        loop {
            let spools = self.engine.spools();
            let spool = spools.iter().find(|spool| spool.name() == name);
            if spool.is_some_and(|spool| spool.totals().is_some()) {
                return Ok(());
            }
            let why = spool.and_then(|spool| spool.why_failing());
            if why.is_some() || begin.elapsed() > SPOOL_OPENS {
                let why = why.unwrap_or_else(|| "the disk does not answer".to_owned());
                return Err(format!("the spool of {name} cannot be opened: {why}"));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The handlers whose notifications are on disk: the name of the pool, the host type, and the handler as the disk
    /// knows it.
    pub fn kept(&self) -> impl Iterator<Item = (&str, &str, String)> {
        let kept = |registered: &&Registered<'_>| {
            registered.handler.policy.guarantee == Guarantee::AtLeastOnce
        };
        self.handlers.iter().filter(kept).map(|registered| {
            (
                &*self.pools[registered.pool].name,
                registered.host,
                handler_key(&registered.handler),
            )
        })
    }

    /// Hands an event over for each handler that sends it.
    ///
    /// # Errors
    ///
    /// The event is too long for a notification.
    pub fn push(&mut self, event: &Sample, mut then: impl FnMut(HandedOver)) -> Result<(), String> {
        let key = &mut self.key;
        for registered in &self.handlers {
            if registered.host != event.host() || !sends(registered.configured, event) {
                continue;
            }
            let handler = &registered.handler;
            event.lane(key, handler.host_type.id);
            let notification = event.notification(registered.configured, handler)?;
            let id = self.pools[registered.pool].id;
            let accepted = match self.engine.push(id, key, notification) {
                Ok(()) => Ok(()),
                Err(PushError::Rejected(reason)) => Err(reason),
                Err(PushError::NotOpen) => Err(RejectReason::PoolNotStarted),
            };
            then(HandedOver {
                pool: registered.pool,
                accepted,
            });
        }
        Ok(())
    }

    /// Calls `each` for every outcome that is there, as a reporter of the node does.
    pub fn outcomes(&self, mut each: impl FnMut(&Outcome)) {
        loop {
            let taken = self.engine.outcomes.take(FIRST, AT_ONCE, &mut each);
            for () in &taken {
                self.engine.outcomes.counted(FIRST);
            }
            if taken.is_empty() {
                break;
            }
        }
        // Each is known from its hand-over already.
        for rejected in self.engine.rejections.list() {
            let handler = rejected.handler.id;
            self.engine
                .rejections
                .counted(handler, rejected.reason, rejected.count);
        }
    }

    /// What a node would have logged since the last call.
    pub fn notices(&self) -> Vec<String> {
        let notices = self.engine.notices.take();
        notices.iter().map(|notice| self.in_words(notice)).collect()
    }

    fn in_words(&self, notice: &Notice) -> String {
        let about = match &notice.about {
            About::Pool(name) => format!("pool {name}"),
            About::Handler(id) => {
                let found = self.handlers.iter().find(|known| known.handler.id == *id);
                found.map_or_else(
                    || "a handler".to_owned(),
                    |found| format!("handler {}", found.configured.number),
                )
            }
            About::Endpoint(outage) => format!("endpoint {}", outage.url),
        };
        let what = match notice.kind {
            NoticeKind::EndpointDown => "down: ",
            NoticeKind::EndpointUp => "up again",
            NoticeKind::Mended | NoticeKind::Opened | NoticeKind::SpoolWrites => "mended: ",
            _ => "",
        };
        format!("{about}: {what}{}", notice.text)
    }

    /// The place of the pool of a handler.
    pub fn pool_of(&self, handler: &Handler) -> Option<usize> {
        let same = |registered: &&Registered<'_>| registered.handler.id == handler.id;
        self.handlers.iter().find(same).map(|found| found.pool)
    }
}

/// Opens a pool of an engine.
///
/// # Errors
///
/// Why that is not possible.
pub(crate) fn open_pool(
    engine: &Engine,
    name: &str,
    options: PoolOptions,
) -> Result<PoolId, String> {
    let failed = |error| format!("{name}: {error}");
    let id = engine.create_pool(name).map_err(failed)?;
    engine.configure_pool(id, options).map_err(failed)?;
    engine.open_pool(id).map_err(failed)?;
    Ok(id)
}

/// Whether a handler sends an event. What an operator's own callback module would say is not known here: without rules it is
/// taken to choose what the default module does, and with rules to agree with them.
fn sends(handler: &Configured, event: &Sample) -> bool {
    let alone = handler.is_custom() && handler.rules.is_none();
    (!alone || event.is_stock_choice()) && Fate::of(handler, event).why_not.is_none()
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        self.engine.stop();
    }
}

fn text_of(error: impl std::fmt::Display) -> String {
    error.to_string()
}
