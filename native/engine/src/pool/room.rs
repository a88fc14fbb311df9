//! How many requests the endpoint accepts at once: from the connection, which is told, to the queue,
//! which starts requests.
//!
//! Over HTTP/2 the endpoint announces how many streams it accepts. A request that would have to wait
//! for a stream waits in the queue instead, where `call_timeout` and the gauges include it.

use std::sync::{Arc, Weak};

use tokio::sync::watch;
use transport::http2::Room;

use super::Pool;

/// Passes each change on to the pool, until the pool or the sender is gone.
pub(super) async fn follow(pool: Weak<Pool>, mut told: watch::Receiver<Room>) {
    while told.changed().await.is_ok() {
        let room = *told.borrow_and_update();
        let Some(pool) = pool.upgrade() else { return };
        pool.set_room(room);
    }
}

impl Pool {
    fn set_room(self: &Arc<Self>, room: Room) {
        let steps = self.core().set_room(room);
        for step in steps {
            self.follow(step);
        }
    }
}
