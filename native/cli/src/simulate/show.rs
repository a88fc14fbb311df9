//! What is seen while it runs: on a terminal a table over a progress bar, otherwise now and then a line.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, presets};
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tally::{PoolTally, Tally};
use crate::node::Node;
use crate::output::{WARNING, print_line, styled, visible};

/// How often the table on a terminal is drawn.
const DRAWN_EACH: Duration = Duration::from_millis(200);
/// At most so many lines in a run, and none more often than each second.
const LINES: u32 = 20;
/// At most so many notices are shown; an endpoint that comes and goes would bury all else.
const NOTICES: usize = 50;

/// Shows how it goes.
pub(super) struct Show {
    kind: Kind,
    next: Duration,
    notices: usize,
}

enum Kind {
    Bar(ProgressBar),
    Lines(Duration),
    Nothing,
}

impl Show {
    /// For a run of this length. `quiet` shows nothing.
    pub fn new(length: Duration, quiet: bool) -> Self {
        let kind = if quiet {
            Kind::Nothing
        } else if std::io::stdout().is_terminal() {
            Kind::Bar(bar(length))
        } else {
            Kind::Lines((length / LINES).max(Duration::from_secs(1)))
        };
        Self {
            kind,
            next: Duration::ZERO,
            notices: 0,
        }
    }

    /// Shows the state if it is time to.
    pub fn state(&mut self, at: Duration, node: &Node<'_>, tally: &Tally) {
        if at < self.next {
            return;
        }
        match &self.kind {
            Kind::Bar(bar) => {
                self.next = at + DRAWN_EACH;
                bar.set_message(table(node, tally));
                bar.set_position(u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
            }
            Kind::Lines(each) => {
                if self.next > Duration::ZERO {
                    print_line(&line(at, tally));
                }
                self.next = at + *each;
            }
            Kind::Nothing => {}
        }
    }

    /// Says that all was sent, and for how long what is pending is waited for.
    pub fn sent_all(&mut self, drain: Duration) {
        if let Kind::Bar(bar) = &self.kind {
            let end = Instant::now() + drain;
            let left = move |_: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                let left = end.saturating_duration_since(Instant::now()).as_secs();
                // A line that cannot be written is drawn again soon.
                let _ = write!(out, "waiting up to {left} s for what is pending");
            };
            let style = ProgressStyle::with_template("{msg}\n{left}");
            bar.set_style(
                style
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .with_key("left", left),
            );
        }
    }

    /// Shows what a node would log.
    pub fn notices(&mut self, notices: Vec<String>) {
        for notice in notices {
            self.notices += 1;
            let text = match self.notices.cmp(&NOTICES) {
                std::cmp::Ordering::Less => visible(&notice),
                std::cmp::Ordering::Equal => "no more of these lines are shown".to_owned(),
                std::cmp::Ordering::Greater => continue,
            };
            match &self.kind {
                Kind::Bar(bar) => bar.println(styled(WARNING, &text)),
                Kind::Lines(_) | Kind::Nothing => eprintln!("{text}"),
            }
        }
    }

    /// Removes the table and the bar.
    pub fn end(&self) {
        if let Kind::Bar(bar) = &self.kind {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: Duration) -> ProgressBar {
    let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(millis), ProgressDrawTarget::stdout());
    let style = ProgressStyle::with_template("{msg}\n{wide_bar} {percent} %  {elapsed_precise}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// A line for each pool, and one for all if there are several.
fn table(node: &Node<'_>, tally: &Tally) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([
        "pool",
        "sent",
        "failed",
        "rejected",
        "retried",
        "waiting",
        "in flight",
        "p50",
        "p95",
        "p99",
    ]);
    for (open, pool) in node.pools.iter().zip(&tally.pools) {
        table.add_row(row(&open.name, std::slice::from_ref(pool), &pool.latency));
    }
    if tally.pools.len() > 1 {
        table.add_row(row("all", &tally.pools, &tally.latency));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn row(name: &str, pools: &[PoolTally], latency: &Histogram<u64>) -> Vec<String> {
    let mut cells = vec![visible(name)];
    cells.extend(counts(pools).map(|(_, count)| count.to_string()));
    cells.extend([0.5, 0.95, 0.99].map(|part| quantile(latency, part)));
    cells
}

fn line(at: Duration, tally: &Tally) -> String {
    let mut words = vec![format!("{:>5.0} s", at.as_secs_f64())];
    words.extend(counts(&tally.pools).map(|(name, count)| format!("{name} {count}")));
    let quantiles = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];
    words
        .extend(quantiles.map(|(name, part)| format!("{name} {}", quantile(&tally.latency, part))));
    words.join("  ")
}

fn counts(pools: &[PoolTally]) -> [(&'static str, u64); 6] {
    let sum = |of: &dyn Fn(&PoolTally) -> u64| pools.iter().map(of).sum();
    [
        ("sent", sum(&PoolTally::sent)),
        ("failed", sum(&PoolTally::failed)),
        ("rejected", sum(&PoolTally::rejected)),
        ("retried", sum(&|pool| pool.load.retries)),
        ("waiting", sum(&|pool| pool.load.waiting)),
        ("in flight", sum(&|pool| pool.load.in_flight)),
    ]
}

/// A part of the latencies is not longer; `-` if there is none.
pub(super) fn quantile(latency: &Histogram<u64>, part: f64) -> String {
    if latency.is_empty() {
        return "-".to_owned();
    }
    ms(Duration::from_micros(latency.value_at_quantile(part)))
}

/// Milliseconds, or seconds if there are many.
pub(super) fn ms(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 2.0 => format!("{seconds:.1} s"),
        seconds if seconds >= 0.1 => format!("{:.0} ms", seconds * 1000.0),
        seconds => format!("{:.1} ms", seconds * 1000.0),
    }
}
