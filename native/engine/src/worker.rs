//! A worker: one of the `workers` of a pool, with at most one request in flight and a connection of its
//! own.
//!
//! It delivers what the queue hands out until there is nothing to deliver, then parks with its
//! connection and watches the connection. The delivery of one notification is in `delivery`.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use notification::fail_point;
use queue::Turn;
use transport::link::Link;

use crate::delivery;
use crate::pool::in_flight::InFlight;
use crate::pool::{Cell, Pool};
use futures_util::FutureExt;
use futures_util::future::poll_fn;

/// RAII guard of a worker's place in its pool: dropping it returns the place, however the worker ends.
#[derive(Debug)]
pub struct Seat {
    pub(crate) pool: Arc<Pool>,
    pub(crate) cell: Arc<Cell>,
    left: bool,
    /// Whether the worker has begun. A worker that has not begun is dropped by a runtime that has
    /// ended, which would drop the replacement in the same way, and so on.
    begun: bool,
}

impl Seat {
    /// Creates the seat of a worker that the queue has already counted.
    pub fn new(pool: Arc<Pool>, cell: Arc<Cell>) -> Self {
        Self {
            pool,
            cell,
            left: false,
            begun: false,
        }
    }

    fn take_or_park(&mut self) -> Turn<InFlight, Arc<Cell>> {
        let turn = {
            let mut core = self.pool.core();
            let turn = core.take_or_park(Arc::clone(&self.cell));
            if let Turn::Work(taken) = &turn {
                self.cell.begin(taken.item.host_type());
            }
            turn
        };
        match turn {
            Turn::Work(taken) => Turn::Work(self.pool.in_flight(taken)),
            Turn::Parked(step) => Turn::Parked(step),
            Turn::Leave => {
                self.left = true;
                Turn::Leave
            }
        }
    }

    /// Leaves the park for good. Returns false if the queue has chosen this worker meanwhile.
    fn leave_park(&mut self) -> bool {
        let cell = &self.cell;
        self.left = self.pool.core().unpark(|other| Arc::ptr_eq(other, cell));
        self.left
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.pool.forget_worker(&self.cell);
        if self.left || self.leave_park() {
            return;
        }
        let step = self.pool.core().lost_worker();
        // A runtime that ends drops its tasks and accepts no new ones; a panic leaves the runtime
        // running.
        if self.begun && std::thread::panicking() {
            self.pool.follow(step);
        }
    }
}

/// Starts a worker that the queue has already counted.
pub(crate) fn start(pool: Arc<Pool>, cell: Arc<Cell>) {
    let handle = pool.handle().clone();
    handle.spawn(run(Seat::new(pool, cell)));
}

/// Runs a worker from its start to its end.
pub async fn run(mut seat: Seat) {
    seat.begun = true;
    let mut link: Option<Link> = None;
    loop {
        fail_point::point("look");
        match seat.take_or_park() {
            Turn::Work(first) => {
                let mut next = Some(first);
                while let Some(job) = next {
                    next = guarded(&seat, &mut link, job).await;
                    // Yield now and then: a hundred thousand notifications that have expired, or whose
                    // URL is invalid, end one after the other without waiting for anything.
                    tokio::task::coop::consume_budget().await;
                }
            }
            Turn::Parked(step) => {
                seat.pool.follow(step);
                if !parked(&seat, &mut link).await {
                    if seat.leave_park() {
                        return;
                    }
                    // The queue has already chosen this worker, so a wake-up is in flight. Wait for it;
                    // otherwise it would end the next park, and the queue would not know.
                    poll_fn(|cx| seat.cell.poll_woken(cx)).await;
                }
            }
            Turn::Leave => return,
        }
    }
}

/// Delivers one notification. A panic during delivery costs only the notification and the connection.
async fn guarded(seat: &Seat, link: &mut Option<Link>, job: InFlight) -> Option<InFlight> {
    let delivery = AssertUnwindSafe(delivery::deliver(&seat.pool, &seat.cell, link, job));
    let next = delivery.catch_unwind().await.unwrap_or_else(|_| {
        *link = None;
        None
    });
    if next.is_none() {
        seat.cell.end();
    }
    next
}

/// Waits for a wake-up. Returns false if there is no reason to stay: no connection, or a long time
/// idle.
async fn parked(seat: &Seat, link: &mut Option<Link>) -> bool {
    let max_idle = seat.pool.opened().map(|opened| opened.endpoint.max_idle());
    let mut idle = pin!(tokio::time::sleep(max_idle.unwrap_or_default()));
    poll_fn(|cx| {
        if seat.cell.poll_woken(cx).is_ready() {
            return Poll::Ready(true);
        }
        if let Some(kept) = link {
            if kept.poll_usable(cx) && idle.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            *link = None;
        }
        Poll::Ready(false)
    })
    .await
}
