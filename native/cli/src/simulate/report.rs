//! What a run says at its end: whether the endpoint kept up, and how many workers the traffic needs.
//!
//! The number of workers comes from Little's law: the busy workers are, on average, the notifications in a second times the
//! seconds for which each takes one. These seconds are measured (`Load::service`); waiting for a worker is not included.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::show::{ms, quantile};
use super::tally::{PoolTally, Tally};
use crate::node::{Node, OpenPool};
use crate::output::{GOOD, PROBLEM, STRONG, WARNING, styled};
use crate::text::{counted, duration};

/// A run that has ended.
pub(super) struct Report<'a> {
    /// Where it was sent to.
    pub node: &'a Node<'a>,
    /// What came of it.
    pub tally: &'a Tally,
    /// How long it was sent.
    pub length: Duration,
    /// Ninety-nine of a hundred notifications were to take no longer than this.
    pub target: Duration,
    /// What all chance came from.
    pub seed: u64,
    /// By how much the program itself was late, at most.
    pub late: Duration,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// What is left is lost: its spool was in a temporary directory, or it has none.
    pub loses_left: bool,
}

/// How many workers a pool needs.
struct Need {
    /// In a second of the busiest time.
    busiest: f64,
    /// Seconds that a notification takes a worker.
    service: f64,
    /// Workers that are busy then.
    needed: u64,
}

/// An answer that says that the endpoint could not.
fn is_overloaded(status: u16) -> bool {
    status >= 500 || status == 429
}

impl Report<'_> {
    /// Why the endpoint did not keep up; empty if it did.
    fn reasons(&self) -> Vec<String> {
        let tally = self.tally;
        let mut reasons = Vec::new();
        let mut some = |count: u64, what: &str| {
            if count > 0 {
                reasons.push(format!("{count} {what}"));
            }
        };
        some(tally.sum(PoolTally::rejected), "were rejected");
        some(tally.sum(PoolTally::failed), "failed");
        let overloaded = |pool: &PoolTally| {
            let answers = pool.sent.iter();
            answers
                .filter(|(status, _)| is_overloaded(**status))
                .map(|(_, count)| count)
                .sum()
        };
        some(tally.sum(overloaded), "were answered with 429 or 5xx");
        some(tally.sum(PoolTally::left), "were not delivered in time");
        let p99 = Duration::from_micros(tally.latency.value_at_quantile(0.99));
        if p99 > self.target {
            reasons.push(format!(
                "one of a hundred took longer than {} (--target is {})",
                ms(p99),
                duration(self.target)
            ));
        }
        reasons
    }

    /// Whether something was sent, and the endpoint kept up.
    pub fn kept_up(&self) -> bool {
        self.reasons().is_empty() && self.tally.sum(PoolTally::sent) > 0
    }

    /// For people.
    pub fn in_text(&self) -> String {
        let tally = self.tally;
        let mut lines = Vec::new();
        if self.interrupted {
            lines.push(styled(WARNING, "interrupted"));
        }
        lines.push(format!(
            "{} events in {:.0} s made {} notifications: {} sent, {} failed, {} rejected, {} left",
            tally.events,
            self.length.as_secs_f64(),
            tally.sum(PoolTally::accepted_and_rejected),
            tally.sum(PoolTally::sent),
            tally.sum(PoolTally::failed),
            tally.sum(PoolTally::rejected),
            tally.sum(PoolTally::left),
        ));
        for (open, pool) in self.node.pools.iter().zip(&tally.pools) {
            lines.push(String::new());
            lines.extend(pool_lines(open, pool));
        }
        lines.push(String::new());
        lines.extend(self.verdict());
        lines.join("\n")
    }

    fn verdict(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let sent = self.tally.sum(PoolTally::accepted_and_rejected);
        let reasons = self.reasons();
        if sent == 0 {
            let text = "nothing was sent: no handler sends such events; see http-pusher check";
            lines.push(styled(WARNING, text));
        } else if reasons.is_empty() {
            lines.push(styled(GOOD, "the endpoint kept up"));
        } else {
            let text = format!("the endpoint did not keep up: {}", reasons.join(", "));
            lines.push(styled(PROBLEM, &text));
        }
        if self.tally.sum(PoolTally::left) > 0 && self.loses_left {
            lines.push("what is left is gone now; a longer --drain waits for it".to_owned());
        }
        if self.late > Duration::from_secs(1) {
            let text = format!(
                "this program was up to {} late itself: the machine is too slow for this --rate",
                ms(self.late)
            );
            lines.push(styled(WARNING, &text));
        }
        lines
    }

    /// For scripts.
    pub fn in_json(&self) -> Value {
        let tally = self.tally;
        let pools = self.node.pools.iter().zip(&tally.pools);
        let pools: Vec<Value> = pools.map(|(open, pool)| pool_in_json(open, pool)).collect();
        json!({
            "kept_up": self.kept_up(),
            "interrupted": self.interrupted,
            "seed": self.seed,
            "seconds": self.length.as_secs_f64(),
            "late_ms": millis(self.late),
            "events": tally.events,
            "notifications": tally.sum(PoolTally::accepted_and_rejected),
            "accepted": tally.sum(|pool| pool.accepted),
            "sent": tally.sum(PoolTally::sent),
            "statuses": by_key(&tally.all(|pool| &pool.sent)),
            "failed": by_key(&tally.all(|pool| &pool.failed)),
            "rejected": by_key(&tally.all(|pool| &pool.rejected)),
            "left": tally.sum(PoolTally::left),
            "retries": tally.sum(|pool| pool.load.retries),
            "latency_ms": latency_in_json(&tally.latency),
            "pools": pools,
        })
    }
}

