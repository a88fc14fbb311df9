//! The engine alone, driven from one thread that acts as sessions and reporter.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use engine::engine::{Engine, EngineSettings};
use engine::report::outcomes::FIRST;
use engine::settings::PoolOptions;
use engine::spools::{GRACE, SpoolSettings};
use notification::{
    Content, DeliveryPolicy, Direction, Guarantee, Handler, MessageId, Names, Notification, PoolId,
    Retry, Statuses, Verdict, lane_key,
};
use spool::{Kind, Record};
use transport::TlsOptions;

use crate::load::{Load, LoadError, MESSAGE, Measured, Stopwatch};

/// Pending at a time: enough that no worker ever idles.
const WINDOW: usize = 2000;
/// Outcomes taken at a time, as in the NIF.
const BATCH: usize = 256;

/// What the engine's load is beyond that of a bare client.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Distinct senders, each with a lane of its own.
    #[arg(long, default_value_t = 200)]
    senders: usize,
    /// Deliver at least once, with the spools in this directory.
    #[arg(long)]
    spool: Option<PathBuf>,
    /// Hand over one notification each so many microseconds, and say how long that takes.
    #[arg(long)]
    every: Option<u64>,
    /// Hand nothing over: deliver what an earlier run has left in the spool, from the start of the engine on.
    #[arg(long, requires = "spool")]
    left: bool,
}

/// Runs the load.
pub fn run(load: &Load, options: &Options) -> Result<Measured, LoadError> {
    if let (true, Some(directory)) = (options.left, &options.spool) {
        fill(load, options.senders, directory)?;
        let watch = Stopwatch::start()?;
        let driver = Driver::start(load, options)?;
        let first = driver.take_all(load.requests)?;
        let measured = watch.stop(load.requests)?.with_first(first);
        driver.engine.stop();
        return Ok(measured);
    }
    let driver = Driver::start(load, options)?;
    let warm_up = load.connections * 20;
    driver.push_and_take(warm_up)?;
    let watch = Stopwatch::start()?;
    let times = match options.every {
        None => {
            driver.push_and_take(load.requests)?;
            Vec::new()
        }
        Some(micros) => driver.push_each(load.requests, Duration::from_micros(micros))?,
    };
    let measured = watch.stop(load.requests)?.with_hand_over(times);
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
    fn start(load: &Load, own: &Options) -> Result<Self, LoadError> {
        let engine = Engine::default();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let settings = EngineSettings {
            threads: load.threads.unwrap_or(cores),
            spools: own.spool.as_deref().map(spools),
            ..EngineSettings::default()
        };
        let driver = thread::current();
        engine.start(settings, move |_| driver.unpark())?;
        engine.open_host_type(HOST_TYPE);
        let pool = engine.create_pool(POOL)?;
        let until = Instant::now() + load.allowed();
        if own.spool.is_some() {
            engine.open_spool(POOL, true);
            while engine.spools().iter().all(|spool| spool.totals().is_none()) {
                if Instant::now() > until {
                    return Err(LoadError::TooLong);
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
        engine.configure_pool(pool, options(load))?;
        engine.open_pool(pool)?;
        let path = path(load);
        let policy = match own.spool {
            None => DeliveryPolicy::default(),
            Some(_) => at_least_once(),
        };
        Ok(Self {
            handler: engine.planned_handler(HOST_TYPE, POOL, path, policy, None),
            engine,
            pool,
            senders: (0..own.senders).map(|n| format!("user{n}")).collect(),
            until,
        })
    }

    /// Takes so many outcomes. Returns when the first was there.
    fn take_all(&self, requests: usize) -> Result<Instant, LoadError> {
        let (mut first, mut taken) = (None, 0);
        while taken < requests {
            let batch = self.take()?;
            if batch == 0 {
                if Instant::now() > self.until {
                    return Err(LoadError::TooLong);
                }
                thread::park_timeout(Duration::from_millis(100));
            } else {
                first.get_or_insert_with(Instant::now);
            }
            taken += batch;
        }
        self.take()?;
        Ok(first.unwrap_or_else(Instant::now))
    }

    /// Hands over at equal distances, as one session does. Returns how long each hand-over took.
    fn push_each(&self, requests: usize, every: Duration) -> Result<Vec<Duration>, LoadError> {
        let mut key = Vec::new();
        let mut times = Vec::with_capacity(requests);
        let mut due = Instant::now();
        for n in 0..requests {
            due += every;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let begin = Instant::now();
            self.push(&mut key, n)?;
            times.push(begin.elapsed());
            while self.take()? > 0 {}
        }
        Ok(times)
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

const HOST_TYPE: &str = "localhost";
const POOL: &str = "bench";

fn spools(directory: &Path) -> SpoolSettings {
    SpoolSettings {
        directory: directory.to_owned(),
        node: "bench@localhost".to_owned(),
        spool: spool::Settings::default(),
        grace: GRACE,
    }
}

fn at_least_once() -> DeliveryPolicy {
    DeliveryPolicy {
        guarantee: Guarantee::AtLeastOnce,
        success: Statuses::NONE.and(200..=299),
        retry: Some(Retry::default()),
        ..DeliveryPolicy::default()
    }
}

fn path(load: &Load) -> &str {
    load.url.splitn(4, '/').nth(3).unwrap_or_default()
}

/// Leaves records in the spool, as a run before does.
fn fill(load: &Load, senders: usize, directory: &Path) -> Result<(), LoadError> {
    let failed = |error: spool::OpenError| LoadError::Answer(error.to_string());
    let SpoolSettings {
        directory,
        node,
        spool,
        ..
    } = spools(directory);
    let taken = spool::Directory::take(&directory, &node, spool).map_err(failed)?;
    let disk = taken.open(POOL, |_| {}).map_err(failed)?;
    for n in 0..load.requests {
        let sender = Bytes::from(format!("user{}", n % senders));
        let record = Record {
            host_type: HOST_TYPE.into(),
            handler: format!("{POOL} {}", path(load)).into(),
            lane: sender.clone(),
            message_id: MessageId::new().as_str().into(),
            created: spool::now_ms(),
            direction: Direction::In,
            sender,
            server: Bytes::from_static(b"localhost"),
            receiver: Bytes::from_static(b"user124"),
            kind: Kind::Form,
            text: Bytes::from_static(MESSAGE),
            extra: Bytes::new(),
        };
        // Only so many bytes may wait for the disk.
        while disk.append(record.clone()).is_err() {
            thread::sleep(Duration::from_millis(1));
        }
    }
    disk.close();
    Ok(())
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
