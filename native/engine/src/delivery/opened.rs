//! What an open pool delivers with: its settings, its endpoint and the targets of its handlers.

use std::sync::Arc;

use payload::FormStyle;
use transport::endpoint::Endpoint;

use super::target::{Target, Targets};
use crate::settings::PoolSettings;

/// What an open pool has besides its queue.
#[derive(Debug)]
pub struct Opened {
    pub(crate) settings: Arc<PoolSettings>,
    pub(crate) endpoint: Endpoint,
    pub(crate) targets: Targets,
    pub(crate) form_style: FormStyle,
}

impl Opened {
    pub(crate) fn new(settings: PoolSettings, endpoint: Endpoint, form_style: FormStyle) -> Self {
        Self {
            targets: Targets::new(&settings),
            settings: Arc::new(settings),
            endpoint,
            form_style,
        }
    }

    /// The URL of a target, for messages.
    pub(crate) fn describe(&self, target: &Target) -> String {
        let base = self.endpoint.base();
        let scheme = if base.https { "https" } else { "http" };
        let path = target
            .uri
            .path_and_query()
            .map_or("/", |path| path.as_str());
        format!("{scheme}://{}{path}", base.authority())
    }
}
