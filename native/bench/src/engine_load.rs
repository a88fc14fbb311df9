//! The engine alone, driven from one thread that acts as sessions and reporter.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use engine::engine::{Engine, EngineSettings};
use engine::report::outcomes::FIRST;
use engine::settings::PoolOptions;
use notification::{Content, Direction, Handler, Names, Notification, PoolId, Verdict, lane_key};
use transport::TlsOptions;

use crate::load::{Load, LoadError, MESSAGE, Measured, Stopwatch};

/// Pending at a time: enough that no worker ever idles.
const WINDOW: usize = 2000;
/// Outcomes taken at a time, as in the NIF.
const BATCH: usize = 256;

/// Runs the load.
pub fn run(load: &Load, senders: usize) -> Result<Measured, LoadError> {
    let driver = Driver::start(load, senders)?;
    let warm_up = load.connections * 20;
    driver.push_and_take(warm_up)?;
    let watch = Stopwatch::start()?;
    driver.push_and_take(load.requests)?;
    let measured = watch.stop(load.requests)?;
    driver.engine.stop();
    Ok(measured)
}

struct Driver {
    engine: Engine,
    handler: Arc<Handler>,
    pool: PoolId,
    senders: Vec<String>,
    until: Instant,
}

impl Driver {
    fn start(load: &Load, senders: usize) -> Result<Self, LoadError> {
        let engine = Engine::default();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let settings = EngineSettings {
            threads: load.threads.unwrap_or(cores),
            ..EngineSettings::default()
        };
        let driver = thread::current();
        engine.start(settings, move |_| driver.unpark())?;
        let pool = engine.create_pool("bench")?;
        engine.configure_pool(pool, options(load))?;
        engine.open_pool(pool)?;
        let path = load
            .url
            .splitn(4, '/')
            .nth(3)
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            handler: engine.handler("localhost", "bench", &path),
            engine,
            pool,
            senders: (0..senders).map(|n| format!("user{n}")).collect(),
            until: Instant::now() + load.allowed(),
        })
    }

    fn push_and_take(&self, requests: usize) -> Result<(), LoadError> {
        let (mut pushed, mut taken) = (0, 0);
        let mut key = Vec::new();
        while taken < requests {
            while pushed < requests && pushed - taken < WINDOW {
                self.push(&mut key, pushed)?;
                pushed += 1;
            }
            let batch = self.take()?;
            if batch == 0 {
                if Instant::now() > self.until {
                    return Err(LoadError::TooLong);
                }
                thread::park_timeout(Duration::from_millis(100));
            }
            taken += batch;
        }
        // This acknowledges the last batch.
        self.take().map(drop)
    }

    fn push(&self, key: &mut Vec<u8>, n: usize) -> Result<(), LoadError> {
        let names = Names {
            sender: self.senders[n % self.senders.len()].as_bytes(),
            server: b"localhost",
            receiver: b"user124",
        };
        lane_key(
            key,
            self.handler.host_type.id,
            Direction::In,
            names,
            b"localhost",
        );
        let handler = Arc::clone(&self.handler);
        Notification::new(handler, Direction::In, names, MESSAGE, Content::Form)
            .ok_or_else(|| LoadError::Answer("too large".to_owned()))
            .and_then(|notification| {
                self.engine
                    .push(self.pool, key, notification)
                    .map_err(|error| LoadError::Answer(format!("not taken: {error:?}")))
            })
    }

    fn take(&self) -> Result<usize, LoadError> {
        let outcomes = &self.engine.outcomes;
        let taken = outcomes.take(FIRST, BATCH, |outcome| match &outcome.verdict {
            Verdict::Sent { status: 200, .. } => Ok(()),
            other => Err(LoadError::Answer(format!("{other:?}"))),
        });
        for outcome in &taken {
            if let Err(error) = outcome {
                return Err(LoadError::Answer(error.to_string()));
            }
            outcomes.counted(FIRST);
        }
        Ok(taken.len())
    }
}

fn options(load: &Load) -> PoolOptions {
    let host = load.url.splitn(4, '/').take(3).collect::<Vec<_>>();
    PoolOptions {
        host: host.join("/"),
        path_prefix: "/".to_owned(),
        request_timeout: 60_000,
        call_timeout: 60_000,
        workers: load.connections as u64,
        strategy: "best_worker".to_owned(),
        max_worker_queue_len: None,
        http2: load.http2,
        tls: load.ca.as_ref().map(|ca| TlsOptions {
            cacertfile: Some(ca.clone()),
            ..TlsOptions::default()
        }),
    }
}
