//! The application's own settings for the engine, and the bounds of a pool that follow from them. The
//! options of a pool are in `crate::settings`.

use payload::FormStyle;
use queue::LaneLimits;
use transport::lifetimes::Lifetimes;

use crate::pool::PoolLimits;
use crate::spools::SpoolSettings;

/// The application's own settings for the engine.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// The number of engine threads.
    pub threads: usize,
    /// The number of reporters that take outcomes.
    pub reporters: usize,
    /// The most pending notifications of one pool.
    pub max_pending: usize,
    /// The most pending bytes of one pool.
    pub max_pending_bytes: usize,
    /// The most pending bytes of all pools together.
    pub max_node_bytes: usize,
    /// The percentage of a pool's bounds that one lane may use.
    pub max_lane_percent: usize,
    /// How long connections live.
    pub lifetimes: Lifetimes,
    /// How the host's form encoder escapes.
    pub form_style: FormStyle,
    /// Where what is to outlive the node is on disk; `None` if nowhere.
    pub spools: Option<SpoolSettings>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            threads: 1,
            reporters: 1,
            max_pending: 100_000,
            max_pending_bytes: 64 << 20,
            max_node_bytes: 512 << 20,
            max_lane_percent: 10,
            lifetimes: Lifetimes::default(),
            form_style: FormStyle::default(),
            spools: None,
        }
    }
}

impl EngineSettings {
    pub(super) fn pool_limits(&self) -> PoolLimits {
        let part = |whole: usize| (whole / 100 * self.max_lane_percent).max(1);
        PoolLimits {
            items: self.max_pending,
            bytes: self.max_pending_bytes,
            lane: LaneLimits {
                items: part(self.max_pending.max(100)),
                cost: part(self.max_pending_bytes.max(100)),
            },
        }
    }
}
