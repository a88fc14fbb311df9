//! A queue in chunks: it grows without copying its items. The consumer neither allocates nor frees,
//! because it has no time for the allocator's work: the chunks that it has emptied stay until the
//! producer reuses them or [`Fifo::take_spent`] removes them.

use std::collections::VecDeque;

/// Items per chunk.
const CHUNK: usize = 256;

/// Items of type `T`, first in, first out.
#[derive(Debug)]
pub struct Fifo<T> {
    /// Each chunk has room for [`CHUNK`] items and never grows. New items go into the last one.
    chunks: VecDeque<VecDeque<T>>,
    /// The number of chunks at the front that are empty and unused.
    spent: usize,
    len: usize,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self {
            chunks: VecDeque::new(),
            spent: 0,
            len: 0,
        }
    }
}

impl<T> Fifo<T> {
    /// Adds an item at the end.
    pub fn push_back(&mut self, item: T) {
        self.len += 1;
        if let Some(last) = self.chunks.back_mut()
            && last.len() < CHUNK
        {
            last.push_back(item);
            return;
        }
        let spent = if self.spent > 0 {
            self.spent -= 1;
            self.chunks.pop_front()
        } else {
            None
        };
        let mut chunk = spent.unwrap_or_else(|| VecDeque::with_capacity(CHUNK));
        chunk.push_back(item);
        self.chunks.push_back(chunk);
    }

    /// The oldest item.
    pub fn front(&self) -> Option<&T> {
        self.chunks.get(self.spent)?.front()
    }

    /// Removes the oldest item.
    pub fn pop_front(&mut self) -> Option<T> {
        let first = self.chunks.get_mut(self.spent)?;
        let item = first.pop_front()?;
        self.len -= 1;
        // The last chunk stays for the next items.
        if first.is_empty() && self.spent + 1 < self.chunks.len() {
            self.spent += 1;
        }
        Some(item)
    }

    /// Removes the unused chunks, so that the caller can free them outside a lock.
    pub fn take_spent(&mut self) -> Vec<VecDeque<T>> {
        self.chunks
            .drain(..std::mem::take(&mut self.spent))
            .collect()
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::{CHUNK, Fifo};

    proptest! {
        #[test]
        fn like_a_queue(steps in proptest::collection::vec((0usize..600, 0usize..600), 1..20)) {
            let (mut fifo, mut queue) = (Fifo::default(), VecDeque::new());
            let mut next = 0;
            for (pushes, pops) in steps {
                for _ in 0..pushes {
                    fifo.push_back(next);
                    queue.push_back(next);
                    next += 1;
                }
                for _ in 0..pops {
                    prop_assert_eq!(fifo.front(), queue.front());
                    prop_assert_eq!(fifo.pop_front(), queue.pop_front());
                }
                prop_assert_eq!(fifo.len(), queue.len());
                fifo.take_spent();
                prop_assert!(fifo.chunks.len() <= fifo.len() / CHUNK + 2);
                prop_assert!(fifo.chunks.iter().all(|chunk| chunk.capacity() == CHUNK));
            }
        }
    }
}
