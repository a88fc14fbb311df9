//! Tests that no row starves another, and that each waiter is listed with its own rejection.
#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use notification::{DeliveryPolicy, HostType, RejectCounters};

use super::*;

const REASON: RejectReason = RejectReason::QueueFull;

fn handlers(count: u32) -> Vec<Arc<Handler>> {
    let host_type = Arc::new(HostType::new(HostTypeId::from(0), "localhost"));
    (0..count)
        .map(|id| {
            Arc::new(Handler {
                id: HandlerId::from(id),
                host_type: Arc::clone(&host_type),
                pool_name: "http_pool".into(),
                path: "/n".into(),
                plan: None,
                policy: DeliveryPolicy::default(),
                on_disk: OnceLock::default(),
                configured: AtomicU64::new(0),
                rejected: RejectCounters::default(),
            })
        })
        .collect()
}

fn add(rejections: &Rejections, handler: &Arc<Handler>, waiter: Option<&str>) -> bool {
    let waiter = waiter.and_then(|token| Waiter::new(token.as_bytes()));
    rejections.add(handler, REASON, b"alice", waiter, String::new)
}

/// Counts a row one by one. Returns the waiters in the order in which they are told.
fn count(rejections: &Rejections, row: &Rejected) -> Vec<String> {
    let mut told = Vec::new();
    for number in 1..=row.count {
        let waiters = row.waiters.iter().filter(|(at, _)| *at == number);
        told.extend(waiters.map(|(_, waiter)| token(waiter)));
        rejections.counted(row.handler.id, row.reason, 1);
    }
    told
}

fn token(waiter: &Waiter) -> String {
    String::from_utf8(waiter.token().to_vec()).unwrap()
}

#[test]
fn rows_that_are_added_to_all_the_time_starve_no_other() {
    let (rejections, handlers) = (Rejections::default(), handlers(600));
    for handler in &handlers {
        add(&rejections, handler, None);
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        let rows = rejections.some(256, 1000);
        for row in &rows {
            add(&rejections, &row.handler, None);
            count(&rejections, row);
            seen.push(row.handler.id);
        }
    }
    seen.truncate(600);
    assert_eq!(seen, (0..600).map(HandlerId::from).collect::<Vec<_>>());
}

#[test]
fn a_waiter_is_listed_with_the_number_of_its_rejection() {
    let (rejections, handlers) = (Rejections::default(), handlers(1));
    for waiter in [None, Some("second"), None, Some("fourth")] {
        assert!(add(&rejections, &handlers[0], waiter));
    }
    let numbers = |rows: &[Rejected]| -> Vec<u64> {
        let waiters = rows.iter().flat_map(|row| &row.waiters);
        waiters.map(|(number, _)| *number).collect()
    };
    assert_eq!(numbers(&rejections.list()), [2, 4]);
    // A reporter that was killed before it could report the second as counted tells it again.
    rejections.counted(handlers[0].id, REASON, 1);
    assert_eq!(numbers(&rejections.list()), [1, 3]);
    rejections.counted(handlers[0].id, REASON, 1);
    assert_eq!(numbers(&rejections.list()), [2]);
    rejections.counted(handlers[0].id, REASON, 2);
    assert!(rejections.list().is_empty());
}

#[test]
fn many_waiters_are_listed_a_few_at_a_time_and_none_is_lost() {
    let (rejections, handlers) = (Rejections::default(), handlers(3));
    for n in 0..5000 {
        add(&rejections, &handlers[n % 3], Some(&n.to_string()));
    }
    let mut told = Vec::new();
    loop {
        let rows = rejections.some(256, 100);
        if rows.is_empty() {
            break;
        }
        assert!(rows.iter().map(|row| row.waiters.len()).sum::<usize>() <= 100);
        for row in &rows {
            told.extend(count(&rejections, row));
        }
    }
    told.sort_by_key(|token| token.parse::<u32>().unwrap());
    assert_eq!(
        told,
        (0..5000).map(|n: u32| n.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn too_many_waiters_are_reported_once() {
    let (rejections, handlers) = (Rejections::default(), handlers(1));
    for _ in 0..WAITERS {
        assert!(add(&rejections, &handlers[0], Some("waits")));
    }
    assert!(!add(&rejections, &handlers[0], Some("turned away")));
    assert!(add(&rejections, &handlers[0], Some("turned away too")));
    let rows = rejections.list();
    assert_eq!(rows[0].waiters.len(), WAITERS);
    assert_eq!(rows[0].count, WAITERS as u64 + 2);
    rejections.counted(handlers[0].id, REASON, rows[0].count);
    for _ in 0..WAITERS {
        assert!(add(&rejections, &handlers[0], Some("waits")));
    }
    assert!(!add(&rejections, &handlers[0], Some("turned away")));
}
