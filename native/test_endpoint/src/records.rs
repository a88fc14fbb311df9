//! The recorded requests: bounded, in order of receipt.

use crate::coding::{self, CodingError};
use parking_lot::Mutex;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// No body is longer than this when it is decompressed.
const LONGEST: u64 = 256 * 1024 * 1024;

/// HTTP version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 => "2",
        })
    }
}

/// The TLS session of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// Name of the protocol version, such as `TLSv1_3`.
    pub version: String,
    /// The server name that the client requested.
    pub sni: Option<String>,
    /// The protocol agreed on by ALPN.
    pub alpn: Option<String>,
    /// The client's own certificate, DER.
    pub client_cert: Option<Vec<u8>>,
}

/// One request as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Number in order of receipt, from 1; assigned when the body is complete or given up.
    pub n: u64,
    /// When the head was read, in microseconds since the test endpoint was started.
    pub micros: u64,
    /// Number of the connection, from 1 in order of acceptance.
    pub connection: u64,
    /// HTTP version.
    pub version: Version,
    /// Method, as on the wire.
    pub method: String,
    /// Request target with query, as on the wire.
    pub path: String,
    /// The header lines, each with its line end. In HTTP/1 as they were on the wire; in HTTP/2 made from
    /// the decoded fields, with the authority as `host`.
    pub raw_headers: Vec<u8>,
    /// The first `max_body` bytes of the body, without its chunked coding.
    pub body: Vec<u8>,
    /// Length of the whole body in bytes.
    pub body_len: u64,
    /// Whether the body was read to its end.
    pub complete: bool,
    /// The TLS session, if any.
    pub tls: Option<TlsInfo>,
}

impl Record {
    /// Names and values in order: names as on the wire, values without surrounding blanks.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let lines = self.raw_headers.split(|byte| *byte == b'\n');
        lines.filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let value = line.get(colon + 1..)?.trim_ascii();
            Some((line.get(..colon)?, value))
        })
    }

    /// Value of the first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers()
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The body without its `content-encoding`, if that is one that we know.
    #[must_use]
    pub fn content(&self) -> Cow<'_, [u8]> {
        let content = self.content_up_to(LONGEST);
        content.unwrap_or(Cow::Borrowed(&self.body))
    }

    /// The body without its `content-encoding`, if there is one.
    ///
    /// # Errors
    ///
    /// It cannot be decompressed, or becomes longer than that.
    pub fn content_up_to(&self, longest: u64) -> Result<Cow<'_, [u8]>, CodingError> {
        match self.header("content-encoding") {
            Some(coding) => coding::decoded(coding, &self.body, longest).map(Cow::Owned),
            None => Ok(Cow::Borrowed(&self.body)),
        }
    }

    /// The content read as a form: names and values, decoded.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        let content = self.content();
        form_urlencoded::parse(&content).into_owned().collect()
    }

    /// When the head was read, since the test endpoint was started.
    #[must_use]
    pub const fn arrived(&self) -> Duration {
        Duration::from_micros(self.micros)
    }
}

#[derive(Debug, Default)]
struct Kept {
    records: Vec<Record>,
    /// Number of the last record, kept or not.
    last: u64,
    dropped: u64,
}

/// The records of one endpoint.
#[derive(Debug)]
pub(crate) struct Records {
    max: usize,
    kept: Mutex<Kept>,
}

impl Records {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            kept: Mutex::new(Kept::default()),
        }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.max > 0
    }

    /// Numbers the record, and keeps a copy unless too many are kept.
    pub(crate) fn number(&self, mut record: Record) -> Record {
        let mut kept = self.kept.lock();
        kept.last += 1;
        record.n = kept.last;
        if kept.records.len() < self.max {
            kept.records.push(record.clone());
        } else {
            kept.dropped += 1;
        }
        record
    }

    /// Every record kept with a number of at least `from`.
    pub(crate) fn from(&self, from: u64) -> Vec<Record> {
        let kept = self.kept.lock();
        let start = kept.records.partition_point(|record| record.n < from);
        kept.records.get(start..).unwrap_or_default().to_vec()
    }

    /// How many records are kept, and how many were dropped.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let kept = self.kept.lock();
        (kept.records.len() as u64, kept.dropped)
    }

    /// Forgets all records; numbers start at 1 again.
    pub(crate) fn clear(&self) {
        *self.kept.lock() = Kept::default();
    }
}
