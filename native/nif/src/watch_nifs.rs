//! Data for monitoring: the present state of each pool, and the metrics by pool name.
//!
//! Both visit every pool, and the lanes of those in which something waits, so they run on a dirty
//! scheduler. Settings are shown without secrets: of TLS, only whether it is used.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use engine::metrics::PoolMetrics;
use engine::pool::Pool;
use engine::report::counters::LastFailure;
use engine::report::wait_histogram::{BOUNDS, WaitHistogramSnapshot};
use engine::settings::PoolSettings;
use notification::{PoolId, RejectReason};
use queue::WhenBusy;
use rustler::{Atom, Encoder, Env, NifMap, Term};

use crate::ids::Id;
use crate::{ENGINE, atoms};

/// One incarnation of a pool.
#[derive(NifMap)]
struct PoolInfo<'a> {
    id: Id<PoolId>,
    name: String,
    phase: Atom,
    closing: bool,
    accepted: u64,
    rejected: u64,
    sent: u64,
    failed: u64,
    waiting: u64,
    postponed: u64,
    in_flight: u64,
    pending: usize,
    pending_bytes: usize,
    workers: u64,
    parked: u64,
    oldest_waiting: Term<'a>,
    settings: Term<'a>,
    defect: Term<'a>,
}

/// The settings of an open pool.
#[derive(NifMap)]
struct SettingsInfo<'a> {
    host: String,
    path_prefix: String,
    workers: usize,
    when_busy: Term<'a>,
    max_waiting: Term<'a>,
    request_timeout: u64,
    call_timeout: u64,
    http2: bool,
    tls: bool,
}

/// The metrics of the pools of one name.
#[derive(NifMap)]
struct MetricsInfo<'a> {
    name: String,
    waiting: u64,
    postponed: u64,
    limited: u64,
    in_flight: u64,
    pending: usize,
    pending_bytes: usize,
    workers: usize,
    oldest_waiting: Term<'a>,
    sent: u64,
    failed: u64,
    retries: u64,
    outages: u64,
    endpoints: Vec<Term<'a>>,
    rejected: Vec<Term<'a>>,
    queue_time: Term<'a>,
    last_failure: Term<'a>,
}

#[rustler::nif(schedule = "DirtyCpu")]
fn pools(env: Env<'_>) -> Vec<PoolInfo<'_>> {
    // In this order: a pool that is created in between is in neither list, and no open pool counts as
    // closing.
    let pools = ENGINE.living_pools();
    let open: HashSet<PoolId> = ENGINE.pools().iter().map(|pool| pool.id).collect();
    pools
        .iter()
        .map(|pool| pool_info(env, pool, !open.contains(&pool.id)))
        .collect()
}

fn pool_info<'a>(env: Env<'a>, pool: &Pool, closing: bool) -> PoolInfo<'a> {
    let counts = pool.counts();
    PoolInfo {
        id: Id(pool.id),
        name: pool.name.to_string(),
        phase: atoms::atom(env, pool.phase()),
        closing,
        accepted: counts.queue.accepted,
        rejected: counts.rejected,
        sent: counts.queue.sent,
        failed: counts.queue.failed,
        waiting: counts.queue.waiting,
        postponed: counts.queue.postponed,
        in_flight: counts.queue.in_flight,
        pending: counts.pending,
        pending_bytes: counts.pending_bytes,
        workers: counts.queue.workers,
        parked: counts.queue.parked,
        oldest_waiting: age(env, pool.oldest_waiting().map(|since| since.elapsed())),
        settings: or_undefined(env, pool.settings().map(|told| settings(env, &told))),
        defect: or_undefined(env, pool.defect().as_deref()),
    }
}

fn settings<'a>(env: Env<'a>, settings: &PoolSettings) -> SettingsInfo<'a> {
    let scheme = if settings.base.https { "https" } else { "http" };
    SettingsInfo {
        host: format!("{scheme}://{}", settings.base.authority()),
        path_prefix: settings.path_prefix.clone(),
        workers: settings.workers.get(),
        when_busy: match settings.when_busy {
            WhenBusy::Wait => atoms::wait(),
            WhenBusy::Reject => atoms::reject(),
        }
        .encode(env),
        max_waiting: or_undefined(env, settings.max_waiting),
        request_timeout: millis(settings.request_timeout),
        call_timeout: millis(settings.call_timeout),
        http2: settings.http2,
        tls: settings.tls.is_some(),
    }
}

