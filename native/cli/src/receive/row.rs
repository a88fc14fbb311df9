//! What the page is told of a request: plain data.

use serde::Serialize;

/// What the list shows of a request.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Row {
    /// Its number.
    pub n: u64,
    /// When it arrived, RFC 3339.
    pub at: String,
    /// Method.
    pub method: String,
    /// Request target.
    pub path: String,
    /// Length of the body as sent.
    pub bytes: u64,
    /// The format, in words.
    pub format: &'static str,
    /// The content coding.
    pub encoding: Option<String>,
    /// How many events there are.
    pub events: usize,
    /// The first event's type.
    pub kind: String,
    /// Whom it is about.
    pub who: String,
    /// Its text.
    pub line: String,
    /// What is wrong with the body.
    pub problem: Option<String>,
    /// Its `webhook-id`.
    pub id: Option<String>,
    /// The number of the first request with that id, if this is another one.
    pub again: Option<u64>,
    /// What the signatures are worth, if that was asked for.
    pub signature: Option<Signature>,
    /// The answer.
    pub answer: Answer,
}

/// Whether a request is signed with one of the keys.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Signature {
    /// It may be trusted.
    pub valid: bool,
    /// There is none.
    pub missing: bool,
    /// In words.
    pub text: String,
}

/// What became of a request.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Answer {
    /// Not answered yet.
    #[default]
    Waiting,
    /// The sender broke off in the middle of the request.
    Incomplete,
    /// Answered.
    Sent {
        /// With this status.
        status: u16,
        /// So many milliseconds after it had arrived.
        ms: u64,
    },
    /// The connection was closed, as the settings say.
    Closed {
        /// So many milliseconds after it had arrived.
        ms: u64,
    },
    /// The sender did not wait for the answer.
    Left {
        /// So many milliseconds after it had arrived.
        ms: u64,
    },
}

/// What the service behind `--forward` did.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Forwarded {
    /// Where the request went.
    pub url: String,
    /// The service's status.
    pub status: Option<u16>,
    /// Why there is none.
    pub error: Option<String>,
    /// How long it took.
    pub ms: u64,
    /// The answer's header fields.
    pub headers: Vec<(String, String)>,
    /// The beginning of the answer's body.
    pub body: String,
    /// Length of the answer's body.
    pub bytes: usize,
}
