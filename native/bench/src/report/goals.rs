//! The figures, how each is made of samples, and what is wanted of it.

use std::fmt;

use super::ReportError;
use super::samples::Samples;

/// Numbers of callers that the driver measures.
pub const CALLERS: [u32; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// A figure with its goal.
pub struct Goal {
    /// Name in `results.json`.
    pub name: &'static str,
    /// In words.
    pub what: &'static str,
    /// Unit, empty for a ratio.
    pub unit: &'static str,
    /// What is wanted; some figures are there for what they explain.
    pub wanted: Option<Wanted>,
    made_of: MadeOf,
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// Or less.
    AtMost(f64),
    /// Or more.
    AtLeast(f64),
}

use MadeOf::{LowerRatio, Ratio, Sample, Scaling};
use Wanted::{AtLeast, AtMost};

/// Samples of the product and of the bare client, over TLS.
const HTTP1: (&str, &str) = ("tls_h1_product", "tls_h1_raw");
const HTTP2: (&str, &str) = ("tls_h2_product", "tls_h2_raw");

enum MadeOf {
    Sample(&'static str),
    /// The first over the second, round by round.
    Ratio(&'static str, &'static str),
    /// The lower of two ratios.
    LowerRatio([(&'static str, &'static str); 2]),
    /// The lowest of two and more callers, over one caller.
    Scaling,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {most}"),
            Self::AtLeast(least) => write!(f, ">= {least}"),
        }
    }
}

impl Goal {
    /// The figure, round by round.
    pub fn rounds(&self, samples: &Samples) -> Result<Vec<f64>, ReportError> {
        match self.made_of {
            MadeOf::Sample(name) => Ok(samples.get(name)?.to_vec()),
            MadeOf::Ratio(over, under) => ratio(samples, over, under),
            MadeOf::LowerRatio([first, second]) => {
                let first = ratio(samples, first.0, first.1)?;
                let second = ratio(samples, second.0, second.1)?;
                Ok(first
                    .into_iter()
                    .zip(second)
                    .map(|(a, b)| a.min(b))
                    .collect())
            }
            MadeOf::Scaling => {
                let one = samples.get("callers_1")?;
                let mut lowest = vec![f64::INFINITY; one.len()];
                for callers in &CALLERS[1..] {
                    let more = ratio(samples, &format!("callers_{callers}"), "callers_1")?;
                    for (lowest, ratio) in lowest.iter_mut().zip(more) {
                        *lowest = lowest.min(ratio);
                    }
                }
                Ok(lowest)
            }
        }
    }
}

fn ratio(samples: &Samples, over: &str, under: &str) -> Result<Vec<f64>, ReportError> {
    let pairs = samples.get(over)?.iter().zip(samples.get(under)?);
    Ok(pairs.map(|(over, under)| over / under).collect())
}

/// All figures, in the order of the table.
pub fn all() -> Vec<Goal> {
    let mut figures = sessions();
    figures.extend(throughput());
    figures.extend(bounds());
    figures.extend(explanations());
    figures
}

fn figure(
    name: &'static str,
    unit: &'static str,
    wanted: Option<Wanted>,
    made_of: MadeOf,
    what: &'static str,
) -> Goal {
    Goal {
        name,
        what,
        unit,
        wanted,
        made_of,
    }
}

fn sessions() -> Vec<Goal> {
    vec![
        figure(
            "handoff_us_p50",
            "us",
            Some(AtMost(8.0)),
            Sample("handoff_idle_p50"),
            "one push_event, 1,000 a second, median",
        ),
        figure(
            "handoff_us_p99",
            "us",
            Some(AtMost(40.0)),
            Sample("handoff_idle_p99"),
            "the same, 99th percentile",
        ),
        figure(
            "handoff_stalled_ratio",
            "",
            Some(AtMost(1.5)),
            Ratio("handoff_stalled_p50", "handoff_idle_p50"),
            "p50 with an endpoint that never answers and 10,000 pending, over idle",
        ),
        figure(
            "handoff_vs_sync_500ms",
            "",
            Some(AtLeast(10_000.0)),
            Ratio("blocked_sync", "blocked_product"),
            "time blocked by a synchronous pool, over ours, endpoint answers in 500 ms",
        ),
        figure(
            "callers_scaling",
            "",
            Some(AtLeast(1.0)),
            Scaling,
            "hand-offs a second: the lowest of 2 to 256 callers, over one",
        ),
    ]
}