fn pool_lines(open: &OpenPool<'_>, pool: &PoolTally) -> Vec<String> {
    let load = &pool.load;
    let need = Need::of(pool);
    let latency = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
        .map(|(name, part)| format!("{name} {}", quantile(&pool.latency, part)));
    let mut lines = vec![
        styled(STRONG, &format!("{} to {}", open.name, open.url)),
        format!(
            "  traffic   {:.1} a second in the busiest time",
            need.busiest
        ),
        format!("  answers   {}", answers(pool)),
        format!(
            "  latency   {} from hand-over to answer",
            latency.join(", ")
        ),
        format!(
            "  waiting   at most {}, the longest for {}",
            load.most_waiting,
            ms(load.longest_wait)
        ),
        format!(
            "  workers   {:.1} of {} busy on average, {} at most",
            mean(load.work, load.busy),
            open.workers,
            load.most_busy
        ),
    ];
    if load.attempts > 0 {
        lines.push(format!(
            "  needed    {}: {:.1} a second, each takes one for {} (Little's law). Set workers = {}, which leaves room \
             for slow answers",
            counted(need.needed, "worker"),
            need.busiest,
            ms(Duration::from_secs_f64(need.service)),
            need.needed * 2
        ));
    }
    if load.full * 2 > load.busy && load.most_waiting > open.workers {
        lines.push(format!(
            "  note      all workers were busy most of the time. If the answers take longer the more requests come at a \
             time, the endpoint itself is the limit: it answered {:.1} a second",
            rate(pool.sent(), load.busy)
        ));
    } else if load.most_waiting > open.workers && load.full.is_zero() {
        lines.push(
            "  note      notifications waited while workers were free: those of one sender go one after the other, and batch and \
             rate make them wait"
                .to_owned(),
        );
    }
    lines
}

/// Counts by status, and what did not go well at once.
fn answers(pool: &PoolTally) -> String {
    let mut words: Vec<String> = named(&pool.sent, "").collect();
    if words.is_empty() {
        words.push("none".to_owned());
    }
    words.extend(named(&pool.failed, "failed with "));
    words.extend(named(&pool.rejected, "rejected with "));
    let others = [
        ("retries", pool.load.retries),
        ("outages", pool.load.outages),
        ("left", pool.left()),
    ];
    let others = others.into_iter().filter(|(_, count)| *count > 0);
    words.extend(others.map(|(what, count)| format!("{what}: {count}")));
    words.join(", ")
}

fn named<K: Display>(counts: &BTreeMap<K, u64>, what: &str) -> impl Iterator<Item = String> {
    counts
        .iter()
        .map(move |(name, count)| format!("{what}{name}: {count}"))
}

fn pool_in_json(open: &OpenPool<'_>, pool: &PoolTally) -> Value {
    let load = &pool.load;
    let need = Need::of(pool);
    json!({
        "pool": open.name,
        "url": open.url,
        "accepted": pool.accepted,
        "sent": pool.sent(),
        "statuses": by_key(&pool.sent),
        "failed": by_key(&pool.failed),
        "rejected": by_key(&pool.rejected),
        "left": pool.left(),
        "retries": load.retries,
        "outages": load.outages,
        "latency_ms": latency_in_json(&pool.latency),
        "most_waiting": load.most_waiting,
        "longest_wait_ms": millis(load.longest_wait),
        "workers": open.workers,
        "busy_workers": mean(load.work, load.busy),
        "most_busy_workers": load.most_busy,
        "per_second": need.busiest,
        "worker_ms": need.service * 1000.0,
        "workers_needed": need.needed,
        "workers_suggested": need.needed * 2,
    })
}

fn latency_in_json(latency: &Histogram<u64>) -> Value {
    let at = |part: f64| {
        let micros = latency.value_at_quantile(part);
        (!latency.is_empty()).then(|| millis(Duration::from_micros(micros)))
    };
    json!({
        "p50": at(0.5),
        "p95": at(0.95),
        "p99": at(0.99),
        "max": at(1.0),
    })
}

fn by_key<K: ToString>(counts: &BTreeMap<K, u64>) -> Value {
    let counts = counts
        .iter()
        .map(|(key, count)| (key.to_string(), Value::from(*count)));
    Value::Object(counts.collect())
}

impl Need {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small positive number"
    )]
    fn of(pool: &PoolTally) -> Self {
        let (busiest, service) = (pool.busiest(), pool.load.service());
        let needed = (busiest * service).ceil() as u64;
        Self {
            busiest,
            service,
            needed: needed.max(u64::from(pool.load.attempts > 0)),
        }
    }
}

fn mean(sum: f64, time: Duration) -> f64 {
    if time.is_zero() {
        0.0
    } else {
        sum / time.as_secs_f64()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(count: u64, time: Duration) -> f64 {
    mean(count as f64, time)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
