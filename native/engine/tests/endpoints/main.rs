//! Endpoints that misbehave in ways that only show with more than one request, address or process: names,
//! several addresses, connections that die silently, file descriptors used up, raw bytes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod descriptors;
#[path = "../h2_support/mod.rs"]
mod h2_support;
mod http2_streams;
mod names;
mod raw_bytes;
mod silence;
#[path = "../support/mod.rs"]
mod support;

use support::{End, TooShort, assert_sent};

#[track_caller]
fn assert_failed(end: &End, expected: &str, made: u32) {
    let (reason, attempts, text) = end.failure();
    assert_eq!((reason, attempts), (expected, made), "{text}");
}

/// Sent; or the time was too short for this machine.
#[track_caller]
fn sent_in_time(end: &End) -> Result<(), TooShort> {
    if let End::Failed {
        reason: "request_timeout",
        text,
        ..
    } = end
    {
        return Err(TooShort(text.clone()));
    }
    assert_sent(end);
    Ok(())
}
