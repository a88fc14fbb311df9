//! The task of one connection. It moves the bytes, pings a silent peer, and ends the connection when
//! the connection is too old, has idled for too long, or was given up.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use h2::client::Connection;
use h2::{Ping, PingPong};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::Room;
use super::heard::Heard;
use super::payload::Payload;
use super::streams::{BEFORE_SETTINGS, End, State};
use crate::error::AttemptError;
use crate::lifetimes::Lifetimes;

/// Drives one connection until it is over.
pub(super) struct Driver<S: AsyncRead + AsyncWrite + Unpin> {
    connection: Connection<Heard<S>, Payload>,
    state: Arc<State>,
    lifetimes: Lifetimes,
    room: Arc<watch::Sender<Room>>,
    pings: Option<PingPong>,
    /// When the ping was sent that has no answer yet.
    asked: Option<Instant>,
    since: Instant,
    too_old_at: Option<Instant>,
    /// The peer's latest limit on streams; `None` before it has sent any settings.
    most: Option<usize>,
}

/// RAII guard: however the driver ends, even by a panic, no request may wait for a connection without a
/// driver.
impl<S: AsyncRead + AsyncWrite + Unpin> Drop for Driver<S> {
    fn drop(&mut self) {
        self.state.end(End::Closed);
        self.state.take_sender();
    }
}

enum Event {
    /// The connection is over.
    Over,
    /// The state has changed.
    Changed,
    /// A deadline may have passed.
    Time,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(
        mut connection: Connection<Heard<S>, Payload>,
        state: Arc<State>,
        lifetimes: Lifetimes,
        room: Arc<watch::Sender<Room>>,
    ) -> Self {
        let now = Instant::now();
        Self {
            pings: connection.ping_pong(),
            connection,
            state,
            too_old_at: lifetimes.too_old_at(now),
            lifetimes,
            room,
            asked: None,
            since: now,
            most: None,
        }
    }

    /// Runs until the connection is over. Requests that are still on it then fail.
    pub(super) async fn run(mut self) {
        let state = Arc::clone(&self.state);
        loop {
            let mut time = pin!(sleep_until(self.next()));
            let event = tokio::select! {
                biased;
                () = poll_fn(|cx| self.poll(cx)) => Event::Over,
                () = state.changed.notified() => Event::Changed,
                () = &mut time => Event::Time,
            };
            match event {
                Event::Over => break,
                Event::Changed => {}
                Event::Time => {
                    if self.is_silent() {
                        break;
                    }
                    self.look_at_the_clock();
                }
            }
            if state.idle_since().is_none() {
                continue;
            }
            match state.ended() {
                None => {}
                Some(End::Leave) => {
                    state.take_sender();
                    // A peer that does not read cannot receive our GOAWAY; it sees the connection
                    // close.
                    let _ = timeout(self.lifetimes.farewell, &mut self.connection).await;
                    break;
                }
                Some(End::GivenUp | End::Closed) => break,
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let over = Pin::new(&mut self.connection).poll(cx);
        let most = self.connection.max_concurrent_send_streams();
        // The settings are the first frame of a peer, so once we have heard from it, the limit is the
        // peer's own.
        if self.most != Some(most) && (most != BEFORE_SETTINGS || self.state.heard().is_some()) {
            self.most = Some(most);
            self.state.set_most(most);
            self.room
                .send_if_modified(|room| room.replace(most) != Some(most));
        }
        over.map(|_| ())
    }

    /// When to check the deadlines again.
    fn next(&self) -> Instant {
        let now = Instant::now();
        let silence = match self.asked {
            Some(asked) => asked + self.lifetimes.ping_timeout,
            None => self.heard() + self.lifetimes.ping_after,
        };
        let idle = self.state.idle_since().unwrap_or(now) + self.lifetimes.max_idle;
        let next = silence.min(idle);
        match self.too_old_at {
            Some(at) if self.state.is_open() => next.min(at),
            _ => next,
        }
    }

    fn heard(&self) -> Instant {
        self.state.heard().unwrap_or(self.since)
    }

    /// Whether the peer has left a ping unanswered. Sends a ping if one is due.
    fn is_silent(&mut self) -> bool {
        let now = Instant::now();
        let heard = self.heard();
        if let Some(asked) = self.asked {
            if heard < asked && now >= asked + self.lifetimes.ping_timeout {
                let text = format!(
                    "the connection was silent: no answer to a PING within {} ms",
                    self.lifetimes.ping_timeout.as_millis()
                );
                let _ = self.state.why.set(AttemptError::broken(text));
                return true;
            }
            if heard >= asked {
                self.asked = None;
            }
        }
        if self.asked.is_none() && now >= heard + self.lifetimes.ping_after {
            self.ask(now);
        }
        false
    }

    fn ask(&mut self, now: Instant) {
        self.asked = Some(now);
        if let Some(pings) = &mut self.pings {
            // Consume the answer to the previous ping, in case other bytes counted as the sign of life.
            let _ = pings.poll_pong(&mut Context::from_waker(Waker::noop()));
            // If the previous ping has no answer yet, sending fails; then any byte from the peer will
            // do.
            let _ = pings.send_ping(Ping::opaque());
        }
    }

    fn look_at_the_clock(&self) {
        let now = Instant::now();
        let too_old = self.too_old_at.is_some_and(|at| now >= at);
        let idle = self.state.idle_since();
        if too_old || idle.is_some_and(|since| now >= since + self.lifetimes.max_idle) {
            self.state.end(End::Leave);
        }
    }
}
