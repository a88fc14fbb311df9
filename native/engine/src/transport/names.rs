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
    known: Mutex<HashMap<Box<str>, Entry>>,
}

enum Entry {
    Known { answer: Answer, until: Instant },
    Asking(Shared<BoxFuture<'static, Answer>>),
}

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
        let asking = match self.find(host) {
            Entry::Known { answer, .. } => return answer,
            Entry::Asking(asking) => asking,
        };
        let answer = asking.await;
        self.keep(host, &answer);
        answer
    }

    fn find(&self, host: &str) -> Entry {
        let mut known = self.known.lock();
        match known.get(host) {
            Some(Entry::Known { answer, until }) if *until > Instant::now() => {
                return Entry::Known {
                    answer: answer.clone(),
                    until: *until,
                };
            }
            Some(Entry::Asking(asking)) => return Entry::Asking(asking.clone()),
            _ => {}
        }
        let (look_up, name) = (Arc::clone(&self.look_up), host.to_owned());
        let thread = tokio::task::spawn_blocking(move || look_up(&name));
        let asking = async move {
            match thread.await {
                Ok(Ok(addresses)) if addresses.is_empty() => Err("no address".into()),
                Ok(Ok(addresses)) => Ok(addresses.into()),
                Ok(Err(error)) => Err(error.to_string().into()),
                Err(error) => Err(error.to_string().into()),
            }
        }
        .boxed()
        .shared();
        known.insert(host.into(), Entry::Asking(asking.clone()));
        Entry::Asking(asking)
    }

    fn keep(&self, host: &str, answer: &Answer) {
        let mut known = self.known.lock();
        if let Some(entry @ Entry::Asking(_)) = known.get_mut(host) {
            let keep = if answer.is_ok() { KEEP_GOOD } else { KEEP_BAD };
            *entry = Entry::Known {
                answer: answer.clone(),
                until: Instant::now() + keep,
            };
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
