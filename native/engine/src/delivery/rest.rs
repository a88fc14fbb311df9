//! The rest of a response after its head, which is read only to keep the connection usable.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use tokio::time::Instant;
use transport::link::{Body, Link};

use super::Timer;

/// The most bytes that are read of a response body.
pub const MAX_BODY: usize = 64 * 1024;

/// What is left of a response.
#[derive(Debug)]
pub struct Rest {
    pub(super) body: Body,
    /// The end of the attempt's `request_timeout`.
    pub(super) deadline: Instant,
}

impl Rest {
    /// Reads it. The link is dropped if that does not succeed. Each time that the rest has not arrived
    /// yet, this calls `given_up`, and ends if that is ready.
    pub async fn read(
        self,
        link: &mut Option<Link>,
        timer: &mut Timer,
        mut given_up: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) {
        let usable = match link {
            None => false,
            Some(link) => {
                let drained = pin!(link.drain(self.body, MAX_BODY));
                let mut rest = pin!(timer.bound(self.deadline, drained));
                poll_fn(|cx| {
                    let read = rest.as_mut().poll(cx);
                    if read.is_pending() && given_up(cx).is_ready() {
                        return Poll::Ready(false);
                    }
                    read.map(|read| read == Some(true))
                })
                .await
            }
        };
        if !usable {
            *link = None;
        }
    }
}
