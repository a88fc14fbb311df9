//! Parses the head of an HTTP/1 request. It refuses what other servers accept silently (two equal
//! lengths, a length beside chunks, two hosts), so that tests find a client's mistake. It keeps the
//! header lines as they were on the wire, because tests compare requests byte by byte.

use crate::records::Version;
use std::ops::Range;

/// Headers parsed without an allocation.
const USUAL_HEADERS: usize = 64;
/// Most headers of a request.
const MAX_HEADERS: usize = 20_000;

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By a length in bytes; 0 if there is no body.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// A parsed head; the ranges are positions in its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: Range<usize>,
    pub(crate) path: Range<usize>,
    /// The header lines without the empty line.
    pub(crate) headers: Range<usize>,
    pub(crate) version: Version,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
    pub(crate) expects_continue: bool,
    pub(crate) is_head_request: bool,
}

/// The result of parsing the bytes received so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// The head is not complete.
    Partial,
    /// The head, and its length in bytes including the empty line.
    Complete(Head, usize),
    /// Not a valid request, and the reason.
    Bad(&'static str),
}

/// Parses a request's head at the start of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let mut few = [httparse::EMPTY_HEADER; USUAL_HEADERS];
    match parse_into(bytes, &mut few) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut many = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
            parse_into(bytes, &mut many).unwrap_or(Parsed::Bad("too many headers"))
        }
        Err(_) => Parsed::Bad("not HTTP"),
        Ok(parsed) => parsed,
    }
}

fn parse_into<'b>(
    bytes: &'b [u8],
    headers: &mut [httparse::Header<'b>],
) -> Result<Parsed, httparse::Error> {
    let mut request = httparse::Request::new(headers);
    let httparse::Status::Complete(len) = request.parse(bytes)? else {
        return Ok(Parsed::Partial);
    };
    let (method, path) = (
        request.method.unwrap_or_default(),
        request.path.unwrap_or_default(),
    );
    let version = match request.version {
        Some(0) => Version::Http10,
        _ => Version::Http11,
    };
    let path_start = method.len() + 1;
    let line_end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(len);
    let last_line = if bytes.get(..len).is_some_and(|head| head.ends_with(b"\r\n")) {
        2
    } else {
        1
    };
    let mut head = Head {
        method: 0..method.len(),
        path: path_start..path_start + path.len(),
        headers: line_end + 1..len - last_line,
        version,
        framing: Framing::Length(0),
        keep_alive: version == Version::Http11,
        expects_continue: false,
        is_head_request: method == "HEAD",
    };
    Ok(match read_headers(&mut head, request.headers) {
        Ok(()) => Parsed::Complete(head, len),
        Err(why) => Parsed::Bad(why),
    })
}

fn read_headers(head: &mut Head, headers: &[httparse::Header<'_>]) -> Result<(), &'static str> {
    let (mut length, mut chunked, mut host) = (None, false, false);
    for header in headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        match header.name.len() {
            14 if is("content-length") => {
                if length.is_some() {
                    return Err("two content-lengths");
                }
                length = Some(digits(header.value).ok_or("bad content-length")?);
            }
            17 if is("transfer-encoding") => {
                if chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                    return Err("unknown transfer-encoding");
                }
                chunked = true;
            }
            10 if is("connection") => {
                let mut words = header.value.split(|byte| *byte == b',');
                if words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close")) {
                    head.keep_alive = false;
                }
            }
            6 if is("expect") => {
                head.expects_continue = header.value.eq_ignore_ascii_case(b"100-continue");
            }
            4 if is("host") => {
                if host {
                    return Err("two hosts");
                }
                host = true;
            }
            _ => {}
        }
    }
    head.framing = match (length, chunked) {
        (Some(_), true) => return Err("content-length beside transfer-encoding"),
        (None, true) => Framing::Chunked,
        (length, false) => Framing::Length(length.unwrap_or(0)),
    };
    if head.version == Version::Http11 && !host {
        return Err("no host");
    }
    Ok(())
}

fn digits(value: &[u8]) -> Option<u64> {
    // `parse` alone would take a leading plus sign.
    let text = std::str::from_utf8(value).ok()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str) -> (Head, usize) {
        match parse(text.as_bytes()) {
            Parsed::Complete(head, len) => (head, len),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn places_and_framing() {
        let text = "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nrest";
        let (head, len) = good(text);
        assert_eq!(&text[len..], "rest");
        assert_eq!(&text[head.method], "POST");
        assert_eq!(&text[head.path], "/a?b");
        assert_eq!(&text[head.headers], "Host: x\r\nContent-Length: 12\r\n");
        assert_eq!(head.framing, Framing::Length(12));
        assert!(head.keep_alive && !head.expects_continue);
    }

    #[test]
    fn connection_and_expect() {
        let text =
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: x, Close\r\nexpect: 100-Continue\r\n\r\n";
        let (head, _) = good(text);
        assert!(!head.keep_alive && head.expects_continue);
        assert!(!good("GET / HTTP/1.0\r\n\r\n").0.keep_alive);
    }

    #[test]
    fn many_headers() {
        let many = "x: y\r\n".repeat(10_000);
        good(&format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"));
    }

    #[test]
    fn mistakes() {
        let bad = |lines: &str| {
            let text = format!("POST / HTTP/1.1\r\nhost: x\r\n{lines}\r\n");
            matches!(parse(text.as_bytes()), Parsed::Bad(_))
        };
        assert!(!bad(""));
        assert!(bad("content-length: 1\r\ncontent-length: 1\r\n"));
        assert!(bad("content-length: +1\r\n"));
        assert!(bad("content-length: 1\r\ntransfer-encoding: chunked\r\n"));
        assert!(bad("transfer-encoding: gzip\r\n"));
        assert!(bad("host: y\r\n"));
        assert!(matches!(
            parse(b"GET / HTTP/1.1\r\n\r\n"),
            Parsed::Bad("no host")
        ));
        assert!(matches!(parse(b"\x16\x03\x01"), Parsed::Bad(_)));
        assert_eq!(parse(b"POST / HTTP/1.1\r\nhos"), Parsed::Partial);
    }
}
