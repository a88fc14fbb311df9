//! What the test endpoint does with requests and connections: a [`Plan`] is one [`Behaviour`] or a
//! weighted mix of them.
//!
//! A plan is plain data. `rules` decides when it applies; `h1`, `http2` and `tls_faults` play it.
//!
//! The text form is a line of words `key=value`, see [`Plan::from_str`](std::str::FromStr). It has a
//! parser of its own because it must stay one line on a command line, and its errors name the wrong
//! word: serde has no format with repeated keys, percent-encoding and weights.
//!
//!
//! ```text
//! status=503 delay=100-300 seed=7
//! fault=close-in-body body-size=2000
//! mix seed=42 | 70 status=200 | 20 status=503 delay=10-50 | 10 fault=close-before-head
//! ```

mod chance;
mod fault;
mod parse;

pub(crate) use chance::Dice;
pub use fault::Fault;
pub(crate) use fault::Level;
pub use parse::PlanError;

use bytes::Bytes;
use std::time::Duration;

/// What the test endpoint does: always the same, or one of several at random.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// The same for every request.
    Always(Behaviour),
    /// One of several, drawn by weight from a seeded sequence.
    Mix(Mix),
}

/// Several behaviours of which one is drawn for each request.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    /// Start of the sequence of draws; the same seed returns the same sequence.
    pub seed: u64,
    /// Weight and behaviour. An accepted connection draws from all of them, and is served as usual
    /// unless it draws a connection fault. A request draws from those without a connection fault.
    pub parts: Vec<(u32, Behaviour)>,
}

/// What the test endpoint does with one request or connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// Status of the answer, 200 to 599.
    pub status: u16,
    /// How long to wait between the end of the request and the answer (or the fault).
    pub delay: Delay,
    /// Body of the answer.
    pub body: Bytes,
    /// Headers of the answer, besides its length.
    pub headers: Vec<(String, String)>,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// Time between two bytes of `slow`.
    pub interval: Duration,
    /// Bytes of the header of `huge-header`.
    pub size: usize,
    /// Number of headers of `many-headers`.
    pub count: usize,
}

/// A waiting time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// None at all.
    None,
    /// Always the same.
    Fixed(Duration),
    /// Uniformly distributed between two bounds, from a seeded sequence.
    Range {
        /// Shortest time.
        from: Duration,
        /// Longest time.
        to: Duration,
        /// Start of the sequence.
        seed: u64,
    },
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            status: 200,
            delay: Delay::None,
            body: Bytes::new(),
            headers: Vec::new(),
            fault: None,
            interval: Duration::from_secs(1),
            size: 1024 * 1024,
            count: 10_000,
        }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::Always(Behaviour::default())
    }
}

impl Plan {
    /// Answers everything with that status and an empty body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Always(Behaviour {
            status,
            ..Behaviour::default()
        })
    }

    /// Plays that fault every time.
    #[must_use]
    pub fn fault(fault: Fault) -> Self {
        Self::Always(Behaviour {
            fault: Some(fault),
            ..Behaviour::default()
        })
    }

    /// The same plan with that delay before every answer.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        match &mut self {
            Self::Always(behaviour) => behaviour.delay = Delay::Fixed(delay),
            Self::Mix(mix) => {
                for (_, behaviour) in &mut mix.parts {
                    behaviour.delay = Delay::Fixed(delay);
                }
            }
        }
        self
    }

    pub(crate) fn behaviours(&self) -> impl Iterator<Item = &Behaviour> {
        let (one, many) = match self {
            Self::Always(behaviour) => (Some(behaviour), [].as_slice()),
            Self::Mix(mix) => (None, mix.parts.as_slice()),
        };
        one.into_iter()
            .chain(many.iter().map(|(_, behaviour)| behaviour))
    }

    pub(crate) fn faults(&self) -> impl Iterator<Item = Fault> {
        self.behaviours().filter_map(|behaviour| behaviour.fault)
    }
}
