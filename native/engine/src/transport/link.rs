//! A worker's way to the endpoint: its own HTTP/1.1 connection or a share in the pool's HTTP/2 one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::dial::{Dialled, dial};
use super::error::AttemptError;
use super::http1::Http1;
use super::http2::{Http2, SharedHttp2};
use super::names::{KEEP_OLD, Names};
use crate::apart;
use crate::report::notices::Notices;
use crate::report::reason::Reason;
use crate::settings::{BaseUrl, Remedy};
use crate::tls::{Refreshed, TlsClient};

/// A look at the certificate files that takes longer is mentioned.
const LOOK_AT_MOST: Duration = Duration::from_secs(10);

/// How links to one endpoint are made.
#[derive(Debug)]
pub struct Endpoint {
    pool: Box<str>,
    notices: Arc<Notices>,
    names: Arc<Names>,
    base: Arc<BaseUrl>,
    tls: Option<Arc<TlsClient>>,
    /// The connection that all workers share, and how long making it may take.
    http2: Option<(SharedHttp2, Duration)>,
    /// It was said that addresses of an earlier look-up are used.
    told_old: AtomicBool,
}

/// A link.
#[derive(Debug)]
pub enum Link {
    /// Of this worker alone.
    Http1(Http1),
    /// Shared.
    Http2(Http2),
}

/// What became of a response body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Read to its end, or given up without harm to the connection.
    Whole,
    /// Not read to its end: the connection is of no more use.
    Cut,
}

impl Endpoint {
    /// An endpoint at `base`. With `http2`, workers share one connection, which may take that long to
    /// make.
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
            http2: http2.map(|allowed| (SharedHttp2::default(), allowed)),
            told_old: AtomicBool::new(false),
        }
    }

    /// A link for one worker. No time limit of its own.
    pub async fn link(&self) -> Result<(Link, Arc<Dialled>), AttemptError> {
        self.look_at_files();
        let linked = self.connect().await;
        if let Ok((_, dialled)) = &linked {
            self.tell_if_old(dialled);
        }
        linked
    }

    async fn connect(&self) -> Result<(Link, Arc<Dialled>), AttemptError> {
        let Some((shared, allowed)) = &self.http2 else {
            let (stream, dialled) =
                dial(&self.names, &self.base, self.tls.as_deref(), false).await?;
            return Ok((Link::Http1(Http1::new(stream).await?), Arc::new(dialled)));
        };
        let (link, dialled) = shared
            .get(|| {
                let (names, base) = (Arc::clone(&self.names), Arc::clone(&self.base));
                let (tls, allowed) = (self.tls.clone(), *allowed);
                async move {
                    timeout(allowed, async {
                        let (stream, dialled) = dial(&names, &base, tls.as_deref(), true).await?;
                        Ok((Http2::new(stream).await?, dialled))
                    })
                    .await
                    .unwrap_or_else(|_| {
                        let text = format!("no connection within {} ms", allowed.as_millis());
                        Err(AttemptError::last(Reason::RequestTimeout, text))
                    })
                }
                .boxed()
            })
            .await?;
        Ok((Link::Http2(link), dialled))
    }

    /// Has changed certificate files taken up, on a thread of its own, because reading them may hang.
    /// This connection does not wait for it.
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
                // The next look is due from now on, on this thread's clock. One that crashed is over.
                if let Ok((refreshed, look)) = ended {
                    drop(look);
                    tell(&notices, &pool, refreshed);
                }
            })),
        }
    }

    /// Says once that new connections go to the addresses of an earlier look-up.
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

    /// Scheme, host and port.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// HTTP/2 wants the whole URL in a request, HTTP/1.1 only the path.
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

impl Link {
    /// Sends a request and reads the head of its final response.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, AttemptError> {
        match self {
            Self::Http1(link) => link.exchange(request).await,
            Self::Http2(link) => link.exchange(request).await,
        }
    }

    /// A request on this link went wrong. An HTTP/1.1 link ends with this; over HTTP/2, requests that
    /// are under way go on, and no new one begins on the connection.
    pub fn condemn(&mut self) {
        if let Self::Http2(link) = self {
            link.condemn();
        }
    }

    /// Reads a response body as far as `most` bytes.
    pub async fn drain(&mut self, body: Incoming, most: usize) -> Drained {
        match self {
            Self::Http1(link) => link.drain(body, most).await,
            Self::Http2(link) => link.drain(body, most).await,
        }
    }

    /// Whether the link can take another request now. While it can, `cx` is woken when that ends.
    pub fn poll_usable(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Http1(link) => link.poll_usable(cx),
            Self::Http2(link) => link.is_usable(),
        }
    }
}
