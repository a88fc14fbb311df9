//! The body of an answer: whole, or parts as they come.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;

/// A body.
pub(super) enum PageBody {
    /// All of it, until it is taken.
    Whole(Option<Bytes>),
    /// Parts as they come.
    Parts(Receiver<Bytes>),
}

impl PageBody {
    /// All of it.
    pub fn whole(content: Bytes) -> Self {
        Self::Whole(Some(content).filter(|content| !content.is_empty()))
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.get_mut() {
            Self::Whole(content) => Poll::Ready(content.take()),
            Self::Parts(parts) => parts.poll_recv(cx),
        };
        next.map(|part| part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(content) => {
                let bytes = content.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(bytes as u64)
            }
            Self::Parts(_) => SizeHint::default(),
        }
    }
}
