//! The compressors that all deliveries of an engine share. There are as many as the machine has processors,
//! so that their memory is bounded, however many workers there are.

use std::thread::available_parallelism;

use bytes::Bytes;
use parking_lot::Mutex;
use payload::Compression;
use payload::compress::{Compressor, SHORTEST};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// How much of a body is compressed before other tasks of the thread have their turn.
const PART: usize = 32 * 1024;

/// Compressors, made when they are needed.
#[derive(Debug)]
pub(crate) struct Compressors {
    turns: Semaphore,
    idle: Mutex<Vec<Compressor>>,
}

impl Default for Compressors {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(available_parallelism().map_or(2, usize::from)),
            idle: Mutex::default(),
        }
    }
}

impl Compressors {
    /// The body, compressed; `None` if it is short, or would not get smaller.
    pub(crate) async fn compress(&self, how: Compression, body: &Bytes) -> Option<Bytes> {
        if body.len() < SHORTEST {
            return None;
        }
        let _turn = self.turns.acquire().await.ok()?;
        let mut compressor = self.take(how)?;
        let mut output = compressor.begin(body.len());
        let mut fits = true;
        for part in body.chunks(PART) {
            fits = compressor.add(part, &mut output);
            if !fits {
                break;
            }
            if body.len() > PART {
                yield_now().await;
            }
        }
        fits = fits && compressor.finish(&mut output);
        self.idle.lock().push(compressor);
        if !fits || output.len() >= body.len() {
            return None;
        }
        output.shrink_to_fit();
        Some(output.into())
    }

    /// One of this kind. If all idle ones are of the other kind, one of them goes.
    fn take(&self, how: Compression) -> Option<Compressor> {
        let mut idle = self.idle.lock();
        match idle.iter().position(|compressor| compressor.how() == how) {
            Some(at) => Some(idle.swap_remove(at)),
            None => {
                let other = idle.pop();
                drop(idle);
                drop(other);
                Compressor::new(how)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn short_bodies_are_left_alone() {
        let compressors = Compressors::default();
        for how in [Compression::Gzip, Compression::Zstd] {
            for (length, smaller) in [(0, false), (SHORTEST - 1, false), (SHORTEST, true)] {
                let body = Bytes::from(vec![b'a'; length]);
                let compressed = compressors.compress(how, &body).await;
                assert_eq!(compressed.is_some(), smaller, "{how:?} {length}");
                assert!(compressed.is_none_or(|bytes| bytes.len() < 100));
            }
        }
    }

    /// Another task of the same thread has its turn after each part of a long body.
    #[tokio::test]
    async fn others_have_their_turn_between_parts() {
        const PARTS: usize = 50;
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        let body = Bytes::from(vec![b'a'; PARTS * PART]);
        for how in [Compression::Gzip, Compression::Zstd] {
            turns.store(0, Ordering::Relaxed);
            assert!(Compressors::default().compress(how, &body).await.is_some());
            let turns = turns.load(Ordering::Relaxed);
            assert!(turns >= PARTS, "{how:?}: {turns}");
        }
        other.abort();
    }

    /// However many deliveries compress at a time, and however many give up half-way.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn there_are_no_more_than_processors() {
        let compressors = Arc::new(Compressors::default());
        let most = compressors.turns.available_permits();
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let compressors = Arc::clone(&compressors);
                let how = [Compression::Gzip, Compression::Zstd][number % 2];
                tokio::spawn(async move {
                    let body = Bytes::from(vec![b'a'; 200_000]);
                    assert!(compressors.compress(how, &body).await.is_some());
                })
            })
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            if number % 10 == 0 {
                task.abort();
            }
            let _ = task.await;
            assert!(compressors.idle.lock().len() <= most);
        }
        assert_eq!(compressors.turns.available_permits(), most);
    }
}
