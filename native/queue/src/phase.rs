//! The phases of a pool, with what the pool has in each, and the rules of an open one. The transitions
//! are in [`crate::core`].

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// What happens to a notification when every worker is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenBusy {
    /// It waits for its turn.
    Wait,
    /// The notification is rejected (`next_available_worker`).
    Reject,
}

/// What a pool has in its phases, beyond what the queue needs.
pub trait Parts: Debug {
    /// The options to open with.
    type Options: Debug;
    /// What an open pool delivers with; each worker has one.
    type Opened: Clone + Debug;
    /// The pool that takes over.
    type Heir: Clone + Debug;
}

/// A pool that has nothing beyond what the queue needs.
#[derive(Debug)]
pub enum Bare {}

impl Parts for Bare {
    type Options = ();
    type Opened = ();
    type Heir = ();
}

/// What a pool does with new items and with those that it has.
#[derive(Debug)]
pub enum Phase<P: Parts> {
    /// Not open yet: items wait.
    Waiting(Stage<P>),
    /// Not open yet and no longer wanted: accepts no new items, and drains once it is open.
    Leaving(Stage<P>),
    /// Accepts and delivers items.
    Open(Rules, P::Opened),
    /// Delivers items and accepts no new ones.
    Draining(Rules, P::Opened),
    /// Cannot be opened, at least for now, for this reason: accepts and delivers nothing.
    Broken(Arc<str>),
    /// Handed over for good: the heir gets what would be for this pool.
    HandedOver(P::Heir),
    /// Closed for good, with what it was open with.
    Closed(Option<P::Opened>),
}

/// How far a pool that is not open has come.
#[derive(Debug)]
pub enum Stage<P: Parts> {
    /// It has no options.
    Spare,
    /// It has options.
    Configured(P::Options),
    /// Its opening has begun; the last try has failed for this reason, if one has.
    Opening(Option<Arc<str>>),
    /// It never had options, and its items go to this pool.
    HandingOver(P::Heir),
}

/// What the caller who wants to open a pool has to do.
#[derive(Debug)]
pub enum Begin<O> {
    /// Open it with these options.
    Open(O),
    /// Nothing: the opening has begun before.
    Begun,
    /// Nothing: the pool has ended.
    Ended,
    /// Nothing: the pool has no options.
    NotConfigured,
}

impl<P: Parts> Phase<P> {
    /// The phase in one word: `spare` if the pool has no options yet, and otherwise `opening`, `leaving`
    /// (not open yet, and no longer wanted), `open`, `draining`, `broken` or `closed`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting(Stage::Spare | Stage::HandingOver(_)) => "spare",
            Self::Waiting(Stage::Configured(_) | Stage::Opening(_)) => "opening",
            Self::Leaving(_) => "leaving",
            Self::Open(..) => "open",
            Self::Draining(..) => "draining",
            Self::Broken(_) => "broken",
            Self::HandedOver(_) | Self::Closed(_) => "closed",
        }
    }

    /// The rules, if the pool delivers.
    #[must_use]
    pub const fn rules(&self) -> Option<&Rules> {
        match self {
            Self::Open(rules, _) | Self::Draining(rules, _) => Some(rules),
            Self::Waiting(_)
            | Self::Leaving(_)
            | Self::Broken(_)
            | Self::HandedOver(_)
            | Self::Closed(_) => None,
        }
    }

    /// What the pool is open with, or was.
    #[must_use]
    pub const fn opened(&self) -> Option<&P::Opened> {
        match self {
            Self::Open(_, opened) | Self::Draining(_, opened) => Some(opened),
            Self::Closed(opened) => opened.as_ref(),
            Self::Waiting(_) | Self::Leaving(_) | Self::Broken(_) | Self::HandedOver(_) => None,
        }
    }

    /// Why the pool is not open, once that is known.
    #[must_use]
    pub const fn defect(&self) -> Option<&Arc<str>> {
        match self {
            Self::Broken(defect) => Some(defect),
            Self::Waiting(Stage::Opening(defect)) | Self::Leaving(Stage::Opening(defect)) => {
                defect.as_ref()
            }
            _ => None,
        }
    }

    /// The pool to which this pool is or was handed over.
    #[must_use]
    pub const fn heir(&self) -> Option<&P::Heir> {
        match self {
            Self::Waiting(Stage::HandingOver(heir))
            | Self::Leaving(Stage::HandingOver(heir))
            | Self::HandedOver(heir) => Some(heir),
            _ => None,
        }
    }

    /// Whether the pool is open, and takes items.
    #[must_use]
    pub const fn takes(&self) -> bool {
        matches!(self, Self::Open(..))
    }

    /// Whether the pool has ended.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::HandedOver(_) | Self::Closed(_))
    }
}

/// The settings of an open pool that concern its queue.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The maximum number of workers.
    pub workers: usize,
    /// Whether items may wait for a worker.
    pub when_busy: WhenBusy,
    /// The maximum number of waiting items.
    pub max_waiting: Option<usize>,
    /// How long an item may wait at the head of its lane.
    pub call_timeout: Duration,
}
