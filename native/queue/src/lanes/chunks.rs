//! A slab in chunks. It grows by one chunk at a time without copying anything, and discards a chunk as
//! soon as the chunk is empty. So no insertion is slower than the others, however many items there are.
//!
//! A discarded chunk is not freed at once, because the caller holds a lock. It is kept for
//! [`Chunks::take_discarded`].

use std::ops::{Index, IndexMut};

use slab::Slab;

/// The number of items in a chunk.
const CHUNK: usize = 256;

/// Items by number.
#[derive(Debug)]
pub struct Chunks<T> {
    /// Never reallocates: each slab has room for [`CHUNK`] items, or no memory at all.
    slabs: Vec<Slab<T>>,
    /// The chunks with a vacant place, including those without memory.
    room: Vec<usize>,
    /// An empty chunk, kept so that an item that comes and goes does not allocate a chunk each time.
    spare: Option<Slab<T>>,
    /// Chunks to be freed.
    discarded: Vec<Slab<T>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self {
            slabs: Vec::new(),
            room: Vec::new(),
            spare: None,
            discarded: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Chunks<T> {
    /// Inserts an item and returns its number. A number fits in `u32`: the bounds of a pool are far
    /// below four billion.
    pub fn insert(&mut self, item: T) -> u32 {
        let at = self.room.last().copied().unwrap_or_else(|| {
            self.slabs.push(Slab::new());
            self.room.push(self.slabs.len() - 1);
            self.slabs.len() - 1
        });
        let chunk = &mut self.slabs[at];
        if chunk.capacity() == 0 {
            let spare = self.spare.take();
            *chunk = spare.unwrap_or_else(|| Slab::with_capacity(CHUNK));
        }
        let place = chunk.insert(item);
        if chunk.len() == CHUNK {
            self.room.pop();
        }
        self.len += 1;
        let number = u32::try_from(at * CHUNK + place).unwrap_or(u32::MAX);
        debug_assert_ne!(number, u32::MAX, "a number that stands for no item");
        number
    }

    /// Removes an item. Panics if no item has this number, as indexing does.
    pub fn remove(&mut self, id: u32) -> T {
        let (at, place) = split(id as usize);
        let chunk = &mut self.slabs[at];
        if chunk.len() == CHUNK {
            self.room.push(at);
        }
        let item = chunk.remove(place);
        if chunk.is_empty() {
            let empty = std::mem::take(chunk);
            if let Some(before) = self.spare.replace(empty) {
                self.discarded.push(before);
            }
        }
        self.len -= 1;
        item
    }

    /// The item with this number.
    pub fn get(&self, id: usize) -> Option<&T> {
        let (at, place) = split(id);
        self.slabs.get(at)?.get(place)
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// All numbers are below this.
    pub fn end(&self) -> usize {
        self.slabs.len() * CHUNK
    }

    /// The number to check after `id`: the next one, or the first of the next chunk if this chunk is
    /// empty.
    pub fn after(&self, id: usize) -> usize {
        let (at, _) = split(id);
        if self.slabs.get(at).is_none_or(Slab::is_empty) {
            (at + 1) * CHUNK
        } else {
            id + 1
        }
    }

    /// Takes the discarded chunks, to be freed outside the lock.
    pub fn take_discarded(&mut self) -> Vec<Slab<T>> {
        std::mem::take(&mut self.discarded)
    }
}

impl<T> Index<u32> for Chunks<T> {
    type Output = T;

    fn index(&self, id: u32) -> &T {
        let (at, place) = split(id as usize);
        &self.slabs[at][place]
    }
}

impl<T> IndexMut<u32> for Chunks<T> {
    fn index_mut(&mut self, id: u32) -> &mut T {
        let (at, place) = split(id as usize);
        &mut self.slabs[at][place]
    }
}

fn split(id: usize) -> (usize, usize) {
    (id / CHUNK, id % CHUNK)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{CHUNK, Chunks};

    /// The number of chunks that have memory.
    fn held(chunks: &Chunks<u64>) -> usize {
        let used = chunks.slabs.iter().filter(|chunk| chunk.capacity() > 0);
        used.count() + usize::from(chunks.spare.is_some())
    }

    proptest! {
        /// Bursts of items come, and go from either end or from the middle. Each number belongs to one
        /// item, and empty chunks are discarded.
        #[test]
        fn like_a_map(bursts in proptest::collection::vec((0usize..3 * CHUNK, 0usize..3, 0usize..=100), 1..12)) {
            let mut chunks = Chunks::default();
            let mut map = BTreeMap::new();
            let mut next = 0u64;
            for (count, way, percent) in bursts {
                for _ in 0..count {
                    let id = chunks.insert(next);
                    prop_assert_eq!(map.insert(id, next), None);
                    next += 1;
                }
                for n in 0..map.len() * percent / 100 {
                    let id = match way {
                        0 => *map.keys().next().unwrap(),
                        1 => *map.keys().next_back().unwrap(),
                        _ => *map.keys().nth(n * 7 % map.len()).unwrap(),
                    };
                    prop_assert_eq!(Some(chunks.remove(id)), map.remove(&id));
                }
                prop_assert_eq!(chunks.len(), map.len());
                prop_assert!(map.iter().all(|(id, item)| chunks[*id] == *item));
                let mut seen = 0;
                let mut id = 0;
                while id < chunks.end() {
                    seen += usize::from(chunks.get(id).is_some());
                    id = chunks.after(id);
                }
                prop_assert_eq!(seen, map.len());
            }
            for id in map.into_keys() {
                chunks.remove(id);
            }
            prop_assert!(held(&chunks) <= 1);
            drop(chunks.take_discarded());
        }
    }

    #[test]
    fn one_item_that_comes_and_goes_allocates_once() {
        let mut chunks = Chunks::default();
        for n in 0..1000 {
            let id = chunks.insert(n);
            chunks.remove(id);
        }
        assert_eq!(held(&chunks), 1);
        assert!(chunks.take_discarded().is_empty());
    }
}
