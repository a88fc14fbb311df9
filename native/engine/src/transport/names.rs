//! Name look-ups: one under way for a name at a time, answers kept for seconds.
//!
//! The look-up is the system's own (`getaddrinfo`, as the host uses), which cannot be cancelled: it
//! runs on a thread of its own, and whoever waits for it stops waiting when his request's time is
//! over. A resolver that hangs therefore holds one thread a name and delays nobody else.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::time::Instant;

/// How long a good answer is kept.
pub const KEEP_GOOD: Duration = Duration::from_secs(5);
/// How long a failure is kept.
pub const KEEP_BAD: Duration = Duration::from_secs(1);

/// The addresses of a name, or what the look-up said.
pub type Answer = Result<Arc<[IpAddr]>, Arc<str>>;

/// What asks the system. Blocking.
pub type LookUp = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Looks up names; shared by all pools.
pub struct Names {
    look_up: Arc<LookUp>,
    known: Mutex<HashMap<Box<str>, Asking>>,
}

/// An answer, and when it came.
type Dated = (Answer, Instant);

type Asking = Shared<BoxFuture<'static, Dated>>;

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::with(Arc::new(system))
    }
}

impl Names {
    /// Names looked up by `look_up`.
    #[must_use]
    pub fn with(look_up: Arc<LookUp>) -> Self {
        Self {
            look_up,
            known: Mutex::default(),
        }
    }

    /// The addresses of `host`, which may be an address itself.
    pub async fn resolve(&self, host: &str) -> Answer {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Arc::new([address]));
        }
        self.find(host).await.0
    }

    /// The look-up that is under way, or whose answer still counts; otherwise a new one.
    fn find(&self, host: &str) -> Asking {
        let mut known = self.known.lock();
        if let Some(asking) = known.get(host).filter(|asking| still_counts(asking)) {
            return asking.clone();
        }
        let (look_up, name) = (Arc::clone(&self.look_up), host.to_owned());
        // The date is the answer's, not that of whoever waited for it: perhaps nobody did.
        let thread = tokio::task::spawn_blocking(move || {
            let answer = match look_up(&name) {
                Ok(addresses) if addresses.is_empty() => Err("no address".into()),
                Ok(addresses) => Ok(addresses.into()),
                Err(error) => Err(error.to_string().into()),
            };
            (answer, Instant::now())
        });
        let asking = thread
            .map(|end| end.unwrap_or_else(|error| (Err(error.to_string().into()), Instant::now())))
            .boxed()
            .shared();
        known.insert(host.into(), asking.clone());
        asking
    }
}

fn still_counts(asking: &Asking) -> bool {
    // An answer that nobody has fetched is fetched here; a thread that still asks has none.
    match asking.clone().now_or_never() {
        None => true,
        Some((answer, since)) => {
            let keep = if answer.is_ok() { KEEP_GOOD } else { KEEP_BAD };
            since.elapsed() < keep
        }
    }
}

fn system(host: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in (host, 0).to_socket_addrs()? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    Ok(addresses)
}
