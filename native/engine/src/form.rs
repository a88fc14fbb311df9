//! The default body: `application/x-www-form-urlencoded`, byte for byte what `cow_qs:qs/1` gives.
//!
//! `form_urlencoded` does the work; the two differ in `*`, which it leaves as it is and `cow_qs`
//! escapes. Not here: names are not prepared, the host has done that.

use crate::notification::Names;

/// Author, server, receiver and message in that order.
#[must_use]
pub fn encode(names: &Names<'_>, message: &[u8]) -> Vec<u8> {
    let fields = [
        (&b"author="[..], names.sender),
        (b"&server=", names.server),
        (b"&receiver=", names.receiver),
        (b"&message=", message),
    ];
    let plain: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let mut body = Vec::with_capacity(plain + plain / 4);
    for (name, value) in fields {
        body.extend_from_slice(name);
        for piece in form_urlencoded::byte_serialize(value) {
            push(&mut body, piece);
        }
    }
    body
}

fn push(body: &mut Vec<u8>, piece: &str) {
    if piece.contains('*') {
        body.extend_from_slice(piece.replace('*', "%2A").as_bytes());
    } else {
        body.extend_from_slice(piece.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &[u8]) -> String {
        let names = Names {
            sender: b"alice",
            server: b"localhost",
            receiver: b"bob",
        };
        String::from_utf8(encode(&names, text)).expect("a form is ASCII")
    }

    #[test]
    fn the_example_of_the_host_contract() {
        assert_eq!(
            message("Hi & bye =+é %".as_bytes()),
            "author=alice&server=localhost&receiver=bob&message=Hi+%26+bye+%3D%2B%C3%A9+%25"
        );
    }

    #[test]
    fn bytes_that_stay_and_bytes_that_are_escaped() {
        assert_eq!(message(b"aZ09-._"), message(b"").clone() + "aZ09-._");
        assert_eq!(message(b"*~!'()"), message(b"") + "%2A%7E%21%27%28%29");
        assert_eq!(message(&[0, 0x7f, 0xff]), message(b"") + "%00%7F%FF");
    }
}
