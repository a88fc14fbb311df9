//! A queue whose consumers take items in batches, and the wake-up of those consumers.
//!
//! A consumer counts its batch item by item and confirms each one; when it takes the next batch, the
//! counted items are handed back. If it dies in between, the number it has confirmed remains, and its
//! successor gets the rest.
//!
//! The first consumer takes whatever there is. After it has found the mailbox empty, the next item wakes
//! it; there are no other wake-ups. Each further consumer is for a backlog: it is woken if the queue has
//! grown by one more batch, and sleeps again if less than a batch is left. So one consumer alone is awake
//! as long as it keeps up, and the items never depend on another one.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use notification::sync::{AtomicBool, AtomicUsize, Mutex};

use super::fifo::Fifo;

/// The consumer that takes whatever there is.
pub const FIRST: usize = 0;

/// Items of type `T` on their way to the consumers.
#[derive(Debug)]
pub struct Mailbox<T> {
    queue: Mutex<Fifo<T>>,
    /// One for each consumer that there may be.
    desks: Box<[Desk<T>]>,
    /// How many consumers there are.
    consumers: AtomicUsize,
    /// A backlog of so many items is work for another consumer.
    backlog: usize,
    /// The weight of an item, and the most that a batch of several items may weigh.
    weigh: fn(&T) -> usize,
    heaviest: usize,
}

/// What belongs to one consumer.
#[derive(Debug)]
struct Desk<T> {
    /// The consumer has found nothing and waits for a wake-up.
    armed: Apart<AtomicBool>,
    /// The batch that the consumer is counting. Only the consumer holds this lock for long.
    batch: Mutex<VecDeque<T>>,
    /// How many items of the batch the consumer has counted.
    counted: Apart<AtomicUsize>,
}

/// A value with cache lines of its own: a thread that adds an item reads one word of a desk, and the consumer
/// writes another one for each item.
#[derive(Debug)]
#[repr(align(128))]
struct Apart<V>(V);

impl<T> Mailbox<T> {
    /// Creates a mailbox for one consumer, and for up to `most` once [`Mailbox::employ`] says so. A
    /// backlog of `backlog` items (at least one) is work for another consumer.
    ///
    /// Batches end before the item that would make them heavier than `heaviest`; each has at least one
    /// item.
    pub fn new(most: usize, backlog: usize, weigh: fn(&T) -> usize, heaviest: usize) -> Self {
        Self {
            queue: Mutex::new(Fifo::default()),
            desks: (0..most.max(1)).map(|_| Desk::new()).collect(),
            consumers: AtomicUsize::new(1),
            backlog: backlog.max(1),
            weigh,
            heaviest,
        }
    }

    /// Says how many consumers there are from now on. What one that is no longer there has counted goes to
    /// `done`, and the rest of its batch back to the queue.
    pub fn employ(&self, consumers: usize, mut done: impl FnMut(T)) {
        let consumers = consumers.clamp(1, self.desks.len());
        self.consumers.store(consumers, Ordering::Release);
        for desk in &self.desks[consumers..] {
            desk.armed.0.swap(false, Ordering::AcqRel);
            let mut batch = desk.batch.lock();
            desk.hand_back(&mut batch, &mut done);
            let mut queue = self.queue.lock();
            batch.drain(..).for_each(|item| queue.push_back(item));
        }
    }

    /// Adds an item. Returns the consumer that the caller must wake, if there is one.
    #[must_use = "the consumer would sleep although there is something to take"]
    pub fn push(&self, item: T) -> Option<usize> {
        let waiting = {
            let mut queue = self.queue.lock();
            queue.push_back(item);
            queue.len()
        };
        if self.disarm() {
            return Some(FIRST);
        }
        if waiting < self.backlog {
            return None;
        }
        let others = self.consumers.load(Ordering::Relaxed) - 1;
        let another = others.min(waiting / self.backlog);
        (another > 0 && self.desks[another].disarm()).then_some(another)
    }

    /// Whether the first consumer waits for a wake-up. If so, the caller must wake it.
    #[must_use = "the consumer would sleep although there is something to take"]
    pub fn disarm(&self) -> bool {
        self.desks[FIRST].disarm()
    }

    /// Passes the items that `consumer` has counted to `done`, then calls `each` for up to `most` items:
    /// those of its present batch that were not counted, or else its next batch. If there are none, the
    /// next item wakes it, or the next backlog if it is not the first consumer.
    pub fn take<R>(
        &self,
        consumer: usize,
        most: usize,
        done: impl FnMut(T),
        mut each: impl FnMut(&T) -> R,
    ) -> Vec<R> {
        let Some(desk) = self.desks.get(consumer) else {
            return Vec::new();
        };
        let least = if consumer == FIRST { 1 } else { self.backlog };
        let mut batch = desk.batch.lock();
        desk.hand_back(&mut batch, done);
        if batch.is_empty() {
            self.refill(&mut batch, least, most);
        }
        if batch.is_empty() {
            // A swap, although a store would do: the model checker keeps only swaps in one order.
            desk.armed.0.swap(true, Ordering::AcqRel);
            // An item that came between the check and the arming caused no wake-up.
            self.refill(&mut batch, least, most);
            if !batch.is_empty() {
                desk.armed.0.swap(false, Ordering::AcqRel);
            }
        }
        batch.iter().map(&mut each).collect()
    }

    /// Frees the chunks that a burst has left, for which the consumers have no time.
    pub fn clear_up(&self) {
        let spent = self.queue.lock().take_spent();
        drop(spent);
    }

    /// Records that `consumer` has counted one more item of its batch.
    pub fn counted(&self, consumer: usize) {
        if let Some(desk) = self.desks.get(consumer) {
            desk.counted.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Registers a successor of `consumer`: items that it has counted go to `done`, and the others are
    /// delivered again.
    pub fn attach(&self, consumer: usize, done: impl FnMut(T)) {
        if let Some(desk) = self.desks.get(consumer) {
            let mut batch = desk.batch.lock();
            desk.hand_back(&mut batch, done);
        }
    }

    /// The number of items that were not counted and handed back.
    #[must_use]
    pub fn len(&self) -> usize {
        // The queue first: what goes into a batch meanwhile is counted twice, and nothing is missed.
        let waiting = self.queue.lock().len();
        let batches = self.desks.iter().map(|desk| desk.batch.lock().len());
        waiting + batches.sum::<usize>()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes items from the queue if there are at least `least`.
    fn refill(&self, batch: &mut VecDeque<T>, least: usize, most: usize) {
        let mut queue = self.queue.lock();
        if queue.len() < least {
            return;
        }
        let mut weight = 0;
        while batch.len() < most
            && let Some(next) = queue.front()
        {
            weight += (self.weigh)(next);
            if weight > self.heaviest && !batch.is_empty() {
                return;
            }
            batch.extend(queue.pop_front());
        }
    }
}

impl<T> Desk<T> {
    fn new() -> Self {
        Self {
            armed: Apart(AtomicBool::new(false)),
            batch: Mutex::new(VecDeque::new()),
            counted: Apart(AtomicUsize::new(0)),
        }
    }

    /// Whether the consumer waits for a wake-up. It is read first, because a write would take the cache
    /// line from the others who add items.
    fn disarm(&self) -> bool {
        let armed = &self.armed.0;
        armed.load(Ordering::Acquire) && armed.swap(false, Ordering::AcqRel)
    }

    fn hand_back(&self, batch: &mut VecDeque<T>, done: impl FnMut(T)) {
        let counted = self.counted.0.swap(0, Ordering::AcqRel).min(batch.len());
        batch.drain(..counted).for_each(done);
    }
}
