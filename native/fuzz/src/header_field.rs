//! Headers of callback modules: a header that passes is read as exactly one header by the server. One that does not pass is
//! forbidden by HTTP, frames the connection, or is an invalid `host`.

use payload::header;

fn is_token(name: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(allowed)
}

fn is_value(value: &[u8]) -> bool {
    value
        .iter()
        .all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

fn frames(name: &[u8]) -> bool {
    let framing = [
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
    ];
    framing
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
}

/// A value of `host` that may be refused: anything but a plain name.
fn is_odd_host(name: &[u8], value: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    name.eq_ignore_ascii_case(b"host") && (value.is_empty() || !value.iter().all(plain))
}

/// A name and a value.
pub fn check(bytes: &[u8]) {
    let Some((name, value)) = crate::parts::<(&[u8], &[u8])>(bytes) else {
        return;
    };
    let Ok((checked, passed)) = header::check(name, value) else {
        // A name of 64 KiB is refused too.
        let long = name.len() > usize::from(u16::MAX) - 1;
        let odd = is_odd_host(name, value);
        assert!(!is_token(name) || !is_value(value) || frames(name) || long || odd);
        return;
    };
    assert!(is_token(name) && is_value(value) && !frames(name));
    assert!(checked.as_str().as_bytes().eq_ignore_ascii_case(name));
    assert_eq!(passed.as_bytes(), value);
    // The request as a server parses it.
    let mut request = b"POST / HTTP/1.1\r\n".to_vec();
    request.extend_from_slice(checked.as_str().as_bytes());
    request.extend_from_slice(b": ");
    request.extend_from_slice(passed.as_bytes());
    request.extend_from_slice(b"\r\n\r\n");
    let mut headers = [httparse::EMPTY_HEADER; 4];
    let mut parsed = httparse::Request::new(&mut headers);
    let status = parsed.parse(&request).expect("a request");
    assert_eq!(status, httparse::Status::Complete(request.len()));
    assert_eq!(parsed.headers.len(), 1);
    assert_eq!(parsed.headers[0].value, value.trim_ascii());
}
