//! What the driver measured, as `results.json`, a Markdown table and one picture.
//!
//! A ratio is made of two samples of the same round, so that whatever else the machine did affects both.
//! A figure is the median of the rounds, with the lowest and the highest beside it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use thiserror::Error;

/// Name in `results.json`, unit (none for a ratio), samples, description.
///
/// The samples are one, or two as `over / under`; of several before the slash the lowest counts.
type Figure = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const FIGURES: [Figure; 44] = [
    ("handoff_us_p50", "us", "handoff_idle_p50", "one push_event, 1,000 a second, median"),
    ("handoff_us_p99", "us", "handoff_idle_p99", "the same, 99th percentile"),
    ("handoff_cast_us_p50", "us", "handoff_cast_p50", "the floor: the same callbacks and one message to a process that drops it, median"),
    ("handoff_cast_us_p99", "us", "handoff_cast_p99", "the same, 99th percentile"),
    ("handoff_vs_cast", "", "handoff_idle_p50 / handoff_cast_p50", "one push_event over the floor, medians"),
    ("handoff_stalled_us_p50", "us", "handoff_stalled_p50", "one push_event that wakes no worker: the endpoint never answers, 10,000 are pending"),
    ("handoff_stalled_ratio", "", "handoff_stalled_p50 / handoff_idle_p50", "the same, over an idle pool"),
    ("handoff_vs_sync_500ms", "", "blocked_sync / blocked_product", "time blocked by the synchronous pool, over this module, if the endpoint takes 500 ms"),
    ("callers_scaling", "", "callers_2 callers_4 callers_8 callers_16 callers_32 callers_64 callers_128 callers_256 / callers_1", "notifications accepted per second: the lowest of 2 to 256 callers, over one"),
    ("per_second", "/s", "product_per_second", "notifications per second, from 200 Erlang callers to the metrics"),
    ("throughput_vs_sync", "", "product_per_second / sync_per_second", "the same, over the synchronous pool"),
    ("throughput_vs_raw", "", "product_per_second / raw_per_second", "the same, over bare reqwest"),
    ("cpu_per_100k", "s", "product_cpu", "CPU seconds of the node per 100,000 notifications"),
    ("cpu_vs_sync", "", "product_cpu / sync_cpu", "the same, over the synchronous pool"),
    ("slot_use", "", "slot_product / slot_raw", "throughput over bare reqwest, if the endpoint takes 10 ms"),
    ("slot_use_sync", "", "slot_sync / slot_raw", "the same for the synchronous pool"),
    ("engine_vs_raw", "", "engine_per_second / raw_per_second", "the engine driven from Rust, over bare reqwest"),
    ("engine_vs_hyper", "", "engine_per_second / hyper_per_second", "the same, over bare hyper"),
    ("hyper_vs_reqwest", "", "hyper_per_second / raw_per_second", "bare hyper over bare reqwest"),
    ("tls_vs_raw_http1", "", "tls_h1_product / tls_h1_raw", "throughput over bare reqwest, both with TLS 1.3 and HTTP/1.1"),
    ("tls_vs_raw_http2", "", "tls_h2_product / tls_h2_raw", "the same with HTTP/2"),
    ("json_handoff_us_p50", "us", "handoff_json_p50", "one push_event for a handler with format json, 1,000 a second, median"),
    ("json_handoff_vs_form", "", "handoff_json_p50 / handoff_form_p50", "the same, over a form"),
    ("json_vs_form", "", "json_per_second / form_per_second", "throughput of JSON over that of forms"),
    ("json_cpu_vs_form", "", "json_cpu / form_cpu", "CPU of the node per notification as JSON, over a form"),
    ("signed_vs_unsigned", "", "signed_per_second / json_per_second", "throughput of JSON with a signature (HMAC-SHA256), over JSON without"),
    ("batch_events_per_second", "/s", "batch_per_second", "events per second as JSON with batch, up to 500 in a request, from 200 Erlang callers to the metrics"),
    ("batch_cpu_per_100k", "s", "batch_cpu", "CPU seconds of the node per 100,000 of them"),
    ("gzip_ratio", "", "gzip_ratio", "a batch of 500 events in JSON, over what is sent with compress = gzip"),
    ("gzip_us_per_event", "us", "gzip_us", "CPU of compressing it, for each event"),
    ("zstd_ratio", "", "zstd_ratio", "the same with compress = zstd"),
    ("zstd_us_per_event", "us", "zstd_us", "CPU of compressing it, for each event"),
    ("at_least_once_handoff_ratio", "", "handoff_at_least_once_p50 / handoff_best_effort_p50", "one push_event for a handler with delivery at_least_once, over best_effort, medians"),
    ("at_least_once_vs_best_effort", "", "at_least_once_per_second / best_effort_per_second", "throughput of at_least_once over best_effort"),
    ("at_least_once_per_second", "/s", "at_least_once_per_second", "notifications per second, on disk until they are delivered"),
    ("at_least_once_cpu_ratio", "", "at_least_once_cpu / best_effort_cpu", "CPU of the node per notification with at_least_once, over best_effort"),
    ("at_least_once_disk_bytes", "B", "at_least_once_bytes", "bytes written to the disk for a notification"),
    ("at_least_once_slowest_commit_ms", "ms", "at_least_once_slowest_commit", "the longest transaction of the last minute"),
    ("pending_bytes", "B", "pending_bytes", "memory per pending notification beyond its text, each of another sender"),
    ("senders_100k_vs_100", "", "senders_100k / senders_100", "throughput with 100,000 senders, over 100"),
    ("pools_1000_vs_1", "", "pools_1000 / pools_1", "throughput of 1,000 pools with one worker each, over one pool with 1,000"),
    ("reporters_share", "", "reporters_share", "how much of the time the busiest reporter runs, 200 Erlang callers"),
    ("cores_scaling", "", "cores_most_product_per_second / cores_1_product_per_second", "throughput of a node on as many cores as the endpoint leaves it, over one core"),
    ("pools_1000_threads", "", "threads_1000_pools / threads_1_pool", "threads of the node with 1,000 pools, over one pool"),
];

