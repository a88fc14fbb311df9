//! Members of a batch that must wait on disk, because an earlier one of their lane does.

use std::path::PathBuf;

use notification::MessageId;
use payload::TemplateOptions;
use spool::{Directory, History, Settings};

use super::*;
use crate::pool::Queued;
use crate::spools::{Accepted, HandlerHash, Kept, Most, NotTaken, PoolSpool, Row, record};

/// No request can be made of any member, or one can: either way those that must wait stay on disk, and have no
/// outcome. The others have theirs.
#[tokio::test(start_paused = true)]
async fn what_must_wait_stays_on_disk_if_no_request_can_be_made() {
    let missing = FormatOptions::Template(TemplateOptions {
        file: PathBuf::from("/there/is/no/such/file"),
        content_type: "application/json".to_owned(),
        path: None,
        headers: Vec::new(),
    });
    for (format, reason) in [
        (FormatOptions::Json, None),
        // A form has no batches, which is found out when the request is made.
        (FormatOptions::Form, Some(FailureReason::PayloadError)),
        // The template is read before.
        (missing, Some(FailureReason::TemplateError)),
    ] {
        let endpoint = answers(200).await;
        let world = World::of_format(&batch_retried(10, 50), format);
        let path = tempfile::tempdir().unwrap();
        let directory = Directory::take(path.path(), "one@localhost", Settings::default()).unwrap();
        let spool = Arc::new(PoolSpool::new("pool", Arc::default()));
        spool.opened(directory.open("pool", |_| {}).unwrap());
        let first = world.keep(&spool, "alice", "a.0", |row, _| Some(row));
        for (sender, text) in [
            ("kate", "k.0"),
            ("alice", "a.1"),
            ("alice", "a.2"),
            ("kate", "k.1"),
        ] {
            let push = |row, notification| {
                let mut item = Queued::from(notification);
                item.set_kept(Some(Kept::new(row, History::default())));
                world.pool.push(sender.as_bytes(), item).unwrap();
                None
            };
            world.keep(&spool, sender, text, push);
        }
        // It leaves memory without an outcome: those of its lane overtake it.
        drop(first);
        open_with(&world.pool, &endpoint.url, 5_000, 60_000, 1);
        world.ended(2).await;
        sleep(Duration::from_secs(1)).await;
        let verdicts = world.verdicts();
        let mut ended: Vec<_> = verdicts.keys().map(String::as_str).collect();
        ended.sort_unstable();
        assert_eq!(ended, ["k.0", "k.1"], "{verdicts:?}");
        for verdict in verdicts.values() {
            assert_eq!(super::reason(verdict), reason, "{verdict:?}");
        }
        let dead = if reason.is_some() { 2 } else { 0 };
        // The spool's thread knows no paused clock.
        let begin = std::time::Instant::now();
        loop {
            let totals = spool.totals().unwrap();
            if (totals.waiting, totals.dead) == (3, dead) {
                break;
            }
            assert!(begin.elapsed() < Duration::from_mins(1), "{totals:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        world.assert_empty();
    }
}

impl World {
    /// Hands a notification over that is kept on disk, to `push` instead of the pool. A row that `push` returns
    /// stays in memory.
    fn keep(
        &self,
        spool: &Arc<PoolSpool>,
        sender: &str,
        text: &str,
        push: impl FnOnce(Row, Notification) -> Option<Row>,
    ) -> Option<Row> {
        let stanza = format!("<message type='chat' id='m'><body>{text}</body></message>");
        let notification = self.notification(sender, text, &stanza);
        let mut kept = None;
        let handler = HandlerHash::of_handler(notification.handler());
        let record = record::of(&notification, &MessageId::new(), sender.as_bytes());
        let accepted = spool.accept(
            (record, handler, handler.lane(sender.as_bytes())),
            Most::ANY,
            |row| {
                kept = push(row.unwrap(), notification);
                Ok::<(), (_, NotTaken<()>)>(())
            },
            || (),
        );
        assert!(
            matches!(accepted, Ok(Accepted::InMemory(()))),
            "{accepted:?}"
        );
        kept
    }
}
