//! The body of a response, over HTTP/1.1 or HTTP/2. It is read only so that the connection can be used
//! again.

use hyper::body::{Body as _, Incoming};

use super::http2;

/// A response body that was not read yet.
#[derive(Debug)]
pub enum Body {
    /// A body over HTTP/1.1.
    Http1(Incoming),
    /// A body over HTTP/2.
    Http2(http2::Body),
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
