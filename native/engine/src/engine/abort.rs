//! Giving up what a host type that was closed still has pending.
//!
//! Notifications move while the pools are visited: a spare pool is handed over, to a pool that was visited
//! before or did not exist then, and a session that was admitted before the host type closed is still on its
//! way. So all pools are visited again until each notification of the host type has its outcome.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use notification::{FailureReason, HostType};
use tokio::time::sleep;

use super::{Engine, Running};

const TEXT: &str = "the module was stopped before its turn came";
/// The pauses between two visits; they double.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(320);

impl Engine {
    /// Fails the pending notifications of this host type with `shutdown`. Returns at once. Ends early if
    /// the host type opens again.
    pub fn abort_host_type(&self, name: &str) {
        let (Some(host_type), Some(running)) = (self.host_type(name), self.running.load_full())
        else {
            return;
        };
        let openings = host_type.openings();
        let aborting = abort(Arc::downgrade(&running), Arc::clone(&host_type));
        running.handle.spawn(async move {
            let mut aborting = pin!(aborting);
            poll_fn(|cx| {
                if host_type.openings() == openings {
                    aborting.as_mut().poll(cx)
                } else {
                    Poll::Ready(())
                }
            })
            .await;
        });
    }
}

async fn abort(running: Weak<Running>, host_type: Arc<HostType>) {
    let mut pause = FIRST_PAUSE;
    // Without the engine there is nothing left to do: its end fails whatever is pending.
    while let Some(pools) = running.upgrade().map(|running| running.living_pools()) {
        for pool in pools {
            pool.fail_all_in_turns(Some(host_type.id), FailureReason::Shutdown, TEXT)
                .await;
        }
        if host_type.counters().unfinished() == 0 {
            return;
        }
        sleep(pause).await;
        pause = LAST_PAUSE.min(2 * pause);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc;
    use std::time::Instant;

    use notification::{Content, Direction, Names, Notification, PoolId};

    use super::*;
    use crate::engine::EngineSettings;

    /// The limit of every wait here.
    const BOUND: Duration = Duration::from_mins(1);

    fn notification(engine: &Engine) -> Notification {
        let handler = engine.handler("leaves", "http_pool", "/n");
        let names = Names {
            sender: b"alice",
            server: b"localhost",
            receiver: b"bob",
        };
        Notification::new(handler, Direction::In, names, b"hi", Content::Form).unwrap()
    }

    fn push(engine: &Engine, pool: PoolId) {
        engine.push(pool, b"alice", notification(engine)).unwrap();
    }

    fn until(what: &str, holds: impl Fn() -> bool) {
        let begin = Instant::now();
        while !holds() {
            assert!(begin.elapsed() < BOUND, "not in time: {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// An engine whose only thread does nothing until the sender that comes with it is dropped.
    fn held() -> (Engine, mpsc::Sender<()>) {
        let engine = Engine::default();
        engine.start(EngineSettings::default(), |_| {}).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let handle = engine.running.load_full().unwrap().handle.clone();
        handle.spawn(async move { held.recv() });
        (engine, release)
    }

    /// Returns when the engine's only thread has let other tasks run a thousand times.
    fn turns(engine: &Engine) {
        let (done, over) = mpsc::channel();
        let handle = engine.running.load_full().unwrap().handle.clone();
        handle.spawn(async move {
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            done.send(())
        });
        over.recv_timeout(BOUND).unwrap();
    }

    #[test]
    fn finds_what_is_handed_over_to_a_new_pool_meanwhile() {
        let (engine, release) = held();
        let spare = engine.create_pool("pool").unwrap();
        push(&engine, spare);
        engine.close_host_type("leaves");
        engine.abort_host_type("leaves");
        let new = engine.create_pool("pool").unwrap();
        engine.hand_over(spare, new).unwrap();
        engine.close_pool(spare, Duration::ZERO).unwrap();
        drop(release);
        let host_type = engine.host_type("leaves").unwrap();
        until("it has its outcome", || host_type.counters().failed == 1);
        engine.stop();
    }

    #[test]
    fn finds_what_a_session_that_was_admitted_before_hands_over_late() {
        let (engine, release) = held();
        let pool = engine.create_pool("pool").unwrap();
        let late = notification(&engine);
        let host_type = engine.host_type("leaves").unwrap();
        assert!(host_type.admit());
        engine.close_host_type("leaves");
        engine.abort_host_type("leaves");
        drop(release);
        turns(&engine);
        engine.pool(pool).unwrap().push(b"alice", late).unwrap();
        until("it has its outcome", || host_type.counters().failed == 1);
        engine.stop();
    }

    #[test]
    fn leaves_what_comes_after_the_host_type_has_opened_again() {
        let (engine, release) = held();
        let pool = engine.create_pool("pool").unwrap();
        push(&engine, pool);
        engine.close_host_type("leaves");
        engine.abort_host_type("leaves");
        let host_type = engine.open_host_type("leaves");
        push(&engine, pool);
        drop(release);
        turns(&engine);
        assert_eq!(host_type.counters().failed, 0);
        engine.stop();
        assert_eq!(host_type.counters().failed, 2);
    }
}
