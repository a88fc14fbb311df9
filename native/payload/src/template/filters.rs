//! The filters that make text of values, bounded.
//!
//! minijinja's own make the text of a list before they count its bytes, and `[[1] * 99999] * 99999` is a
//! short list of a long text. Filters that no payload needs are left out.

use std::fmt::{self, Write as _};
use std::io;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::limits::OUTPUT;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Replaces and removes filters.
pub(super) fn install(environment: &mut Environment<'_>) {
    for name in ["title", "indent", "escape", "e", "pprint"] {
        environment.remove_filter(name);
    }
    environment.add_filter("string", |value: &Value| text(value));
    environment.add_filter("safe", |value: &Value| {
        text(value).map(Value::from_safe_string)
    });
    environment.add_filter("upper", |value: &Value| {
        Ok::<_, Error>(text(value)?.to_uppercase())
    });
    environment.add_filter("lower", |value: &Value| {
        Ok::<_, Error>(text(value)?.to_lowercase())
    });
    environment.add_filter("capitalize", capitalize);
    environment.add_filter("trim", trim);
    environment.add_filter("replace", replace);
    environment.add_filter("join", join);
    environment.add_filter("urlencode", |value: &Value| {
        Ok::<_, Error>(percent_encoded(&text(value)?))
    });
    environment.add_filter("epoch", epoch);
    environment.add_filter("tojson", |value: &Value| {
        json(value).map(Value::from_safe_string)
    });
}

/// The text of a value.
pub(super) fn text(value: &Value) -> Result<String, Error> {
    if value.kind() == ValueKind::Undefined {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let mut text = Bounded::default();
    write!(text, "{value}").map_err(|_| too_long())?;
    Ok(text.0)
}

/// The value as JSON.
pub(super) fn json(value: &Value) -> Result<String, Error> {
    if value.kind() == ValueKind::Undefined {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let mut json = Bounded::default();
    serde_json::to_writer(&mut json, value).map_err(|error| {
        if error.is_io() {
            return too_long();
        }
        Error::from(ErrorKind::BadSerialization)
    })?;
    Ok(json.0)
}

const TOO_LONG: &str = "the text of a value has more than";

fn too_long() -> Error {
    let text = format!("{TOO_LONG} {OUTPUT} bytes");
    Error::new(ErrorKind::InvalidOperation, text)
}

/// Whether the text of a value was too long.
pub(super) fn is_too_long(error: &Error) -> bool {
    let detail = error.detail();
    detail.is_some_and(|detail| detail.starts_with(TOO_LONG))
}

fn capitalize(value: &Value) -> Result<String, Error> {
    let text = text(value)?;
    let mut chars = text.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    Ok(first + &chars.as_str().to_lowercase())
}

fn trim(value: &Value, chars: Option<&str>) -> Result<String, Error> {
    let text = text(value)?;
    let trimmed = match chars {
        None => text.trim(),
        Some(chars) => text.trim_matches(|c| chars.contains(c)),
    };
    Ok(trimmed.to_owned())
}

fn replace(value: &Value, from: &Value, to: &Value) -> Result<String, Error> {
    let (text, from, to) = (text(value)?, self::text(from)?, self::text(to)?);
    let growth = text.matches(&from).count().saturating_mul(to.len());
    if growth.saturating_add(text.len()) > OUTPUT {
        return Err(too_long());
    }
    Ok(text.replace(&from, &to))
}

fn join(list: &Value, between: Option<&str>) -> Result<String, Error> {
    let between = between.unwrap_or_default();
    let mut joined = Bounded::default();
    for (number, item) in list.try_iter()?.enumerate() {
        // Each counts, so that a list of empty texts ends too.
        if number > OUTPUT {
            return Err(too_long());
        }
        if number > 0 {
            joined.write_str(between).map_err(|_| too_long())?;
        }
        joined.write_str(&text(&item)?).map_err(|_| too_long())?;
    }
    Ok(joined.0)
}

/// The text with only what RFC 3986 (2.3) calls unreserved left as it is.
pub(super) fn percent_encoded(text: &str) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            let [high, low] = [byte >> 4, byte & 0xf].map(|half| HEX[usize::from(half)]);
            encoded.extend(['%', char::from(high), char::from(low)]);
        }
    }
    encoded
}

/// A timestamp as the time since the start of 1970, in `s`, `ms`, `us` or `ns`.
fn epoch(timestamp: &str, unit: &str) -> Result<i64, Error> {
    let wrong = |text| Error::new(ErrorKind::InvalidOperation, text);
    let time = OffsetDateTime::parse(timestamp, &Rfc3339)
        .map_err(|_| wrong("epoch needs a timestamp such as 2026-11-26T12:34:56.789012Z"))?;
    let divisor = match unit {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        _ => return Err(wrong("epoch needs one of the units s, ms, us and ns")),
    };
    let since = time.unix_timestamp_nanos() / divisor;
    i64::try_from(since).map_err(|_| wrong("the timestamp is out of range"))
}

/// A text of bounded length.
#[derive(Default)]
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > OUTPUT.saturating_sub(self.0.len()) {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // serde_json writes whole characters.
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.write_str(text).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