fn throughput() -> Vec<Goal> {
    vec![
        figure(
            "throughput_vs_raw",
            "",
            Some(AtLeast(0.8)),
            Ratio("product_per_second", "raw_per_second"),
            "200 Erlang callers to metrics, over a bare reqwest client",
        ),
        figure(
            "throughput_vs_sync",
            "",
            Some(AtLeast(1.2)),
            Ratio("product_per_second", "sync_per_second"),
            "the same, over the synchronous pool",
        ),
        figure(
            "cpu_vs_sync",
            "",
            Some(AtMost(0.8)),
            Ratio("product_cpu", "sync_cpu"),
            "CPU of the node per notification, over the synchronous pool's",
        ),
        figure(
            "slot_use",
            "",
            Some(AtLeast(0.97)),
            Ratio("slot_product", "slot_raw"),
            "endpoint that takes 10 ms: over the bare client",
        ),
        figure(
            "engine_vs_raw",
            "",
            Some(AtLeast(0.95)),
            Ratio("engine_per_second", "raw_per_second"),
            "the engine driven from Rust, over the bare client",
        ),
        figure(
            "tls_vs_raw",
            "",
            Some(AtLeast(0.8)),
            LowerRatio([HTTP1, HTTP2]),
            "over TLS 1.3, over the bare client: the lower of the next two",
        ),
        figure(
            "tls_vs_raw_http1",
            "",
            Some(AtLeast(0.8)),
            Ratio(HTTP1.0, HTTP1.1),
            "HTTP/1.1",
        ),
        figure(
            "tls_vs_raw_http2",
            "",
            Some(AtLeast(0.8)),
            Ratio(HTTP2.0, HTTP2.1),
            "HTTP/2",
        ),
    ]
}

fn bounds() -> Vec<Goal> {
    vec![
        figure(
            "pending_bytes",
            "B",
            Some(AtMost(400.0)),
            Sample("pending_bytes"),
            "memory per pending notification beyond its text, each of another sender",
        ),
        figure(
            "senders_100k_vs_100",
            "",
            Some(AtLeast(0.9)),
            Ratio("senders_100k", "senders_100"),
            "100,000 senders over 100",
        ),
        figure(
            "pools_1000_vs_1",
            "",
            Some(AtLeast(0.7)),
            Ratio("pools_1000", "pools_1"),
            "1,000 pools of one worker over one pool of 1,000",
        ),
        figure(
            "pools_1000_threads",
            "",
            Some(AtMost(1.0)),
            Ratio("threads_1000_pools", "threads_1_pool"),
            "threads of the node with 1,000 pools, over one pool",
        ),
    ]
}

fn explanations() -> Vec<Goal> {
    vec![
        figure(
            "wake_us_p50",
            "us",
            None,
            Sample("wake_p50"),
            "what waking a thread costs, 1,000 a second: the kernel's part of a hand-off",
        ),
        figure(
            "wake_us_p99",
            "us",
            None,
            Sample("wake_p99"),
            "the same, 99th percentile",
        ),
        figure(
            "handoff_cast_us_p50",
            "us",
            None,
            Sample("handoff_cast_p50"),
            "the same callbacks and one message to a process that drops it: any hand-over in Erlang",
        ),
        figure(
            "handoff_cast_us_p99",
            "us",
            None,
            Sample("handoff_cast_p99"),
            "the same, 99th percentile",
        ),
        figure(
            "handoff_vs_cast",
            "",
            None,
            Ratio("handoff_idle_p50", "handoff_cast_p50"),
            "one push_event over that, median",
        ),
        figure(
            "handoff_stalled_us_p50",
            "us",
            None,
            Sample("handoff_stalled_p50"),
            "one push_event where nobody has to be woken, 1,000 a second",
        ),
        figure(
            "hyper_vs_reqwest",
            "",
            None,
            Ratio("hyper_per_second", "raw_per_second"),
            "bare hyper over bare reqwest",
        ),
        figure(
            "engine_vs_hyper",
            "",
            None,
            Ratio("engine_per_second", "hyper_per_second"),
            "the engine over bare hyper",
        ),
        figure(
            "slot_use_sync",
            "",
            None,
            Ratio("slot_sync", "slot_raw"),
            "endpoint that takes 10 ms: the synchronous pool over the bare client",
        ),
        figure(
            "cpu_per_100k",
            "s",
            None,
            Sample("product_cpu"),
            "CPU seconds of the node per 100,000 notifications",
        ),
        figure(
            "per_second",
            "/s",
            None,
            Sample("product_per_second"),
            "notifications a second, from 200 callers to metrics",
        ),
    ]
}