const OURS: &str = "#1f6fb4";
const OTHERS: &str = "#a0a6ad";
const BARS: [(&str, &str, &str); 5] = [
    ("Erlang callers, this module", "product_per_second", OURS),
    (
        "Erlang callers, synchronous pool",
        "sync_per_second",
        OTHERS,
    ),
    ("Rust, the engine alone", "engine_per_second", OURS),
    ("Rust, bare reqwest", "raw_per_second", OTHERS),
    ("Rust, bare hyper", "hyper_per_second", OTHERS),
];

type Samples = BTreeMap<String, Vec<f64>>;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The samples cannot be read, or the report cannot be written.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// The samples are not what the driver writes.
    #[error("the samples: {0}")]
    Format(#[from] serde_json::Error),
    /// The driver has not measured this.
    #[error("there is no sample {0}")]
    Missing(String),
}

/// Reads the driver's samples, writes all figures to one file and the picture to another, and prints the table.
pub fn write(samples: &Path, to: &Path, picture_to: &Path) -> Result<(), ReportError> {
    let mut machine: Map<String, Value> = serde_json::from_slice(&std::fs::read(samples)?)?;
    let samples: Samples = serde_json::from_value(machine.remove("samples").unwrap_or_default())?;
    let mut results = Map::new();
    let mut table =
        "| figure | what | median | lowest … highest |\n| --- | --- | --- | --- |\n".to_owned();
    for (name, unit, made_of, what) in FIGURES {
        let [low, value, high] = spread(rounds(&samples, made_of)?).map(rounded);
        let figure =
            json!({"value": value, "lowest": low, "highest": high, "unit": unit, "what": what});
        results.insert(name.to_owned(), figure);
        let median = format!("{value} {unit}");
        let median = median.trim_end();
        let _ = writeln!(table, "| `{name}` | {what} | {median} | {low} … {high} |");
    }
    std::fs::write(picture_to, picture(&samples)?)?;
    results.insert("machine".to_owned(), Value::Object(machine));
    results.insert("samples".to_owned(), json!(samples));
    let results = serde_json::to_string_pretty(&results)? + "\n";
    std::fs::write(to, results)?;
    print!("{table}");
    Ok(())
}

