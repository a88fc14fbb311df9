//! Recorded requests: a line of JSON for each. `receive` writes them, `replay` sends them again.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use test_endpoint::Record;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A request as it arrived.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Recorded {
    /// When, as RFC 3339 in UTC.
    pub at: String,
    /// Method.
    pub method: String,
    /// Request target with its query.
    pub path: String,
    /// Names and values in their order.
    pub headers: Vec<[String; 2]>,
    /// The body as it was sent.
    pub body_base64: String,
}

impl Recorded {
    /// The line for a request.
    pub fn of(record: &Record, at: SystemTime) -> Self {
        Self {
            at: rfc3339(at),
            method: record.method.clone(),
            path: record.path.clone(),
            headers: headers(record),
            body_base64: STANDARD.encode(&record.body),
        }
    }

    /// The line of JSON, with its end.
    pub fn line(&self) -> String {
        // Texts alone: nothing in it can fail.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// The body.
    ///
    /// # Errors
    ///
    /// It is not base64.
    pub fn body(&self) -> Result<Vec<u8>, String> {
        STANDARD
            .decode(&self.body_base64)
            .map_err(|error| format!("body_base64: {error}"))
    }

    /// When it arrived.
    ///
    /// # Errors
    ///
    /// `at` is not a time.
    pub fn arrived(&self) -> Result<OffsetDateTime, String> {
        OffsetDateTime::parse(&self.at, &Rfc3339).map_err(|error| format!("at: {error}"))
    }
}

/// A request's header fields as text.
pub(crate) fn headers(record: &Record) -> Vec<[String; 2]> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let fields = record.headers();
    fields
        .map(|(name, value)| [text(name), text(value)])
        .collect()
}

/// A time in UTC, with microseconds.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let micros = at.microsecond();
    let whole = at.replace_nanosecond(micros * 1000).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_line_is_read_back() {
        let recorded = Recorded {
            at: rfc3339(UNIX_EPOCH + Duration::from_micros(1_500_001)),
            method: "POST".to_owned(),
            path: "/n?a=b".to_owned(),
            headers: vec![["X-A".to_owned(), "\u{e9}\"".to_owned()]],
            body_base64: STANDARD.encode(b"\xff\0"),
        };
        let line = recorded.line();
        assert!(
            line.starts_with(r#"{"at":"1970-01-01T00:00:01.500001Z","method":"POST","#),
            "{line}"
        );
        let read: Recorded = serde_json::from_str(&line).unwrap();
        assert_eq!(read.body().unwrap(), b"\xff\0");
        assert_eq!(read.headers, recorded.headers);
        assert_eq!(read.arrived().unwrap().microsecond(), 500_001);
    }
}
