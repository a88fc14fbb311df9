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
        let path = target.uri.path_and_query();
        self.with_path(path.map_or("/", |path| path.as_str()))
    }

    /// The URL of a path that is a template, for messages.
    pub(crate) fn describe_template(&self, path: &str) -> String {
        let prefix = self.settings.path_prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        self.with_path(&format!("{slash}{prefix}/{}", path.trim_start_matches('/')))
    }

    fn with_path(&self, path: &str) -> String {
        let base = self.endpoint.base();
        let scheme = if base.https { "https" } else { "http" };
        format!("{scheme}://{}{path}", base.authority())
    }
}
