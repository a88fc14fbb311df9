//! The task that fetches tokens: once, and again before each ends.

use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Shared;
use super::pace::Failures;

/// The task that fetches, for as long as there are credentials and notifications use them.
pub(super) struct Running(Weak<Shared>);

impl Running {
    pub(super) fn new(tokens: &Arc<Shared>) -> Self {
        Self(Arc::downgrade(tokens))
    }

    pub(super) async fn run(self, hurry: Arc<Notify>) {
        let mut failures = Failures::default();
        while let Some(shared) = self.0.upgrade() {
            let wait = shared.fetch(&mut failures).await;
            // Not kept alive during the wait.
            drop(shared);
            let hurried = hurry.notified();
            futures_util::pin_mut!(hurried);
            let _ = futures_util::future::select(hurried, sleep(wait).boxed()).await;
            if self.0.upgrade().is_none_or(|shared| shared.is_idle()) {
                return;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            let mut state = shared.state.lock();
            state.running = false;
            state.fetching_since = None;
            state.failed = None;
            drop(state);
            shared.ended.send_replace(());
        }
    }
}
