//! The endpoint of a pool, and how links to it are made: from the names, the certificate files and, over
//! HTTP/2, the connection that all workers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::dial::{Dialled, dial};
use super::error::AttemptError;
use super::http1::Http1;
use super::http2::{Http2, Room, SharedHttp2};
use super::lifetimes::Lifetimes;
use super::link::Link;
use super::names::{KEEP_OLD, Names};
use crate::apart;
use crate::notices::Notices;
use crate::tls::{Refreshed, TlsClient};
use crate::{BaseUrl, Remedy};

/// The operator is told if a check of the certificate files takes longer than this.
const LOOK_AT_MOST: Duration = Duration::from_secs(10);

/// An endpoint, and how links to it are made.
#[derive(Debug)]
pub struct Endpoint {
    pool: Box<str>,
    notices: Arc<Notices>,
    names: Arc<Names>,
    base: Arc<BaseUrl>,
    tls: Option<Arc<TlsClient>>,
    lifetimes: Lifetimes,
    /// The HTTP/2 connection that all workers share.
    http2: Option<SharedHttp2>,
    /// Whether the operator was told that addresses of an earlier look-up are in use.
    told_old: AtomicBool,
}

impl Endpoint {
    /// Creates an endpoint at `base`. If `http2` is set, workers share one connection, and making it
    /// may take that long.
    #[must_use]
    pub fn new(
        pool: &str,
        notices: Arc<Notices>,
        names: Arc<Names>,
        base: BaseUrl,
        tls: Option<TlsClient>,
        http2: Option<Duration>,
    ) -> Self {
        Self {
            pool: pool.into(),
            notices,
            names,
            base: Arc::new(base),
            tls: tls.map(Arc::new),
            lifetimes: Lifetimes::default(),
            http2: http2.map(SharedHttp2::new),
            told_old: AtomicBool::new(false),
        }
    }

    /// Sets the lifetimes of the endpoint's connections.
    #[must_use]
    pub fn with_lifetimes(self, lifetimes: Lifetimes) -> Self {
        Self { lifetimes, ..self }
    }

    /// Makes a link for one worker. It has no time limit of its own.
    pub async fn link(&self) -> Result<(Link, Arc<Dialled>), AttemptError> {
        self.look_at_files();
        let linked = self.connect().await;
        if let Ok((_, dialled)) = &linked {
            self.tell_if_old(dialled);
        }
        linked
    }

    async fn connect(&self) -> Result<(Link, Arc<Dialled>), AttemptError> {
        let Some(shared) = &self.http2 else {
            let (stream, dialled) =
                dial(&self.names, &self.base, self.tls.as_deref(), false).await?;
            let link = Link::Http1 {
                connection: Box::new(Http1::new(stream).await?),
                too_old_at: self.lifetimes.too_old_at(Instant::now()),
            };
            return Ok((link, Arc::new(dialled)));
        };
        let make = || {
            let (names, base, tls) = (
                Arc::clone(&self.names),
                Arc::clone(&self.base),
                self.tls.clone(),
            );
            let (lifetimes, told) = (self.lifetimes, shared.told());
            async move {
                let (stream, dialled) = dial(&names, &base, tls.as_deref(), true).await?;
                Ok((Http2::new(stream, lifetimes, told).await?, dialled))
            }
            .boxed()
        };
        let (connection, dialled) = shared.get(make).await?;
        let link = Link::Http2 {
            connection,
            begun: None,
        };
        Ok((link, dialled))
    }

    /// How many requests the endpoint accepts at once, if it says so, which is only possible over
    /// HTTP/2.
    #[must_use]
    pub fn room(&self) -> Option<watch::Receiver<Room>> {
        self.http2.as_ref().map(SharedHttp2::room)
    }

    /// Ends a shared connection once the requests on it are over, because the pool is closing.
    pub fn close(&self) {
        if let Some(shared) = &self.http2 {
            shared.close();
        }
    }

    /// How long a link may idle.
    #[must_use]
    pub fn max_idle(&self) -> Duration {
        self.lifetimes.max_idle
    }

    /// Applies changed certificate files, on a separate thread because reading them may hang. The
    /// present connection does not wait for it.
    fn look_at_files(&self) {
        let Some((tls, look)) = self
            .tls
            .as_ref()
            .and_then(|tls| Some((tls, tls.begin_look()?)))
        else {
            return;
        };
        let (notices, pool) = (Arc::clone(&self.notices), self.pool.clone());
        let result = apart::run("http-pusher-pem", move || (look.refresh(), look));
        match result {
            Err(error) => tell(&notices, &pool, tls.no_thread_to_look(&error)),
            Ok(mut result) => drop(tokio::spawn(async move {
                let ended = match timeout(LOOK_AT_MOST, &mut result).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        let text = format!(
                            "reading the certificate files has taken {} s so far; new connections go \
                             on with the files as they were",
                            LOOK_AT_MOST.as_secs()
                        );
                        notices.add(&pool, text);
                        result.await
                    }
                };
                // Drop `look` here, so that this thread's clock sets the next check. A check that
                // crashed is over, too.
                if let Ok((refreshed, look)) = ended {
                    drop(look);
                    tell(&notices, &pool, refreshed);
                }
            })),
        }
    }

    /// Tells the operator once that new connections go to addresses of an earlier look-up.
    fn tell_if_old(&self, dialled: &Dialled) {
        let Some(why) = &dialled.old else {
            self.told_old.store(false, Ordering::Relaxed);
            return;
        };
        if !self.told_old.swap(true, Ordering::Relaxed) {
            let text = format!(
                "the name {} does not resolve ({why}); new connections go to its last address for \
                 at most {} minutes",
                self.base.host,
                KEEP_OLD.as_secs() / 60
            );
            self.notices.add(&self.pool, text);
        }
    }

    /// The endpoint's scheme, host and port.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Whether links use HTTP/2, which needs the whole URL in a request; HTTP/1.1 needs only the path.
    #[must_use]
    pub fn is_http2(&self) -> bool {
        self.http2.is_some()
    }
}

fn tell(notices: &Notices, pool: &str, refreshed: Refreshed) {
    match refreshed {
        Refreshed::Unchanged => {}
        Refreshed::Renewed(warnings) => {
            for warning in warnings {
                notices.add(pool, warning.to_string());
            }
        }
        Refreshed::Kept(error) => {
            let again = match error.remedy {
                Remedy::Retry => ", and they are looked at again soon",
                Remedy::OtherContent | Remedy::OtherSetting => " until a file changes",
            };
            let text = format!("{error}; new connections go on with the files as they were{again}");
            notices.add(pool, text);
        }
    }
}
