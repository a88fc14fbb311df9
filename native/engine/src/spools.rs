//! The spools of a node: what handlers with `delivery = "at_least_once"` have pending is on disk too.
//!
//! [`Spools`] has one directory and, in it, one [`PoolSpool`] for each pool that needs it. The crate
//! `spool` writes the files; here is what they mean for the pools: which records are in memory, which are
//! on disk alone, and when these come in (`refill`).

mod accepting;
mod coming_in;
mod given_up;
mod handlers;
mod hearing;
mod held_back;
mod kept;
mod lanes;
mod locked;
mod numbers;
mod pool_spool;
pub(crate) mod record;
mod refill;
mod room;
mod row;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
mod unused;
mod whose;
mod window;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use notification::{Handler, panics};
use parking_lot::{Mutex, RwLock};
use spool::{Directory, OpenError, Settings, Spool};
use transport::notices::{NoticeKind, Notices};

pub use accepting::{Accepted, NotAccepted, NotTaken};
pub(crate) use kept::Kept;
pub(crate) use lanes::{Most, most_in_memory};
pub(crate) use pool_spool::Wants;
pub use pool_spool::{Held, PoolSpool};
pub(crate) use refill::{Came, Finder, Found, NotIn, refill};
pub use row::Row;
pub(crate) use whose::HandlerHash;
pub use whose::handler_key;

/// The pauses between two tries to open a spool.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The handlers of an engine.
pub type Handlers = Arc<ArcSwap<Vec<Arc<Handler>>>>;

/// The usual [`SpoolSettings::grace`].
pub const GRACE: Duration = Duration::from_secs(30);

/// Where the spools are, whose they are, and how they write.
#[derive(Clone, Debug)]
pub struct SpoolSettings {
    /// The directory.
    pub directory: PathBuf,
    /// The node's name, for another node that wants the same directory.
    pub node: String,
    /// How they write, and how much they may hold.
    pub spool: Settings,
    /// How long after the last handler came the others are taken for gone: their host types may still be
    /// starting.
    pub grace: Duration,
}

/// The spools of a running engine.
pub struct Spools {
    settings: Option<SpoolSettings>,
    /// None until the first spool is opened, or if another node has it.
    directory: Mutex<Option<Arc<Directory>>>,
    /// Read while a file is opened.
    opening: RwLock<()>,
    /// The pools whose spool is open, or being opened or looked for, and whether it is needed.
    begun: Mutex<HashMap<Box<str>, bool>>,
    closed: AtomicBool,
    pools: ArcSwap<HashMap<Box<str>, Arc<PoolSpool>>>,
    handlers: Handlers,
    /// Whether notifications that wait apart from each other may be in one spool.
    shared: AtomicBool,
    /// Files that no handler uses, of which that was said.
    unused: Mutex<HashSet<PathBuf>>,
    /// From when on a record without a handler is given up.
    settled: Mutex<Instant>,
    notices: Arc<Notices>,
}

impl Default for Spools {
    /// None: everything is in memory alone.
    fn default() -> Self {
        Self::new(None, Arc::default(), Arc::default())
    }
}

