//! What the endpoint sees of the engine's order: of everything if nothing goes wrong, and of first arrivals
//! where deliveries are tried again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use engine::settings::PoolOptions;
use support::{Bench, End, FOR_EVER, Seen, options, test_endpoint, until};
use test_endpoint::{EndpointConfig, Record};

/// Without faults the endpoint sees what the engine starts: each lane in its order, one at a time,
/// never more than `workers` of all.
#[test]
fn lanes_keep_their_order() {
    const LANES: usize = 37;
    const EACH: usize = 60;
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig {
        plan: "fault=stall-before-head".parse().unwrap(),
        ..EndpointConfig::default()
    });
    let pool = bench.pool(PoolOptions {
        workers: 8,
        ..options(endpoint.url(""))
    });
    let handler = bench.handler("/n");
    // A walk that comes by every lane in no order to speak of.
    let mut step: usize = 11;
    let mut next = [0_usize; LANES];
    while next.iter().sum::<usize>() < LANES * EACH {
        step = step * 75 % 65_537;
        let lane = step % LANES;
        if next[lane] < EACH {
            let (sender, text) = (format!("{lane}"), next[lane].to_string());
            bench
                .push_text(pool, &handler, &sender, text.as_bytes())
                .unwrap();
            next[lane] += 1;
        }
    }
    until("they do not wait for one another", || {
        endpoint.stats().in_flight == 8
    });
    endpoint
        .set_plan("delay=0-4 seed=3".parse().unwrap())
        .unwrap();
    endpoint.release();
    let seen = bench.outcomes(LANES * EACH);
    let stats = endpoint.stats();
    assert_eq!(stats.max_in_flight, 8, "{stats:?}");
    let records: Vec<Vec<(String, String)>> = endpoint.records().iter().map(Record::form).collect();
    let field = |form: &[(String, String)], name: &str| {
        let found = form.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.clone()).unwrap()
    };
    for lane in 0..LANES {
        let mine = |sender: &str| sender == lane.to_string();
        let wanted: Vec<String> = (0..EACH).map(|n| n.to_string()).collect();
        let got: Vec<String> = records
            .iter()
            .filter(|form| mine(&field(form, "author")))
            .map(|form| field(form, "message"))
            .collect();
        assert_eq!(got, wanted, "lane {lane} at the endpoint");
        let ended = seen.iter().filter(|seen| mine(&seen.sender));
        assert!(
            ended
                .zip(&wanted)
                .all(|(seen, n)| seen.text.ends_with(format!("message={n}").as_bytes())),
            "lane {lane} at the reporter"
        );
    }
    bench.assert_conserved();
}

/// Half of all requests fail, in several ways. Everything arrives, and each lane's notifications arrive for
/// the first time in the order in which they were handed over.
#[test]
fn lanes_keep_their_order_across_attempts() {
    const LANES: usize = 37;
    const EACH: usize = 20;
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig {
        plan: "mix seed=5 | 50 status=200 | 20 status=503 | 10 status=429 header=retry-after:0 | \
               10 fault=close-before-head | 10 fault=reset-before-head"
            .parse()
            .unwrap(),
        ..EndpointConfig::default()
    });
    let pool = bench.pool(PoolOptions {
        workers: 8,
        ..options(endpoint.url(""))
    });
    let handler = bench.patient("/n", Duration::from_millis(20), FOR_EVER);
    for n in 0..EACH {
        for lane in 0..LANES {
            let text = format!("{lane}.{n}");
            bench
                .push_text(pool, &handler, &lane.to_string(), text.as_bytes())
                .unwrap();
        }
    }
    let seen = bench.outcomes(LANES * EACH);
    let sent = |seen: &&Seen| matches!(seen.end, End::Sent { status: 200, .. });
    let poisoned = seen.iter().filter(|seen| !sent(seen)).count();
    assert!(poisoned < LANES * EACH / 20, "{poisoned} given up");
    let mut arrived: Vec<String> = Vec::new();
    for record in endpoint.records() {
        let form = record.form();
        let (_, text) = form.iter().find(|(field, _)| field == "message").unwrap();
        if !arrived.contains(text) {
            arrived.push(text.clone());
        }
    }
    assert_eq!(arrived.len(), LANES * EACH);
    for lane in 0..LANES {
        let lane = format!("{lane}.");
        let mine = arrived.iter().filter(|text| text.starts_with(&lane));
        let numbers: Vec<usize> = mine
            .map(|text| text[lane.len()..].parse().unwrap())
            .collect();
        assert_eq!(numbers, (0..EACH).collect::<Vec<_>>(), "lane {lane}");
    }
    bench.assert_conserved();
}
