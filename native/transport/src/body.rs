//! The body of a response, over HTTP/1.1 or HTTP/2, which is read for the connection's sake alone.

use hyper::body::{Body as _, Incoming};

use super::http2;

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    /// Over HTTP/1.1.
    Http1(Incoming),
    /// Over HTTP/2.
    Http2(http2::Body),
}

/// What became of a response body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Read to its end, or given up without harm to the connection.
    Whole,
    /// Not read to its end: the connection cannot be used again.
    Cut,
}

impl Body {
    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }
}
