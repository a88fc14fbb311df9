//! The body of a request while it is in h2's queue.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Buf, Bytes};

/// Bytes that show whether h2 still holds any part of them.
#[derive(Debug)]
pub(super) struct Payload {
    bytes: Bytes,
    _unsent: Arc<()>,
}

impl Payload {
    /// `unsent` is dropped when h2 is done with the bytes, sent or not.
    pub(super) fn new(bytes: Bytes, unsent: Arc<()>) -> Self {
        Self {
            bytes,
            _unsent: unsent,
        }
    }
}

impl Buf for Payload {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
