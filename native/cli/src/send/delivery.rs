//! Sends a notification with the engine, as the node would.
//!
//! The request cannot be seen from outside the engine. So the engine first sends the same notification to an
//! endpoint in this process, which records it: all bytes are as they go to the web service, except for what is new in each
//! notification and each attempt (`webhook-id`, `webhook-timestamp`, `webhook-signature`).

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use credentials::path_secret;
use engine::engine::{Engine, EngineSettings};
use engine::report::outcomes::FIRST;
use engine::settings::{PoolOptions, PoolSettings};
use files::Source;
use notification::policy::Batch;
use notification::{DeliveryPolicy, Handler, PushError, Verdict};
use test_endpoint::{EndpointConfig, Record, TestEndpoint};
use transport::dial::{Dialled, dial};
use transport::names;
use transport::tls::{PeerCertificate, TlsClient};

use crate::node::open_pool;
use crate::plan_options;
use crate::routes::Route;
use crate::sample::Sample;

/// How long the delivery to the endpoint in this process may take, in milliseconds.
const PREVIEW_MS: u64 = 30_000;

/// An engine that delivers one handler's notifications.
pub(super) struct Delivery<'a> {
    engine: Engine,
    bell: Receiver<()>,
    handler: Arc<Handler>,
    path_secret: Option<Source>,
    route: &'a Route<'a>,
    sample: &'a Sample,
}

impl<'a> Delivery<'a> {
    /// Starts the engine. Relative names of files begin at `root`.
    ///
    /// # Errors
    ///
    /// Why it does not start.
    pub fn new(
        route: &'a Route<'a>,
        sample: &'a Sample,
        root: Option<&std::path::Path>,
    ) -> Result<Self, String> {
        let engine = Engine::default();
        let (ring, bell) = channel();
        engine
            .start(EngineSettings::default(), move |_| {
                // The receiver is dropped only after the outcome has arrived.
                let _ = ring.send(());
            })
            .map_err(|error| error.to_string())?;
        let (host, pool, path) = (
            sample.host(),
            &route.handler.pool_name,
            &route.handler.target,
        );
        let options = plan_options::of(route.handler, root);
        let path_secret = options
            .as_ref()
            .and_then(|options| options.credentials.path_secret.clone());
        // One delivery: what follows a failure would come too late for a command. A handler with batches
        // sends one of a single event, at once.
        let batched = route.handler.options.has("batch");
        let policy = DeliveryPolicy {
            batch: batched.then(|| Batch {
                linger: Duration::ZERO,
                ..Batch::default()
            }),
            ..DeliveryPolicy::default()
        };
        let handler = engine.planned_handler(host, pool, path, policy, options);
        Ok(Self {
            engine,
            bell,
            handler,
            path_secret,
            route,
            sample,
        })
    }

    /// Delivers to an endpoint in this process. Returns the request, if one was made.
    ///
    /// # Errors
    ///
    /// Why that could not be tried.
    pub fn preview(&self) -> Result<(Option<Record>, Verdict), String> {
        let endpoint = TestEndpoint::start_in_thread(EndpointConfig::default(), 1)
            .map_err(|error| error.to_string())?;
        let options = PoolOptions {
            host: endpoint.url(""),
            tls: None,
            http2: false,
            // Whether the request can be made has nothing to do with the time that its delivery may take.
            request_timeout: PREVIEW_MS,
            call_timeout: PREVIEW_MS,
            ..self.options()?
        };
        let verdict = self.deliver("preview", options)?;
        let record = endpoint.records().pop();
        Ok((record.map(|record| self.without_secret(record)), verdict))
    }

    /// The request with the path that may be shown.
    fn without_secret(&self, mut record: Record) -> Record {
        if let Some(source) = &self.path_secret {
            let secret = source
                .read()
                .and_then(|content| path_secret::parse(&content));
            record.path = match secret {
                Ok(secret) if record.path.contains(&*secret) => {
                    record.path.replace(&*secret, path_secret::PLACE)
                }
                // The file has changed meanwhile.
                _ => self.route.handler.target.clone(),
            };
        }
        record
    }

    /// Delivers to the web service.
    ///
    /// # Errors
    ///
    /// Why that could not be tried.
    pub fn send(&self) -> Result<Verdict, String> {
        self.deliver(&self.route.handler.pool_name, self.options()?)
    }

    fn options(&self) -> Result<PoolOptions, String> {
        let options = self.route.pool.options.clone();
        options.ok_or_else(|| "the pool has no host".to_owned())
    }

    fn deliver(&self, name: &str, options: PoolOptions) -> Result<Verdict, String> {
        // Every accepted notification has its outcome after `call_timeout`; the rest is for a slow machine.
        let patience = Duration::from_millis(options.call_timeout) + Duration::from_secs(10);
        let pool = open_pool(&self.engine, name, options)?;
        self.engine
            .push(
                pool,
                b"sample",
                self.sample
                    .notification(self.route.handler, &self.handler)?,
            )
            .map_err(|not_taken| match not_taken {
                PushError::Rejected(reason) => format!("rejected: {}", reason.as_str()),
                PushError::NotOpen => "the pool is not open".to_owned(),
            })?;
        self.outcome(patience)
    }

    /// Waits for the outcome.
    fn outcome(&self, patience: Duration) -> Result<Verdict, String> {
        loop {
            let mut taken = self
                .engine
                .outcomes
                .take(FIRST, 1, |outcome| outcome.verdict.clone());
            if let Some(verdict) = taken.pop() {
                // The next outcome is another one.
                self.engine.outcomes.counted(FIRST);
                return Ok(verdict);
            }
            if self.bell.recv_timeout(patience).is_err() {
                return Err("the engine reported no outcome".to_owned());
            }
        }
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        self.engine.stop();
    }
}

/// Connects and closes the connection. If that fails, the delivery will report why.
///
/// # Errors
///
/// Why it could not be tried.
pub(super) fn measure(
    settings: &PoolSettings,
) -> Result<(Option<Dialled>, Option<PeerCertificate>), String> {
    let tls = match &settings.tls {
        None => None,
        Some(options) => {
            let opened = TlsClient::open(options, &settings.base.host, settings.http2);
            Some(opened.map_err(|error| error.to_string())?.0)
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let names = names::Names::default();
    let dialled = runtime.block_on(async {
        let dialling = dial(&names, &settings.base, tls.as_ref(), settings.http2);
        tokio::time::timeout(settings.call_timeout, dialling).await
    });
    runtime.shutdown_background();
    let connection = match dialled {
        Ok(Ok((_, dialled))) => Some(dialled),
        _ => None,
    };
    Ok((
        connection,
        tls.and_then(|tls| tls.last_peer().certificate()),
    ))
}
