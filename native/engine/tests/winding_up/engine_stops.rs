//! The engine stops with work in every phase of a pool.

use std::time::Instant;

use engine::engine::EngineSettings;
use notification::{PushError, RejectReason};

use super::{patient, reason, stalled};
use crate::support::{BOUND, Bench, FOR_EVER, until};

#[test]
fn the_engine_stops_with_work_in_every_phase() {
    let bench = Bench::new();
    let endpoint = stalled();
    let open = bench.pool(patient(&endpoint));
    let opening = bench.engine.create_pool("opening").unwrap();
    let draining = bench.pool(patient(&endpoint));
    let closing = bench.pool(patient(&endpoint));
    let leaving = bench.engine.create_pool("leaving").unwrap();
    let mut pushed = 0;
    for pool in [open, opening, draining, closing, leaving] {
        for n in 0..200 {
            // Lanes of several, so that some wait behind others.
            let text = format!("{pool}/{n}");
            let sender = format!("{pool} {}", n % 50);
            let handler = bench.handler("/n");
            bench
                .push_text(pool, &handler, &sender, text.as_bytes())
                .unwrap();
            pushed += 1;
        }
    }
    bench.engine.drain_pool(draining).unwrap();
    bench.engine.close_pool(closing, FOR_EVER).unwrap();
    bench.engine.close_pool(leaving, FOR_EVER).unwrap();
    until("requests are in flight", || {
        endpoint.stats().in_flight == 12
    });

    // The endpoint never answers and nothing times out: a stop that waited would not come back.
    let begin = Instant::now();
    bench.engine.stop();
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    let seen = bench.outcomes(pushed);
    assert_eq!(seen.len(), pushed);
    let other = seen.iter().find(|seen| reason(seen) != "engine_down");
    assert!(other.is_none(), "{other:?}");
    let mut texts: Vec<_> = seen.iter().map(|seen| &seen.text).collect();
    texts.dedup();
    assert_eq!(texts.len(), pushed, "one outcome each");
    bench.assert_conserved();

    // Down: rejected. Started again: as before.
    let pushed = bench.push(open, "while down");
    assert_eq!(pushed, Err(PushError::Rejected(RejectReason::EngineDown)));
    bench
        .engine
        .start(EngineSettings::default(), |_| {})
        .unwrap();
    endpoint.reset_plans().unwrap();
    let again = bench.pool(patient(&endpoint));
    bench.push(again, "up again").unwrap();
    until("it is sent", || bench.counters().sent == 1);
}