/// Counters and gauges of every pool name, and rejections by host type, `pool_name` and reason.
#[rustler::nif(schedule = "DirtyCpu")]
fn metrics(env: Env<'_>) -> (Vec<MetricsInfo<'_>>, Vec<Term<'_>>) {
    let metrics = ENGINE.metrics();
    let pools = metrics
        .iter()
        .map(|(name, metrics)| metrics_info(env, name, metrics))
        .collect();
    (pools, rejected_by_handler(env))
}

fn metrics_info<'a>(env: Env<'a>, name: &str, metrics: &PoolMetrics) -> MetricsInfo<'a> {
    let counters = &metrics.counters;
    MetricsInfo {
        name: name.to_owned(),
        waiting: metrics.waiting,
        postponed: metrics.postponed,
        limited: metrics.limited,
        in_flight: metrics.in_flight,
        pending: metrics.pending,
        pending_bytes: metrics.pending_bytes,
        workers: metrics.workers,
        oldest_waiting: age(env, metrics.oldest_waiting.map(|since| since.elapsed())),
        sent: counters.sent(),
        failed: counters.failed(),
        retries: counters.retries(),
        outages: counters.outages(),
        endpoints: endpoints(env, metrics),
        rejected: by_reason(env, counters.rejected.list()),
        queue_time: queue_time(env, &counters.queue_time.read()),
        last_failure: or_undefined(env, counters.last_failure().map(|last| failure(env, &last))),
    }
}

/// The URL, for how long the endpoint has been down, and how many notifications for it have no outcome.
fn endpoints<'a>(env: Env<'a>, metrics: &PoolMetrics) -> Vec<Term<'a>> {
    metrics
        .endpoints
        .iter()
        .map(|(url, endpoint)| {
            let down = age(env, endpoint.down_since.map(|since| since.elapsed()));
            (url, down, endpoint.pending).encode(env)
        })
        .collect()
}

fn by_reason(env: Env<'_>, counts: impl IntoIterator<Item = (RejectReason, u64)>) -> Vec<Term<'_>> {
    counts
        .into_iter()
        .map(|(reason, count)| (atoms::word(env, reason.as_str()), count).encode(env))
        .collect()
}

/// Rejections of all handlers with the same host type and `pool_name`, whatever their paths.
fn rejected_by_handler(env: Env<'_>) -> Vec<Term<'_>> {
    let mut rows: BTreeMap<_, u64> = BTreeMap::new();
    let handlers = ENGINE.handlers();
    for handler in &handlers {
        for (reason, count) in handler.rejected.list() {
            let key = (
                &*handler.host_type.name,
                &*handler.pool_name,
                reason.as_str(),
            );
            *rows.entry(key).or_default() += count;
        }
    }
    rows.into_iter()
        .map(|((host_type, pool_name, reason), count)| {
            (host_type, pool_name, atoms::word(env, reason), count).encode(env)
        })
        .collect()
}

/// The counts with the upper ends of their ranges, the sum and the longest time, in microseconds.
fn queue_time<'a>(env: Env<'a>, times: &WaitHistogramSnapshot) -> Term<'a> {
    let ends = BOUNDS
        .iter()
        .map(|bound| u64::try_from(bound.as_micros()).unwrap_or(u64::MAX));
    let ends = ends
        .map(|end| end.encode(env))
        .chain([atoms::infinity().encode(env)]);
    let ranges: Vec<_> = ends.zip(times.counts).collect();
    (ranges, times.micros, times.longest).encode(env)
}

fn failure<'a>(env: Env<'a>, last: &LastFailure) -> Term<'a> {
    let reason = atoms::word(env, last.reason.as_str());
    (
        age(env, Some(last.at.elapsed())),
        reason,
        &*last.text,
        last.attempts,
    )
        .encode(env)
}

/// Milliseconds, or `undefined`.
fn age(env: Env<'_>, age: Option<Duration>) -> Term<'_> {
    or_undefined(env, age.map(millis))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn or_undefined(env: Env<'_>, value: Option<impl Encoder>) -> Term<'_> {
    value.map_or_else(|| atoms::undefined().encode(env), |value| value.encode(env))
}
