//! Name look-ups. Answers are kept for seconds, and the last good answer for minutes.
//!
//! A look-up calls the system's resolver (`getaddrinfo`, which the host uses too). The call cannot be
//! cancelled, so it runs on a thread of its own, and a request stops waiting for it when the request's
//! time is over. If a look-up hangs, another one starts beside it after a while. While there is no new
//! answer, or look-ups fail, the last good answer is used, for at most [`KEEP_OLD`].
//!
//! What is known of a name, and when to ask again, is in `known`.

mod known;

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::apart;
pub use known::{AT_MOST, KEEP_BAD, KEEP_GOOD, KEEP_OLD, NEXT_AFTER, PATIENCE};
use known::{Known, Next};

/// The addresses of a name, or the reason why there are none.
pub type Answer = Result<Addresses, LookUpError>;

/// The addresses that a name resolves to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The addresses in the system's order.
    pub list: Arc<[IpAddr]>,
    /// Set if this is an earlier answer: the reason why there is no new one.
    pub old: Option<Arc<str>>,
}

/// Why a name has no addresses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LookUpError {
    /// The system returned an error, or no address.
    #[error("{0}")]
    Failed(Arc<str>),
    /// The system had no thread for the look-up.
    #[error("no thread for the look-up: {0}")]
    NoThread(Arc<io::Error>),
}

/// The function that asks the system. It blocks.
pub type LookUp = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Looks up names for all pools.
pub struct Names {
    look_up: Arc<LookUp>,
    /// The lock is held only for a few comparisons: starting threads and waiting for answers happen
    /// without it.
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
    /// Creates a resolver that calls `look_up`.
    #[must_use]
    pub fn with(look_up: Arc<LookUp>) -> Self {
        Self {
            look_up,
            known: Arc::default(),
        }
    }

    /// The addresses of `host`, which may itself be an address. It has no time limit of its own:
    /// without an earlier answer, this waits as long as look-ups hang.
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
            // Record the answer when it arrives, even if no request waits for it any more.
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

/// RAII guard of a look-up that was started: however the look-up ends, dropping this records the end.
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
