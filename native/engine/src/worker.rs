//! A worker: one of the `workers` of a pool, with at most one request in flight and a connection of
//! its own.
//!
//! It delivers what the queue gives it until there is nothing, then parks with its connection and
//! watches it. Not here: how one notification is delivered (`delivery`).

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use futures_util::FutureExt;
use futures_util::future::poll_fn;
use parking_lot::Mutex;

use crate::pool::Pool;
use crate::pool::in_flight::InFlight;
use crate::queue::core::Turn;
use crate::report::reason::Reason;
use crate::transport::link::Link;
use crate::{delivery, faults};

/// How long a parked worker keeps its connection.
pub const IDLE_AT_MOST: Duration = Duration::from_mins(1);

/// What others see of a worker: a bell, and a way to cancel what it does.
#[derive(Debug, Default)]
pub struct Cell {
    woken: AtomicBool,
    waker: AtomicWaker,
    busy: Mutex<Option<Busy>>,
    cancelled: AtomicBool,
}

#[derive(Debug)]
struct Busy {
    group: u32,
    cancelled: Option<Reason>,
}

impl Cell {
    /// Ends the worker's park.
    pub fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Cancels the request in flight, if it belongs to `group`.
    pub fn cancel(&self, group: Option<u32>, reason: Reason) {
        let mut busy = self.busy.lock();
        if let Some(busy) = busy
            .as_mut()
            .filter(|busy| group.is_none_or(|group| group == busy.group))
        {
            busy.cancelled = Some(reason);
            self.cancelled.store(true, Ordering::Release);
            self.waker.wake();
        }
    }

    /// A request of `group` begins. Called under the queue's lock, in the step that takes its
    /// notification: whoever then looks for what to cancel finds it either waiting or here.
    pub fn begin(&self, group: u32) {
        let mut busy = self.busy.lock();
        *busy = Some(Busy {
            group,
            cancelled: None,
        });
        // With the lock held, or a cancellation in between would be forgotten.
        self.cancelled.store(false, Ordering::Release);
    }

    /// It is over.
    pub fn end(&self) {
        *self.busy.lock() = None;
    }

    /// Why the present request is cancelled, if it is; otherwise `cx` is woken when it is.
    pub fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<Reason> {
        self.waker.register(cx.waker());
        if !self.cancelled.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        let reason = self.busy.lock().as_ref().and_then(|busy| busy.cancelled);
        reason.map_or(Poll::Pending, Poll::Ready)
    }
}

/// A worker's place in its pool. It is given back when this is dropped, however that comes about.
#[derive(Debug)]
pub struct Seat {
    pub(crate) pool: Arc<Pool>,
    pub(crate) cell: Arc<Cell>,
    left: bool,
}

impl Seat {
    /// A seat that the queue has already counted.
    pub fn new(pool: Arc<Pool>, cell: Arc<Cell>) -> Self {
        Self {
            pool,
            cell,
            left: false,
        }
    }

    fn take_or_park(&mut self) -> Turn<InFlight> {
        let turn = {
            let mut core = self.pool.core();
            let turn = core.take_or_park(Arc::clone(&self.cell));
            if let Turn::Work(taken) = &turn {
                self.cell.begin(taken.item.group());
            }
            turn
        };
        match turn {
            Turn::Work(taken) => Turn::Work(self.pool.in_flight(taken)),
            Turn::Parked => Turn::Parked,
            Turn::Leave => {
                self.left = true;
                Turn::Leave
            }
        }
    }

    /// Leaves the park for good; false where somebody has woken this worker meanwhile.
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
        // A runtime that ends drops its tasks and takes no new ones; a panic leaves it running.
        if std::thread::panicking() {
            self.pool.follow(step);
        }
    }
}

/// The life of a worker.
pub async fn run(mut seat: Seat) {
    let mut link: Option<Link> = None;
    loop {
        faults::point("look");
        match seat.take_or_park() {
            Turn::Work(first) => {
                let mut next = Some(first);
                while let Some(job) = next {
                    next = guarded(&seat, &mut link, job).await;
                }
            }
            Turn::Parked => {
                if !parked(&seat.cell, &mut link).await {
                    if seat.leave_park() {
                        return;
                    }
                    // Somebody has taken this worker out of the park, and his call is on its way. It
                    // is waited for: left behind, it would end the next park, of which the queue
                    // would not know.
                    woken(&seat.cell).await;
                }
            }
            Turn::Leave => return,
        }
    }
}

/// Delivers one notification; a panic in there costs the notification and the connection.
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

/// Waits to be woken, whatever becomes of the connection.
async fn woken(cell: &Cell) {
    poll_fn(|cx| {
        cell.waker.register(cx.waker());
        if cell.woken.swap(false, Ordering::AcqRel) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Waits to be woken. False where there is no reason to stay: no connection, or a long time idle.
async fn parked(cell: &Cell, link: &mut Option<Link>) -> bool {
    let mut idle = pin!(tokio::time::sleep(IDLE_AT_MOST));
    poll_fn(|cx| {
        cell.waker.register(cx.waker());
        if cell.woken.swap(false, Ordering::AcqRel) {
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
