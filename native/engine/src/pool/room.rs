//! How many requests the endpoint takes at once, from the connection that is told to the queue that
//! starts them.
//!
//! Over HTTP/2 the endpoint says how many streams it takes. A request that would have to wait for one
//! waits in the queue instead, where `call_timeout` and the gauges know of it.

use std::sync::{Arc, Weak};

use tokio::sync::watch;
use transport::http2::Room;

use super::Pool;

/// As long as there is anything to be told of.
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
