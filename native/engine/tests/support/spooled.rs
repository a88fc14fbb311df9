//! An engine whose handler delivers at least once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::engine::EngineSettings;
use engine::handler_plan::HandlerOptions;
use engine::spools::SpoolSettings;
use notification::policy::RetryOn;
use notification::{DeliveryPolicy, Guarantee, Handler, PoolId, Retry, Statuses};
use spool::{Settings, Totals};
use test_endpoint::{EndpointConfig, EndpointHandle};

use super::{Bench, HOST_TYPE, options, test_endpoint, until};

/// Settings with the spools in this folder.
pub fn settings(path: &Path) -> EngineSettings {
    EngineSettings {
        spools: Some(SpoolSettings {
            directory: path.to_owned(),
            node: "one@localhost".to_owned(),
            spool: Settings::default(),
            grace: Duration::from_hours(1),
        }),
        ..EngineSettings::default()
    }
}

/// The same with room for twenty notifications in memory, all of one sender if need be.
pub fn room_for_twenty(path: &Path) -> EngineSettings {
    EngineSettings {
        max_pending: 20,
        max_lane_percent: 100,
        ..settings(path)
    }
}

/// At least once, with short pauses between attempts, and however often others succeed meanwhile.
pub fn policy() -> DeliveryPolicy {
    DeliveryPolicy {
        guarantee: Guarantee::AtLeastOnce,
        success: Statuses::NONE.and(200..=299),
        retry: Some(Retry {
            initial: Duration::from_millis(2),
            max: Duration::from_millis(20),
            alone: u32::MAX,
            on: RetryOn::default(),
            ..Retry::default()
        }),
        ..DeliveryPolicy::default()
    }
}

/// An endpoint that remembers all requests of a test.
pub fn endpoint() -> EndpointHandle {
    test_endpoint(EndpointConfig {
        max_records: 100_000,
        ..EndpointConfig::default()
    })
}

/// Sets what the endpoint answers.
pub fn plan(endpoint: &EndpointHandle, plan: &str) {
    endpoint.set_plan(plan.parse().unwrap()).unwrap();
}

/// An engine with such a handler, its pool at the endpoint and its spool open.
pub struct Node {
    pub bench: Bench,
    pub handler: Arc<Handler>,
    pub pool: PoolId,
}

impl Node {
    /// The handler sends forms.
    pub fn start(settings: EngineSettings, endpoint: &EndpointHandle) -> Self {
        Self::with(settings, endpoint, policy(), None)
    }

    pub fn with(
        settings: EngineSettings,
        endpoint: &EndpointHandle,
        policy: DeliveryPolicy,
        handler: Option<HandlerOptions>,
    ) -> Self {
        let bench = Bench::with(settings, Arc::default());
        let engine = &bench.engine;
        engine.open_host_type(HOST_TYPE);
        let handler = engine.planned_handler(HOST_TYPE, "http_pool", "/n", policy, handler);
        let url = endpoint.url("");
        let pool = engine.create_pool(&url).unwrap();
        engine.open_spool(&url, true);
        until("the spool is open", || {
            let spools = engine.spools();
            let first = spools.first();
            first.is_some_and(|spool| spool.totals().is_some())
        });
        engine.configure_pool(pool, options(url)).unwrap();
        engine.open_pool(pool).unwrap();
        Self {
            bench,
            handler,
            pool,
        }
    }

    /// What its spool holds.
    pub fn totals(&self) -> Totals {
        self.bench.engine.spools()[0].totals().unwrap()
    }

    /// How many wait on disk.
    pub fn waiting(&self) -> u64 {
        self.totals().waiting
    }
}
