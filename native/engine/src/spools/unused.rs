//! Files that no handler uses: their pool, or its last handler, is no longer in the configuration. Nothing opens them, so
//! that nothing in them is delivered or given up; the log says so.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use notification::panics;
use spool::{Admin, Directory};
use transport::notices::NoticeKind;

use super::Spools;

impl Spools {
    /// Says of each such file once how many notifications wait in it. A thread waits for the disk.
    pub(super) fn begin_to_look_for_unused(self: &Arc<Self>) {
        let spools = Arc::downgrade(self);
        let look = move || {
            panics::adopt_thread();
            if let Some(spools) = spools.upgrade() {
                spools.look_for_unused();
            }
        };
        // Without a thread, the next handler that comes has it looked for.
        let _ = thread::Builder::new()
            .name("http_pusher_spools".to_owned())
            .spawn(look);
    }

    /// Blocks for as long as the disk takes.
    pub(super) fn look_for_unused(&self) {
        let Some(settings) = &self.settings else {
            return;
        };
        // Without a directory there are none; one that cannot be read is told of when a file is opened in it.
        for file in Directory::files(&settings.directory).unwrap_or_default() {
            if self.uses(&file) || self.unused.lock().contains(&file) {
                continue;
            }
            let Some((pool, what)) = waits_in(&file) else {
                continue;
            };
            let text = format!(
                "{}: {what}, and no handler of this node uses the pool, or the host does not run it: nothing of that is \
                 delivered. Put the handler or the pool back; or move the file to a directory of its own, and have \
                 `http-pusher spool DIRECTORY deliver` deliver it with the configuration that had them",
                file.display()
            );
            self.notices.tell(&pool, NoticeKind::SpoolUnused, text);
            self.unused.lock().insert(file);
        }
    }

    fn uses(&self, file: &Path) -> bool {
        let begun = self.begun.lock();
        begun.keys().any(|pool| Directory::is_file_of(file, pool))
    }
}

/// The file's pool, and what waits in it; none if nothing does.
fn waits_in(file: &Path) -> Option<(String, String)> {
    let status = Admin::open(file)
        .map_err(|error| error.to_string())
        .and_then(|file| file.status().map_err(|error| error.to_string()));
    match status {
        Ok(status) if status.waiting == 0 => None,
        Ok(status) => {
            let what = format!("notifications that wait: {}", status.waiting);
            Some((status.pool, what))
        }
        Err(error) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            Some((name.into_owned(), format!("it cannot be read ({error})")))
        }
    }
}
