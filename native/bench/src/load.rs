//! What all loads share: their options, the request, the clock and the CPU time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use thiserror::Error;
use tokio::sync::Barrier;

/// Requests of each connection before the clock starts.
const WARM_UP: usize = 5;
/// Clock ticks a second in /proc (`USER_HZ`, the same on every Linux).
const TICKS: f64 = 100.0;

/// Options of a load.
#[derive(Args, Clone, Debug)]
pub struct Load {
    /// The URL to POST to.
    #[arg(long)]
    pub url: String,
    /// Connections; with --http2, concurrent requests on one connection.
    #[arg(long, default_value_t = 50)]
    pub connections: usize,
    /// Requests in all.
    #[arg(long)]
    pub requests: usize,
    /// Threads; by default one per core.
    #[arg(long)]
    pub threads: Option<usize>,
    /// Certificate of the authority that signed the endpoint's.
    #[arg(long)]
    pub ca: Option<PathBuf>,
    /// HTTP/2 over TLS.
    #[arg(long)]
    pub http2: bool,
    /// Seconds after which the run fails.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
}

impl Load {
    /// How long the run may take.
    pub fn allowed(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// Result of a load.
#[derive(Debug, Serialize)]
pub struct Measured {
    requests: usize,
    seconds: f64,
    per_second: f64,
    /// CPU seconds of this process.
    cpu_seconds: f64,
    /// Bytes that this process has written to files.
    written_bytes: u64,
    /// Median and 99th percentile of the hand-overs, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    hand_over: Option<[f64; 2]>,
    /// Seconds until the first was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<f64>,
    #[serde(skip)]
    begin: Instant,
}

impl Measured {
    /// With the time at which the first was delivered.
    pub fn with_first(mut self, first: Instant) -> Self {
        let after = first.saturating_duration_since(self.begin);
        self.first = Some(after.as_secs_f64());
        self
    }

    /// With the times of the hand-overs, if they were measured.
    pub fn with_hand_over(mut self, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let percentile = |percent| times.get(times.len() * percent / 100);
        let micros = |time: &Duration| time.as_secs_f64() * 1e6;
        self.hand_over = percentile(50)
            .zip(percentile(99))
            .map(|(half, most)| [micros(half), micros(most)]);
        self
    }
}

/// Why a load failed.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Files, sockets, threads.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// reqwest failed.
    #[error("reqwest: {0}")]
    Reqwest(#[from] reqwest::Error),
    /// hyper failed.
    #[error("hyper: {0}")]
    Hyper(#[from] hyper::Error),
    /// The URL is invalid.
    #[error("the URL: {0}")]
    Url(#[from] http::Error),
    /// rustls refuses the certificate.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The engine does not start or refuses the pool.
    #[error("engine: {0}")]
    Engine(#[from] engine::engine::EngineError),
    /// The answer is not a 200.
    #[error("{0}")]
    Answer(String),
    /// A task panicked.
    #[error("a task ended: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The run took longer than allowed.
    #[error("the run took too long")]
    TooLong,
}

/// The default handler's form of a message as long as the driver's.
pub const FORM: &[u8] =
    b"author=user123&server=localhost&receiver=user124&message=Hello%2C+this+is+\
a+chat+message+of+the+usual+length+%28about+a+hundred+characters%29+that+somebody+types+on+a+phone";

/// The message in [`FORM`].
pub const MESSAGE: &[u8] = b"Hello, this is a chat message of the usual length (about a hundred \
characters) that somebody types on a phone";

/// The requests of a load, divided among its connections as they ask.
#[derive(Debug)]
pub struct Shares {
    left: AtomicUsize,
    barrier: Barrier,
}

/// One connection's share of the requests.
#[derive(Debug)]
pub struct Share {
    shares: Arc<Shares>,
    warm_up: usize,
}

impl Shares {
    /// All requests of `load`.
    pub fn new(load: &Load) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(load.requests),
            barrier: Barrier::new(load.connections + 1),
        })
    }

    /// The share of one connection.
    pub fn share(self: &Arc<Self>) -> Share {
        Share {
            shares: Arc::clone(self),
            warm_up: WARM_UP,
        }
    }

    /// Waits until all connections are warm.
    pub async fn all_warm(&self) {
        self.barrier.wait().await;
    }
}

impl Share {
    /// Whether there is one more request to send. After the warm-up it waits for the other connections.
    pub async fn more(&mut self) -> bool {
        if self.warm_up > 0 {
            self.warm_up -= 1;
            if self.warm_up > 0 {
                return true;
            }
            self.shares.barrier.wait().await;
        }
        let take = |left: usize| left.checked_sub(1);
        let taken = self
            .shares
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.is_ok()
    }
}

/// Measures time and CPU time.
#[derive(Debug)]
pub struct Stopwatch {
    begin: Instant,
    cpu: f64,
    written: u64,
}

impl Stopwatch {
    /// Starts to measure.
    pub fn start() -> std::io::Result<Self> {
        Ok(Self {
            cpu: cpu_seconds()?,
            written: written_bytes()?,
            begin: Instant::now(),
        })
    }

    /// The result of `requests` since the start.
    pub fn stop(self, requests: usize) -> std::io::Result<Measured> {
        let seconds = self.begin.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
        let per_second = requests as f64 / seconds;
        Ok(Measured {
            requests,
            seconds,
            per_second,
            cpu_seconds: cpu_seconds()? - self.cpu,
            written_bytes: written_bytes()? - self.written,
            hand_over: None,
            first: None,
            begin: self.begin,
        })
    }
}

/// Bytes that this process has written to files so far.
fn written_bytes() -> std::io::Result<u64> {
    let io = std::fs::read_to_string("/proc/self/io")?;
    let bytes = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(bytes
        .and_then(|bytes| bytes.parse().ok())
        .unwrap_or_default())
}

/// CPU time of this process so far.
pub fn cpu_seconds() -> std::io::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The process name comes before, in parentheses, and may contain blanks.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    Ok(ticks / TICKS)
}
