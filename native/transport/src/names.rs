//! Name look-ups: one under way for a name, answers kept for seconds, the last good one for minutes.
//!
//! A look-up is the system's own (`getaddrinfo`, which the host uses too). It cannot be cancelled, so it
//! runs on a thread of its own, and a request that waits for it stops waiting when the request's time is
//! over. A look-up that hangs is not the last word: after a time another one starts beside it. While
//! there is no new answer, and while look-ups fail, the last good one serves, for at most [`KEEP_OLD`].
//!
//! Not here: what is known of a name, and when to ask again (`known`).

mod known;

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::apart;
pub use known::{AT_MOST, KEEP_BAD, KEEP_GOOD, KEEP_OLD, NEXT_AFTER, PATIENCE};
use known::{Known, Next};

/// The addresses of a name, or why there are none.
pub type Answer = Result<Addresses, LookUpError>;

/// The addresses of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// In the system's order.
    pub list: Arc<[IpAddr]>,
    /// Set if this is an earlier answer: why there is no new one.
    pub old: Option<Arc<str>>,
}

/// Why a name has no addresses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LookUpError {
    /// The system says so, or the name has none.
    #[error("{0}")]
    Failed(Arc<str>),
    /// The system had no thread for the look-up.
    #[error("no thread for the look-up: {0}")]
    NoThread(Arc<io::Error>),
}

/// What asks the system. Blocking.
pub type LookUp = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Looks up names; shared by all pools.
pub struct Names {
    look_up: Arc<LookUp>,
    /// The lock is held for a few comparisons: threads are started, and answers awaited, without it.
    known: Arc<Mutex<Known>>,
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
            known: Arc::default(),
        }
    }

    /// The addresses of `host`, which may be an address itself. No time limit of its own: without an
    /// earlier answer this waits as long as look-ups hang.
    pub async fn resolve(&self, host: &str) -> Answer {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Addresses {
                list: Arc::new([address]),
                old: None,
            });
        }
        loop {
            let next = self.known.lock().next(host, Instant::now());
            match next {
                Next::Answer(answer) => return answer,
                Next::Ask(asking) => self.ask(host, asking),
                Next::Wait(until, mut answers) => {
                    let _ = timeout_at(until, answers.changed()).await;
                }
            }
        }
    }

    fn ask(&self, host: &str, asking: u64) {
        let asked = Asked {
            known: Arc::clone(&self.known),
            host: host.into(),
            asking,
        };
        let (look_up, name) = (Arc::clone(&self.look_up), host.to_owned());
        match apart::run("http-pusher-dns", move || look_up(&name)) {
            Err(error) => asked.answered(Err(LookUpError::NoThread(Arc::new(error)))),
            // The answer counts from the moment it is there, also if no request waits any more.
            Ok(result) => drop(tokio::spawn(async move {
                let failed = |text: &str| Err(LookUpError::Failed(text.into()));
                asked.answered(match result.await {
                    Ok(Ok(addresses)) if addresses.is_empty() => failed("no address"),
                    Ok(Ok(addresses)) => Ok(addresses.into()),
                    Ok(Err(error)) => failed(&error.to_string()),
                    Err(_) => failed("the look-up crashed"),
                });
            })),
        }
    }
}

/// A look-up that was started. It ends when this is dropped, however that comes about.
struct Asked {
    known: Arc<Mutex<Known>>,
    host: Box<str>,
    asking: u64,
}

impl Asked {
    fn answered(self, answer: Result<Arc<[IpAddr]>, LookUpError>) {
        let mut known = self.known.lock();
        known.answered(&self.host, answer, Instant::now());
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.known.lock().ended(&self.host, self.asking);
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
