//! The peer accepts fewer streams than there are workers.

use std::thread::sleep;
use std::time::Duration;

use engine::settings::PoolOptions;

use super::{assert_answered, endpoint};
use crate::support::{BOUND, Bench, End, millis, pool_at, until};

/// Five streams for fifty workers: what has no stream waits in the queue, under `call_timeout`.
#[test]
fn waiting_for_a_stream_is_waiting() {
    const COUNT: u64 = 200;
    const STREAMS: u64 = 5;
    let bench = Bench::new();
    let endpoint = endpoint(u32::try_from(STREAMS).unwrap());
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 50,
        request_timeout: millis(BOUND),
        call_timeout: millis(2 * BOUND),
        ..options
    });
    endpoint
        .set_plan("fault=stall-before-head".parse().unwrap())
        .unwrap();
    for n in 0..COUNT {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    until("all streams are taken", || {
        endpoint.stats().in_flight == STREAMS && bench.counts(pool).queue.in_flight == STREAMS
    });
    // Time for one more to come, if it could.
    sleep(Duration::from_millis(300));
    let counts = bench.counts(pool).queue;
    assert_eq!(
        (counts.in_flight, counts.waiting),
        (STREAMS, COUNT - STREAMS),
        "{counts:?}"
    );
    assert_eq!(endpoint.stats().begun, STREAMS);
    let metrics = bench.engine.metrics();
    let slots: Vec<_> = metrics.values().map(|pool| pool.workers as u64).collect();
    assert_eq!(slots, [STREAMS]);
    endpoint.reset_plans().unwrap();
    endpoint.release();
    for seen in bench.outcomes(usize::try_from(COUNT).unwrap()) {
        assert_answered(&seen.end, 200);
    }
    let stats = endpoint.stats();
    assert_eq!((stats.begun, stats.max_in_flight), (COUNT, STREAMS));
    bench.assert_conserved();
}

/// A request that waits for a stream does not use up its `request_timeout`.
#[test]
fn few_streams_and_slow_answers() {
    let in_time = [500, 2_000, 5_000].into_iter().any(few_streams);
    assert!(in_time, "requests ended while they waited each time");
}

/// Returns false if the machine took ten times longer than such an answer does, in milliseconds.
fn few_streams(delay: u64) -> bool {
    let bench = Bench::new();
    let endpoint = endpoint(2);
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 40,
        // Ten times what an answer takes, and half of what all take together.
        request_timeout: 10 * delay,
        call_timeout: millis(2 * BOUND),
        ..options
    });
    let plan = format!("delay={delay}");
    endpoint.set_plan(plan.parse().unwrap()).unwrap();
    for n in 0..40 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    for seen in bench.outcomes(40) {
        if let End::Failed {
            reason: "request_timeout",
            ..
        } = seen.end
        {
            return false;
        }
        assert_answered(&seen.end, 200);
    }
    let stats = endpoint.stats();
    assert_eq!(stats.begun, 40);
    assert!(stats.max_in_flight <= 2, "{stats:?}");
    bench.assert_conserved();
    true
}

/// A request that gets no stream ends after `call_timeout`, and its reason says so. The first request has the stream
/// until its time ends, which is that of the others too; the second one, which may wait for longer, has it from then on.
#[test]
fn no_stream_within_call_timeout() {
    let bench = Bench::new();
    let endpoint = endpoint(1);
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 10,
        request_timeout: millis(BOUND),
        call_timeout: 4_000,
        ..options
    });
    assert_answered(&bench.deliver(pool, "warm").0, 200);
    endpoint
        .set_plan("fault=stall-before-head".parse().unwrap())
        .unwrap();
    bench.push(pool, "first").unwrap();
    let second = bench.patient("/n", Duration::from_millis(20), 2 * BOUND);
    bench.push_text(pool, &second, "second", b"hello").unwrap();
    for n in 0..9 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    let mut begun = 0;
    for seen in bench.outcomes(11).split_off(1) {
        let End::Failed { reason, text, .. } = seen.end else {
            panic!("{seen:?}");
        };
        assert_eq!(reason, "pool_timeout", "{text}");
        if !text.contains("of 10 workers, of which the endpoint takes 1 at once") {
            assert!(text.contains("no response within"), "{text}");
            begun += 1;
        }
    }
    assert_eq!(begun, 1);
    endpoint.reset_plans().unwrap();
    endpoint.release();
    let seen = bench.outcomes(12).pop().unwrap();
    assert_answered(&seen.end, 200);
    bench.assert_conserved();
}

/// `next_available_worker`: a notification that would have to wait for a stream is rejected, and one
/// that comes before the endpoint has said how many there are is not.
#[test]
fn no_waiting_for_a_stream_where_nothing_may_wait() {
    let bench = Bench::new();
    let endpoint = endpoint(3);
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 10,
        strategy: "next_available_worker".to_owned(),
        request_timeout: millis(BOUND),
        call_timeout: millis(BOUND),
        ..options
    });
    // The endpoint says nothing before all of them are there.
    endpoint
        .set_plan("fault=connect-stall".parse().unwrap())
        .unwrap();
    for n in 0..10 {
        bench.push(pool, &format!("first {n}")).unwrap();
    }
    endpoint.reset_plans().unwrap();
    bench.outcomes(10);
    until("no worker is busy", || {
        let queue = bench.counts(pool).queue;
        queue.in_flight == 0 && queue.workers == queue.parked
    });
    endpoint
        .set_plan("fault=stall-before-head".parse().unwrap())
        .unwrap();
    let taken = (0..10)
        .filter(|n| bench.push(pool, &format!("second {n}")).is_ok())
        .count();
    assert_eq!(taken, 3);
    until("they are there", || endpoint.stats().in_flight == 3);
    endpoint.release();
    for seen in bench.outcomes(13) {
        assert_answered(&seen.end, 200);
    }
}
