//! What an endpoint cannot make of the node: a follower of redirects, a keeper of cookies, a holder of
//! memory. Not here: that each fault has the right outcome (`fault_matrix`).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use engine::settings::PoolOptions;
use support::{Bench, End, assert_answered, options, process, test_endpoint};
use test_endpoint::EndpointConfig;

#[test]
fn no_redirect_is_followed() {
    let bench = Bench::new();
    let (endpoint, elsewhere) = (
        test_endpoint(EndpointConfig::default()),
        test_endpoint(EndpointConfig::default()),
    );
    let pool = bench.pool(options(endpoint.url("")));
    let statuses = [300, 301, 302, 303, 305, 307, 308];
    for status in statuses {
        for target in [elsewhere.url("/stolen"), "/stolen".to_owned()] {
            let plan = format!("status={status} header=location:{target}");
            endpoint.set_plan(plan.parse().unwrap()).unwrap();
            let (end, _) = bench.deliver(pool, &format!("{status} {target}"));
            assert_answered(&end, status);
        }
    }
    assert_eq!(elsewhere.stats().connections_accepted, 0);
    let records = endpoint.records();
    assert_eq!(records.len(), 2 * statuses.len(), "one request each");
    assert!(
        records.iter().all(|record| record.path == "/n"),
        "{records:?}"
    );
}

/// Each request has the headers of the first one, whatever the responses ask to be remembered.
#[test]
fn nothing_is_remembered_of_a_response() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.pool(options(endpoint.url("")));
    let plan = "status=200 header=set-cookie:session=1;path=/ header=set-cookie:other=2 \
                header=alt-svc:h2=%22:1%22 header=www-authenticate:Basic \
                header=strict-transport-security:max-age=31536000 header=etag:%221%22";
    for plan in [plan, &plan.replace("status=200", "status=401")] {
        endpoint.set_plan(plan.parse().unwrap()).unwrap();
        let status = if plan.contains("401") { 401 } else { 200 };
        for turn in 0..3 {
            let (end, _) = bench.deliver(pool, &format!("sender {turn} of {status}"));
            assert_answered(&end, status);
        }
        // A connection of its own remembers nothing either.
        endpoint.close_connections();
    }
    let records = endpoint.records();
    assert_eq!(records.len(), 6);
    for record in &records {
        let head = String::from_utf8_lossy(&record.raw_headers).to_lowercase();
        let names: Vec<&str> = head
            .lines()
            .filter_map(|line| line.split(':').next())
            .collect();
        assert_eq!(names, ["host", "content-length", "content-type"], "{head}");
    }
}

/// The most that was resident since the last reset, in KiB.
fn peak() -> u64 {
    process::status("VmHWM")
}

const PIECE: &[u8] = &[b'x'; 16 * 1024];

/// An endpoint that answers with `head` and then with `PIECE` for as long as the client reads. It holds
/// no memory of its own, and sends as much on each connection as the connection can take.
fn endless(head: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let request = stream.read(&mut [0; 1024]).unwrap_or(0);
                let mut taken = request > 0 && stream.write_all(head).is_ok();
                while taken {
                    taken = stream.write_all(PIECE).is_ok();
                }
            });
        }
    });
    url
}

/// Bodies and heads without an end, on every connection of a pool at once.
#[test]
fn memory_is_not_held() {
    const WORKERS: u64 = 40;
    const EACH: usize = 120;
    // What hyper takes of a head before it gives up, and of a body at once, is 408 KiB.
    const MOST: u64 = WORKERS * 512;
    let bench = Bench::new();
    let handler = bench.handler("/n");
    let mut ended = 0;
    for (head, reason) in [
        (
            &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n"[..],
            None,
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n",
            None,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nx-long: ", Some("invalid_response")),
        (
            b"HTTP/1.1 100 Continue\r\nx-long: ",
            Some("invalid_response"),
        ),
        (b"HTTP/1.1 200 ", Some("invalid_response")),
    ] {
        let pool = bench.pool(PoolOptions {
            workers: WORKERS,
            ..options(endless(head))
        });
        process::reset_peak();
        let before = peak();
        for n in 0..EACH {
            bench
                .push_text(pool, &handler, &format!("{n}"), b"hello")
                .unwrap();
        }
        ended += EACH;
        for seen in bench.outcomes(ended).split_off(ended - EACH) {
            match seen.end {
                End::Sent { status: 200, .. } => assert_eq!(reason, None),
                End::Failed { reason: failed, .. } => assert_eq!(reason, Some(failed)),
                other @ End::Sent { .. } => panic!("{other:?}"),
            }
        }
        let grown = peak().saturating_sub(before);
        let head = head.escape_ascii();
        println!("{head}: {grown} KiB more for {WORKERS} connections");
        assert!(grown <= MOST, "{head}: {grown} KiB more");
        bench.engine.close_pool(pool, Duration::ZERO).unwrap();
    }
    bench.assert_conserved();
}
