//! The last requests, bounded in number and in bytes, with a version for each change, so that a page that was away gets
//! what it has missed and no queue is needed for it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use test_endpoint::Record;
use tokio::sync::watch;

use super::row::{Answer, Forwarded, Row};

/// Most bytes of requests and answers kept.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most `webhook-id`s remembered.
const MAX_IDS: usize = 10_000;
/// A longer id is not remembered.
const MAX_ID: usize = 256;

/// A request that is kept.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub row: Row,
    pub record: Arc<Record>,
    pub at: SystemTime,
    pub forwarded: Option<Arc<Forwarded>>,
    arrived: u64,
    answered: u64,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.record.body.len() + self.record.raw_headers.len() + self.record.path.len()
    }
}

/// A change, for a page.
#[derive(Debug)]
pub(super) enum Change {
    /// All requests were forgotten.
    Cleared,
    /// A request has arrived.
    Arrived(Box<Row>),
    /// A request was answered.
    Answered(u64, Answer),
    /// The settings of answers have changed.
    Settings,
}

#[derive(Debug, Default)]
struct Kept {
    version: u64,
    cleared: u64,
    settings: u64,
    bytes: usize,
    entries: VecDeque<Entry>,
    ids: HashMap<String, u64>,
    ids_in_order: VecDeque<String>,
}

/// The last requests.
#[derive(Debug)]
pub(super) struct Store {
    most: usize,
    kept: Mutex<Kept>,
    version: watch::Sender<u64>,
}

impl Store {
    /// Keeps that many requests at most.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            kept: Mutex::new(Kept::default()),
            version: watch::Sender::new(0),
        }
    }

    /// How many requests are kept at most.
    pub const fn most(&self) -> usize {
        self.most
    }

    /// Says when there is a change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Adds a request. `row.again` is set here.
    pub fn add(&self, mut row: Row, record: &Record, at: SystemTime) {
        let record = Arc::new(record.clone());
        self.change(|kept, version| {
            row.again = row.id.as_ref().and_then(|id| kept.first(id, row.n));
            let entry = Entry {
                row,
                record,
                at,
                forwarded: None,
                arrived: version,
                answered: 0,
            };
            kept.bytes += entry.bytes();
            kept.entries.push_back(entry);
            while kept.entries.len() > self.most
                || (kept.bytes > MAX_BYTES && kept.entries.len() > 1)
            {
                if let Some(old) = kept.entries.pop_front() {
                    kept.bytes -= old.bytes();
                }
            }
        });
    }

    /// Says what became of a request, if it is still kept.
    pub fn answered(&self, n: u64, answer: Answer, forwarded: Option<Forwarded>) {
        self.change(|kept, version| {
            let found = kept.entries.iter_mut().rev();
            if let Some(entry) = { found }.find(|entry| entry.row.n == n) {
                entry.row.answer = answer;
                entry.forwarded = forwarded.map(Arc::new);
                entry.answered = version;
            }
        });
    }

    /// Says that the settings of answers have changed.
    pub fn settings_changed(&self) {
        self.change(|kept, version| kept.settings = version);
    }

    /// Forgets all requests.
    pub fn clear(&self) {
        self.change(|kept, version| {
            *kept = Kept {
                version,
                cleared: version,
                settings: kept.settings,
                ..Kept::default()
            };
        });
    }

    fn change(&self, change: impl FnOnce(&mut Kept, u64)) {
        let mut kept = self.kept.lock();
        kept.version += 1;
        let version = kept.version;
        change(&mut kept, version);
        drop(kept);
        self.version.send_replace(version);
    }

    /// At most `most` changes after that version, the earliest first, each with its version.
    pub fn since(&self, version: u64, most: usize) -> Vec<(u64, Change)> {
        let kept = self.kept.lock();
        let mut changes = Vec::new();
        if kept.cleared > version {
            changes.push((kept.cleared, Change::Cleared));
        }
        if kept.settings > version {
            changes.push((kept.settings, Change::Settings));
        }
        for entry in &kept.entries {
            if entry.arrived > version {
                let row = Box::new(entry.row.clone());
                changes.push((entry.arrived, Change::Arrived(row)));
            } else if entry.answered > version {
                let change = Change::Answered(entry.row.n, entry.row.answer.clone());
                changes.push((entry.answered, change));
            }
        }
        drop(kept);
        changes.sort_by_key(|(version, _)| *version);
        changes.truncate(most);
        changes
    }

    /// A request that is kept.
    pub fn find(&self, n: u64) -> Option<Entry> {
        let kept = self.kept.lock();
        kept.entries.iter().find(|entry| entry.row.n == n).cloned()
    }

    /// All that are kept, in their order.
    pub fn all(&self) -> Vec<(Arc<Record>, SystemTime)> {
        let kept = self.kept.lock();
        let entries = kept.entries.iter();
        entries
            .map(|entry| (Arc::clone(&entry.record), entry.at))
            .collect()
    }
}