/// A figure, round by round.
fn rounds(samples: &Samples, made_of: &str) -> Result<Vec<f64>, ReportError> {
    let get = |name: &str| match samples.get(name) {
        Some(values) if !values.is_empty() => Ok(values.clone()),
        _ => Err(ReportError::Missing(name.to_owned())),
    };
    let (over, under) = made_of.split_once(" / ").unwrap_or((made_of, ""));
    let mut figure = Vec::new();
    for name in over.split(' ') {
        let values = get(name)?;
        figure.resize(values.len(), f64::INFINITY);
        let pairs = figure.iter().zip(values);
        figure = pairs.map(|(lowest, value)| lowest.min(value)).collect();
    }
    if !under.is_empty() {
        let pairs = figure.iter().zip(get(under)?);
        figure = pairs.map(|(over, under)| over / under).collect();
    }
    Ok(figure)
}

/// Lowest, median and highest; all 0 if there are no values.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    let last = values.len().saturating_sub(1);
    [
        at(0),
        f64::midpoint(at(last / 2), at(last.div_ceil(2))),
        at(last),
    ]
}

/// Three decimals for a small value, one for a large one.
fn rounded(value: f64) -> f64 {
    let scale = if value.abs() < 10.0 { 1000.0 } else { 10.0 };
    (value * scale).round() / scale
}

/// Bars of throughput as SVG: the median, with a line from the lowest to the highest.
fn picture(samples: &Samples) -> Result<String, ReportError> {
    let mut svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="760" height="320" font-family="sans-serif" font-size="14">
<rect width="760" height="320" fill="white"/>
<text x="16" y="30" font-size="18">Notifications per second, 50 connections</text>
"#
    .to_owned();
    let mut bars = Vec::new();
    for (label, name, colour) in BARS {
        bars.push((label, colour, spread(rounds(samples, name)?)));
    }
    let longest = bars
        .iter()
        .map(|(_, _, [_, _, high])| *high)
        .fold(1.0, f64::max);
    let mut top = 50;
    for (label, colour, values) in bars {
        let [low, median, high] = values.map(|value| value / longest * 380.0);
        let (text, middle) = (top + 20, top + 15);
        let _ = writeln!(
            svg,
            r#"<text x="16" y="{text}">{label}</text>
<rect x="270" y="{top}" width="{median:.0}" height="30" fill="{colour}"/>
<line x1="{:.0}" y1="{middle}" x2="{:.0}" y2="{middle}" stroke="black"/>
<text x="{:.0}" y="{text}">{:.0}</text>"#,
            270.0 + low,
            270.0 + high,
            278.0 + high,
            values[1]
        );
        top += 52;
    }
    Ok(svg + "</svg>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Samples {
        let mut samples = Samples::new();
        for (name, values) in [("a", [4.0, 9.0]), ("b", [6.0, 3.0]), ("c", [2.0, 3.0])] {
            samples.insert(name.to_owned(), values.to_vec());
        }
        samples
    }

    #[test]
    fn figures_are_made_round_by_round() {
        let figure = |made_of| rounds(&samples(), made_of).ok();
        assert_eq!(figure("a"), Some(vec![4.0, 9.0]));
        assert_eq!(figure("a / c"), Some(vec![2.0, 3.0]));
        assert_eq!(figure("a b / c"), Some(vec![2.0, 1.0]));
        assert_eq!(figure("a / d"), None);
    }

    #[test]
    fn the_median_is_between_the_lowest_and_the_highest() {
        for (values, expected) in [
            (vec![5.0, 1.0, 2.0], [1.0, 2.0, 5.0]),
            (vec![4.0, 1.0, 2.0, 9.0], [1.0, 3.0, 9.0]),
            (vec![7.0], [7.0; 3]),
        ] {
            assert_eq!(spread(values).map(f64::to_bits), expected.map(f64::to_bits));
        }
    }
}
