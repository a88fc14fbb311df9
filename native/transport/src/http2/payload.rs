//! The body of a request while it is in h2's queue.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, Bytes};

/// What a request knows of its body while h2 has it.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    /// Whether h2 has begun to send the body.
    begun: AtomicBool,
}

impl Unsent {
    /// Whether h2 holds any part of the body. `this` is the request's own.
    pub(super) fn has_body(this: &Arc<Self>) -> bool {
        Arc::strong_count(this) > 1
    }

    /// Whether h2 has begun to send the body, so that the stream is open.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }
}

/// Bytes that show whether h2 still holds any part of them.
#[derive(Debug)]
pub(super) struct Payload {
    bytes: Bytes,
    unsent: Arc<Unsent>,
}

impl Payload {
    /// `unsent` is dropped when h2 is done with the bytes, sent or not.
    pub(super) fn new(bytes: Bytes, unsent: Arc<Unsent>) -> Self {
        Self { bytes, unsent }
    }
}

impl Buf for Payload {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.unsent.begin();
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.unsent.begin();
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.unsent.begin();
        self.bytes.advance(count);
    }
}
