//! The bytes of an HTTP/1 answer.

use crate::plan::Behaviour;
use http::StatusCode;

/// The part of the answer that depends on the request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    /// Answer as HTTP/1.0.
    pub(crate) http10: bool,
    /// Announce that the connection will be closed.
    pub(crate) close: bool,
    /// The request was HEAD: the answer has the length, but no body.
    pub(crate) head_only: bool,
}

/// Whether an answer with that status may have a body.
pub(crate) const fn may_have_body(status: u16) -> bool {
    status >= 200 && status != 204 && status != 304
}

/// The good answer: a head with the right length, and the body.
pub(crate) fn whole(behaviour: &Behaviour, shape: Shape) -> Vec<u8> {
    let body = behaviour.body.as_ref();
    if !may_have_body(behaviour.status) {
        return head(behaviour, shape, b"");
    }
    let mut out = head(behaviour, shape, &length(body.len()));
    if !shape.head_only {
        out.extend_from_slice(body);
    }
    out
}

/// A `content-length` line.
pub(crate) fn length(bytes: usize) -> Vec<u8> {
    format!("content-length: {bytes}\r\n").into_bytes()
}

/// The status line, the plan's headers, the given lines about the body's framing, and the empty line.
pub(crate) fn head(behaviour: &Behaviour, shape: Shape, framing: &[u8]) -> Vec<u8> {
    let version = if shape.http10 { "1.0" } else { "1.1" };
    let status = behaviour.status;
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Status");
    let mut out = format!("HTTP/{version} {status} {reason}\r\n").into_bytes();
    for (name, value) in &behaviour.headers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(framing);
    if shape.close {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Length of the head in bytes, including the empty line that ends it.
pub(crate) fn head_len(answer: &[u8]) -> usize {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    end.map_or(answer.len(), |at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_answers() {
        let mut plan = Behaviour {
            body: "hello".into(),
            headers: vec![("x-a".into(), "1".into())],
            ..Behaviour::default()
        };
        let shape = Shape::default();
        assert_eq!(
            whole(&plan, shape),
            b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhello"
        );
        let old = Shape {
            http10: true,
            close: true,
            head_only: true,
        };
        assert_eq!(
            whole(&plan, old),
            b"HTTP/1.0 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\nconnection: close\r\n\r\n"
        );
        plan.status = 204;
        assert_eq!(
            whole(&plan, shape),
            b"HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n"
        );
        assert_eq!(head_len(b"a\r\n\r\nbody"), 5);
    }
}
