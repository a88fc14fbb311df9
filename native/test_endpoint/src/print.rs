//! Requests as text for a terminal.

use crate::records::Record;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// Longest body shown, in bytes.
const MAX_SHOWN: usize = 4096;

/// The request as lines: time (UTC), number, method and path, then a form's fields decoded, or the
/// body as text. Control characters are escaped, so that a request cannot drive the terminal.
#[must_use]
pub fn request_text(record: &Record, at: SystemTime) -> String {
    let mut out = format!(
        "{} #{} {} {} HTTP/{} {} bytes",
        time_of_day(at),
        record.n,
        safe(&record.method),
        safe(&record.path),
        record.version,
        record.body_len,
    );
    if let Some(coding) = record.header("content-encoding") {
        out.push(' ');
        out.push_str(&safe(&String::from_utf8_lossy(coding)));
    }
    if !record.complete {
        out.push_str(" (incomplete)");
    }
    out.push('\n');
    let is_form = record
        .header("content-type")
        .is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded"));
    if is_form {
        for (name, value) in record.form() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "    {}: {}", safe(&name), safe(&value));
        }
    } else if !record.body.is_empty() {
        let content = record.content();
        let shown = content.get(..MAX_SHOWN).unwrap_or(&content);
        let more = if shown.len() < content.len() {
            " …"
        } else {
            ""
        };
        let text = String::from_utf8_lossy(shown);
        let _ = writeln!(out, "    {}{more}", safe(&text));
    }
    out
}

/// Escapes everything that is not plainly visible: control characters, and characters that change the
/// direction of text or are invisible.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || hidden {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

fn time_of_day(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() % 86_400;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let millis = since.subsec_millis();
    format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Version;
    use std::time::Duration;

    fn record(kind: &str, body: &[u8]) -> Record {
        Record {
            n: 7,
            micros: 0,
            connection: 1,
            version: Version::Http11,
            method: "POST".to_owned(),
            path: "/a".to_owned(),
            raw_headers: format!("Content-Type: {kind}\r\n").into_bytes(),
            body: body.to_vec(),
            body_len: body.len() as u64,
            complete: true,
            tls: None,
        }
    }

    #[test]
    fn forms_are_decoded_and_nothing_drives_the_terminal() {
        let form = record(
            "application/x-www-form-urlencoded",
            b"author=alice&message=Hi%2C+%C5%81%1B%5B2J%0A%E2%80%AEx",
        );
        let at = UNIX_EPOCH + Duration::from_millis(3_723_004);
        assert_eq!(
            request_text(&form, at),
            "01:02:03.004 #7 POST /a HTTP/1.1 54 bytes\n    author: alice\n    \
             message: Hi, Ł\\u{1b}[2J\\n\\u{202e}x\n"
        );
    }

    #[test]
    fn other_bodies_are_shown_as_text() {
        let text = request_text(&record("text/plain", b"a\tb\xff"), UNIX_EPOCH);
        assert!(text.ends_with("\n    a\\tb\u{fffd}\n"), "{text}");
        let long = request_text(&record("text/plain", &[b'x'; 5000]), UNIX_EPOCH);
        assert!(long.ends_with("x …\n") && long.len() < 4200);
    }
}
