//! A queue whose consumer takes items in batches, and the wake-up of that consumer.
//!
//! The consumer counts a batch item by item and confirms each one; when it takes the next batch, the
//! counted items are handed back. If the consumer dies in between, the number it has confirmed remains,
//! and the next consumer gets the rest. After the consumer has found the mailbox empty, the next item
//! wakes it; there are no other wake-ups.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use notification::sync::{AtomicBool, AtomicUsize, Mutex};

use super::fifo::Fifo;

/// Items of type `T` on their way to the consumer.
#[derive(Debug)]
pub struct Mailbox<T> {
    queue: Mutex<Fifo<T>>,
    /// The batch that the consumer is counting. Only the consumer holds this lock for long.
    batch: Mutex<VecDeque<T>>,
    /// How many items of the batch the consumer has counted.
    counted: AtomicUsize,
    /// The consumer has found nothing and waits for a wake-up.
    armed: AtomicBool,
    /// The weight of an item, and the most that a batch of several items may weigh.
    weigh: fn(&T) -> usize,
    heaviest: usize,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self::weighing(|_| 0, 0)
    }
}

impl<T> Mailbox<T> {
    /// Creates a mailbox whose batches end before the item that would make them heavier than
    /// `heaviest`. Each batch has at least one item.
    pub fn weighing(weigh: fn(&T) -> usize, heaviest: usize) -> Self {
        Self {
            queue: Mutex::new(Fifo::default()),
            batch: Mutex::new(VecDeque::new()),
            counted: AtomicUsize::new(0),
            armed: AtomicBool::new(false),
            weigh,
            heaviest,
        }
    }

    /// Adds an item. Returns true if the caller must wake the consumer.
    #[must_use = "the consumer would sleep although there is something to take"]
    pub fn push(&self, item: T) -> bool {
        self.queue.lock().push_back(item);
        self.disarm()
    }

    /// Whether the consumer waits for a wake-up. If so, the caller must wake it.
    #[must_use = "the consumer would sleep although there is something to take"]
    pub fn disarm(&self) -> bool {
        self.armed.swap(false, Ordering::AcqRel)
    }

    /// Passes the counted items to `done`, then calls `each` for up to `most` items: those of the
    /// present batch that were not counted, or else the next batch. If there are none, the next item
    /// wakes the consumer.
    pub fn take<R>(
        &self,
        most: usize,
        done: impl FnMut(T),
        mut each: impl FnMut(&T) -> R,
    ) -> Vec<R> {
        let mut batch = self.batch.lock();
        self.hand_back(&mut batch, done);
        if batch.is_empty() {
            self.refill(&mut batch, most);
        }
        if batch.is_empty() {
            // A swap, although a store would do: the model checker keeps only swaps in one order.
            self.armed.swap(true, Ordering::AcqRel);
            // An item that came between the check and the arming caused no wake-up.
            self.refill(&mut batch, most);
            if !batch.is_empty() {
                self.armed.swap(false, Ordering::AcqRel);
            }
        }
        batch.iter().map(&mut each).collect()
    }

    /// Frees the chunks that a burst has left, for which the consumer has no time.
    pub fn clear_up(&self) {
        let spent = self.queue.lock().take_spent();
        drop(spent);
    }

    /// Records that the consumer has counted one more item of its batch.
    pub fn counted(&self) {
        self.counted.fetch_add(1, Ordering::AcqRel);
    }

    /// Registers a new consumer: items that the previous one has counted go to `done`, and the others
    /// are delivered again.
    pub fn attach(&self, done: impl FnMut(T)) {
        let mut batch = self.batch.lock();
        self.hand_back(&mut batch, done);
    }

    /// The number of items that were not counted and handed back.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.lock().len() + self.queue.lock().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn hand_back(&self, batch: &mut VecDeque<T>, done: impl FnMut(T)) {
        let counted = self.counted.swap(0, Ordering::AcqRel).min(batch.len());
        batch.drain(..counted).for_each(done);
    }

    fn refill(&self, batch: &mut VecDeque<T>, most: usize) {
        let mut queue = self.queue.lock();
        let mut weight = batch.iter().map(self.weigh).sum::<usize>();
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