impl Kept {
    /// The first request with that id, if it is not this one.
    fn first(&mut self, id: &str, n: u64) -> Option<u64> {
        if let Some(first) = self.ids.get(id) {
            return Some(*first);
        }
        if id.len() <= MAX_ID {
            if self.ids_in_order.len() == MAX_IDS
                && let Some(old) = self.ids_in_order.pop_front()
            {
                self.ids.remove(&old);
            }
            self.ids.insert(id.to_owned(), n);
            self.ids_in_order.push_back(id.to_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_endpoint::Version;

    fn add(store: &Store, n: u64, id: &str, bytes: usize) {
        let record = Record {
            n,
            micros: 0,
            connection: 1,
            version: Version::Http11,
            method: "POST".to_owned(),
            path: "/".to_owned(),
            raw_headers: Vec::new(),
            body: vec![0; bytes],
            body_len: bytes as u64,
            complete: true,
            tls: None,
        };
        let row = Row {
            n,
            id: Some(id.to_owned()),
            ..Row::default()
        };
        store.add(row, &record, SystemTime::now());
    }

    fn words(store: &Store, version: u64) -> Vec<String> {
        let changes = store.since(version, 100).into_iter();
        changes
            .map(|(version, change)| match change {
                Change::Cleared => format!("{version} cleared"),
                Change::Settings => format!("{version} settings"),
                Change::Arrived(row) => format!("{version} arrived {} {:?}", row.n, row.again),
                Change::Answered(n, _) => format!("{version} answered {n}"),
            })
            .collect()
    }

    #[test]
    fn a_page_gets_what_it_has_missed_and_learns_of_duplicates() {
        let store = Store::new(10);
        add(&store, 1, "a", 0);
        add(&store, 2, "b", 0);
        store.answered(1, Answer::Closed { ms: 1 }, None);
        add(&store, 3, "a", 0);
        store.settings_changed();
        let later = ["3 answered 1", "4 arrived 3 Some(1)", "5 settings"];
        assert_eq!(words(&store, 2), later);
        assert_eq!(
            words(&store, 0)[..2],
            ["1 arrived 1 None", "2 arrived 2 None"]
        );
        assert_eq!(store.since(0, 1).len(), 1);
        store.clear();
        assert_eq!(words(&store, 5), ["6 cleared"]);
        add(&store, 4, "a", 0);
        assert_eq!(words(&store, 6), ["7 arrived 4 None"]);
    }

    #[test]
    fn only_the_last_are_kept() {
        let store = Store::new(3);
        for n in 1..=5 {
            add(&store, n, &n.to_string(), 0);
        }
        store.answered(1, Answer::Waiting, None);
        assert_eq!(store.all().len(), 3);
        assert!(store.find(2).is_none() && store.find(3).is_some());
        let store = Store::new(100);
        for n in 1..=5 {
            add(&store, n, &n.to_string(), MAX_BYTES / 4);
        }
        assert_eq!(store.all().len(), 3);
        let store = Store::new(1);
        for n in 0..MAX_IDS as u64 + 10 {
            add(&store, n, &n.to_string(), 0);
        }
        let kept = store.kept.lock();
        assert_eq!(
            (kept.ids.len(), kept.ids_in_order.len()),
            (MAX_IDS, MAX_IDS)
        );
    }
}
