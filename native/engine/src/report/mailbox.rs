//! What one side puts in and the other takes in batches, and how the taker is called.
//!
//! The taker counts what it took one by one, saying so after each, and takes the next batch, which
//! hands back what was counted. A taker that dies in between leaves the number it had counted behind;
//! the next one gets the rest. When the taker has found nothing, the next item calls it; nobody is
//! called otherwise. Not here: what the items are, and what a call does (`outcomes`).

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use notification::sync::{AtomicBool, AtomicUsize, Mutex};

use super::fifo::Fifo;

/// Items of type `T` on their way.
#[derive(Debug)]
pub struct Mailbox<T> {
    queue: Mutex<Fifo<T>>,
    /// What the taker is counting. Only the taker takes this lock for long.
    batch: Mutex<VecDeque<T>>,
    /// How many of the batch the taker has counted.
    counted: AtomicUsize,
    /// The taker has found nothing and waits to be called.
    armed: AtomicBool,
    /// What an item weighs, and how heavy a batch of several may be.
    weigh: fn(&T) -> usize,
    heaviest: usize,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self::weighing(|_| 0, 0)
    }
}

impl<T> Mailbox<T> {
    /// With batches that end, if they have an item, where the next would make them heavier than
    /// `heaviest`.
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

    /// Adds an item. True where the taker has to be called.
    #[must_use = "the taker would wait for nothing"]
    pub fn push(&self, item: T) -> bool {
        self.queue.lock().push_back(item);
        self.disarm()
    }

    /// Whether the taker waits to be called, which the caller of this then has to do.
    #[must_use = "the taker would wait for nothing"]
    pub fn disarm(&self) -> bool {
        self.armed.swap(false, Ordering::AcqRel)
    }

    /// Gives what was counted to `done` and shows `each` of up to `most` items of the next batch, or
    /// of the present one, if it was not counted to its end. With none there, the next one calls.
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
            // Exchanged, where a store would do: the model checker keeps only exchanges in one order.
            self.armed.swap(true, Ordering::AcqRel);
            // An item that came between the look and the arming has called nobody.
            self.refill(&mut batch, most);
            if !batch.is_empty() {
                self.armed.swap(false, Ordering::AcqRel);
            }
        }
        batch.iter().map(&mut each).collect()
    }

    /// Frees what a burst has left, for which the taker has no time.
    pub fn clear_up(&self) {
        let spent = self.queue.lock().take_spent();
        drop(spent);
    }

    /// The taker has counted one more item of its batch.
    pub fn counted(&self) {
        self.counted.fetch_add(1, Ordering::AcqRel);
    }

    /// A new taker: what the one before has counted is given to `done`, the rest comes again.
    pub fn attach(&self, done: impl FnMut(T)) {
        let mut batch = self.batch.lock();
        self.hand_back(&mut batch, done);
    }

    /// Items that were not counted and handed back.
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
