//! An engine, and what is pushed into it.

use std::sync::Arc;
use std::time::Instant;

use engine::engine::{Engine, EngineSettings};
use engine::pool::PoolCounts;
use engine::report::outcomes::FIRST;
use notification::{
    Content, DeliveryPolicy, Direction, Handler, Names, Notification, PoolId, lane_key,
};
use payload::Headers;

use super::BOUND;
use super::mixes::Mix;
use crate::support::events;

pub struct World {
    pub engine: Engine,
    handler: Arc<Handler>,
    json: Arc<Handler>,
}

impl World {
    pub fn new() -> Self {
        let engine = Engine::default();
        let settings = EngineSettings {
            threads: 1,
            max_pending_bytes: 1 << 30,
            max_node_bytes: 1 << 30,
            max_lane_percent: 100,
            ..EngineSettings::default()
        };
        engine.start(settings, |_| {}).unwrap();
        Self::of(engine)
    }

    pub fn of(engine: Engine) -> Self {
        let handler = engine.handler("localhost", "http_pool", "/n");
        let policy = DeliveryPolicy::default();
        let options = Some(events::json());
        let json = engine.planned_handler("localhost", "http_pool", "/n", policy, options);
        Self {
            engine,
            handler,
            json,
        }
    }

    pub fn push(&self, pool: PoolId, mix: Mix, n: usize, letter: u8) {
        let sender = format!("user{}", n % mix.senders);
        let names = Names {
            sender: sender.as_bytes(),
            server: b"localhost",
            receiver: b"receiver",
        };
        let mut key = Vec::new();
        lane_key(
            &mut key,
            self.handler.host_type.id,
            Direction::In,
            names,
            b"",
        );
        let text = vec![letter; mix.text];
        if mix.event {
            let stanza = events::stanza(&String::from_utf8(text).unwrap());
            let facts = events::facts(&sender);
            let content = Content::Event(facts.as_bytes());
            let handler = Arc::clone(&self.json);
            let notification =
                Notification::new(handler, Direction::In, names, stanza.as_bytes(), content);
            return self.engine.push(pool, &key, notification.unwrap()).unwrap();
        }
        let handler = Arc::clone(&self.handler);
        let new = |content| Notification::new(handler, Direction::In, names, &text, content);
        let notification = match mix.headers {
            None => new(Content::Form),
            Some((count, length)) => {
                let mut headers = Headers::default();
                for header in 0..count {
                    let name = format!("x-{header}");
                    headers.add(name.as_bytes(), &vec![b'v'; length]).unwrap();
                }
                new(Content::Custom(headers.as_bytes()))
            }
        };
        self.engine.push(pool, &key, notification.unwrap()).unwrap();
    }

    pub fn counts(&self, pool: PoolId) -> PoolCounts {
        self.engine.pool(pool).unwrap().counts()
    }

    /// Acknowledges all outcomes, including those that are still to come.
    pub fn take_all(&self) {
        let end = Instant::now() + BOUND;
        while self
            .engine
            .host_type("localhost")
            .unwrap()
            .counters()
            .pending
            > 0
        {
            for () in self.engine.outcomes.take(FIRST, 256, |_| ()) {
                self.engine.outcomes.counted(FIRST);
            }
            assert!(Instant::now() < end);
        }
    }
}