impl std::fmt::Debug for Spools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spools")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Spools {
    /// Without settings there are no spools: everything is in memory alone.
    pub fn new(settings: Option<SpoolSettings>, handlers: Handlers, notices: Arc<Notices>) -> Self {
        let grace = settings.as_ref().map_or(GRACE, |settings| settings.grace);
        let settled = Instant::now() + grace;
        Self {
            settings,
            directory: Mutex::new(None),
            opening: RwLock::default(),
            begun: Mutex::default(),
            closed: AtomicBool::new(false),
            pools: ArcSwap::default(),
            shared: AtomicBool::new(handlers::are_shared(&handlers.load())),
            handlers,
            unused: Mutex::default(),
            settled: Mutex::new(settled),
            notices,
        }
    }

    /// The spool of a pool, if it has one.
    #[must_use]
    pub fn of(&self, pool: &str) -> Option<Arc<PoolSpool>> {
        self.pools.load().get(pool).cloned()
    }

    /// All spools.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<PoolSpool>> {
        self.pools.load().values().cloned().collect()
    }

    /// Begins to open the spool of a pool, unless that has begun: if it is `needed`, or if there is a file of an
    /// earlier run. A thread waits for the disk, and calls `then` when the spool is open. Until then, and while
    /// it cannot be opened, the pool works from memory.
    pub(crate) fn begin_to_open(
        self: &Arc<Self>,
        pool: &str,
        needed: bool,
        then: impl FnOnce() + Send + 'static,
    ) {
        let Some(settings) = self.settings.clone() else {
            return;
        };
        let before = {
            let mut begun = self.begun.lock();
            let before = begun.get(pool).copied();
            // A thread that finds no file sees that one is needed after all.
            begun.insert(pool.into(), needed || before == Some(true));
            before
        };
        if needed {
            // From now on notifications wait for the file.
            self.known(pool);
        }
        if before.is_some() {
            return;
        }
        let (spools, pool) = (Arc::downgrade(self), pool.to_owned());
        let name = pool.clone();
        let thread = thread::Builder::new()
            .name("http_pusher_spools".to_owned())
            .spawn(move || {
                panics::adopt_thread();
                if !needed
                    && !Directory::has_file(&settings.directory, &pool)
                    && spools.upgrade().is_none_or(|spools| spools.forget(&pool))
                {
                    return;
                }
                let mut pause = FIRST_PAUSE;
                while let Some(spools) = spools.upgrade() {
                    if spools.closed.load(Ordering::Acquire) {
                        return;
                    }
                    let open = spools.open(&settings, &pool);
                    drop(spools);
                    if open {
                        return then();
                    }
                    thread::sleep(pause);
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            });
        if let Err(error) = thread {
            // The next look at the pool asks again.
            // The one that needs it may have come meanwhile.
            if self.begun.lock().remove(&*name) == Some(true) {
                let error = format!("opening the spool of {name}: no thread: {error}");
                self.known(&name).fails_to_open(&error);
            }
        }
    }

    /// A pool has no file. Returns false if one is needed meanwhile.
    fn forget(&self, pool: &str) -> bool {
        let mut begun = self.begun.lock();
        let needed = begun.get(pool) == Some(&true);
        if !needed {
            begun.remove(pool);
        }
        !needed
    }

    /// Opens the spool of a pool. Blocks for as long as the disk takes. Returns whether it is open; otherwise
    /// a notice says why.
    fn open(&self, settings: &SpoolSettings, pool: &str) -> bool {
        // Held until the spool has the file, so that it is closed with the others. Several are opened at a time: one
        // may take long.
        let _opening = self.opening.read();
        if self.closed.load(Ordering::Acquire) {
            return false;
        }
        let known = self.known(pool);
        match self.open_file(settings, pool, &known) {
            Ok(disk) => {
                known.opened(disk);
                true
            }
            Err(error) => {
                known.fails_to_open(&error.to_string());
                false
            }
        }
    }

    /// The spool of a pool, made if it is new. Its file is not open yet.
    fn known(&self, pool: &str) -> Arc<PoolSpool> {
        self.of(pool).unwrap_or_else(|| {
            let new = Arc::new(PoolSpool::new(pool, Arc::clone(&self.notices)));
            self.pools.rcu(|pools| {
                let mut pools = HashMap::clone(pools);
                // Another thread may have made it meanwhile.
                pools.entry(pool.into()).or_insert_with(|| Arc::clone(&new));
                pools
            });
            self.of(pool).unwrap_or(new)
        })
    }

    fn open_file(
        &self,
        settings: &SpoolSettings,
        pool: &str,
        known: &Arc<PoolSpool>,
    ) -> Result<Spool, OpenError> {
        let directory = self.directory(settings, pool)?;
        let heard = Arc::downgrade(known);
        directory.open(pool, move |notice| {
            if let Some(spool) = heard.upgrade() {
                spool.hear(&notice);
            }
        })
    }

    /// The directory, which is this node's from the first of its files on.
    fn directory(&self, settings: &SpoolSettings, pool: &str) -> Result<Arc<Directory>, OpenError> {
        let mut taken = self.directory.lock();
        if let Some(directory) = &*taken {
            return Ok(Arc::clone(directory));
        }
        let directory = Directory::take(&settings.directory, &settings.node, settings.spool)?;
        self.warn_of_network(pool, &directory);
        Ok(Arc::clone(taken.insert(Arc::new(directory))))
    }

    fn warn_of_network(&self, pool: &str, directory: &Directory) {
        if spool::is_network_file_system(directory.path()) {
            let text = format!(
                "the spool directory {} is on a network file system, where the locks of SQLite cannot be \
                 relied on: use a local disk",
                directory.path().display()
            );
            self.notices.tell(pool, NoticeKind::Warning, text);
        }
    }

    /// Writes what is left and closes the files. Blocks for as long as the disk takes.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let Some(settings) = &self.settings else {
            return;
        };
        // A file that is being opened is closed too.
        let _none_opens = self.opening.write();
        let pools = self.pools.swap(Arc::default());
        for (pool, spool) in &*pools {
            spool.close(|| self.open_file(settings, pool, spool));
        }
        *self.directory.lock() = None;
    }
}
