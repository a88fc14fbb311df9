//! The default body: `application/x-www-form-urlencoded`, byte for byte what the host's `cow_qs:qs/1`
//! returns. From cowlib 2.14 on (MongooseIM 6.4), `cow_qs` escapes up to four bytes in one step, and a
//! space that is escaped together with three other bytes becomes `%20` instead of `+`. [`FormStyle`]
//! says which of the two the host does.
//!
//! A change of presence has a form of its own, [`encode_presence`].
//!
//! The encoder is written out here because `form_urlencoded` took an eighth of the engine's own time,
//! and leaves `*` unescaped. Names arrive prepared by the host.

use notification::Names;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// How the host's encoder escapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormStyle {
    /// Byte by byte, as cowlib does up to 2.13: a space is `+`.
    #[default]
    EachByte,
    /// Four bytes at a time if all four need it, as cowlib does from 2.14 on: a space among them is
    /// `%20`.
    InGroups,
}

/// Encodes author, server, receiver and message, in that order.
#[must_use]
pub fn encode(names: &Names<'_>, message: &[u8], style: FormStyle) -> Vec<u8> {
    let fields = [
        (&b"author="[..], names.sender),
        (b"&server=", names.server),
        (b"&receiver=", names.receiver),
        (b"&message=", message),
    ];
    encode_fields(&fields, style)
}

/// Encodes a change of presence: user, server, resource and status, in that order.
#[must_use]
pub fn encode_presence([user, server, resource, status]: [&[u8]; 4], style: FormStyle) -> Vec<u8> {
    let fields = [
        (&b"user="[..], user),
        (b"&server=", server),
        (b"&resource=", resource),
        (b"&status=", status),
    ];
    encode_fields(&fields, style)
}

/// The separator and the name of a field, and its value.
type Field<'a> = (&'static [u8], &'a [u8]);

fn encode_fields(fields: &[Field<'_>; 4], style: FormStyle) -> Vec<u8> {
    let plain: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let mut body = Vec::with_capacity(plain + plain / 4);
    for (name, value) in fields {
        body.extend_from_slice(name);
        match style {
            FormStyle::InGroups => push_in_groups(&mut body, value),
            FormStyle::EachByte => push_each(&mut body, value),
        }
    }
    body
}

fn push_each(body: &mut Vec<u8>, value: &[u8]) {
    for &byte in value {
        if STAYS[usize::from(byte)] {
            body.push(byte);
        } else {
            escape(body, byte);
        }
    }
}

/// Escapes four bytes together if none of them stays as it is; spaces in such a group become `%20`.
fn push_in_groups(body: &mut Vec<u8>, mut value: &[u8]) {
    // Byte by byte, because the words of a message are too short for copies of whole words to be faster.
    while let [byte, rest @ ..] = value {
        if STAYS[usize::from(*byte)] {
            body.push(*byte);
            value = rest;
            continue;
        }
        match value.split_first_chunk::<4>() {
            Some((group, rest)) if !group.iter().any(|&byte| STAYS[usize::from(byte)]) => {
                for &byte in group {
                    escape_always(body, byte);
                }
                value = rest;
            }
            _ => {
                escape(body, *byte);
                value = rest;
            }
        }
    }
}

/// Which bytes stay as they are.
const STAYS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        {
            table[byte] = stays(byte as u8);
        }
        byte += 1;
    }
    table
};

const fn stays(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

fn escape(body: &mut Vec<u8>, byte: u8) {
    if byte == b' ' {
        body.push(b'+');
    } else {
        escape_always(body, byte);
    }
}

fn escape_always(body: &mut Vec<u8>, byte: u8) {
    let [high, low] = [byte >> 4, byte & 0xf].map(|half| HEX[usize::from(half)]);
    body.extend_from_slice(&[b'%', high, low]);
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
        String::from_utf8(encode(&names, text, FormStyle::EachByte)).expect("a form is ASCII")
    }

    fn grouped(text: &[u8]) -> String {
        let names = Names {
            sender: b"",
            server: b"",
            receiver: b"",
        };
        let form = encode(&names, text, FormStyle::InGroups);
        let prefix = b"author=&server=&receiver=&message=".len();
        String::from_utf8(form[prefix..].to_vec()).expect("a form is ASCII")
    }

    /// The expected values are those of cowlib 2.14.0.
    #[test]
    fn escapes_in_groups_of_four() {
        assert_eq!(grouped(b"Hi & bye"), "Hi+%26+bye");
        assert_eq!(grouped(b"%  ~-"), "%25%20%20%7E-");
        assert_eq!(grouped(b"%  ~"), "%25%20%20%7E");
        assert_eq!(grouped(b"    "), "%20%20%20%20");
        assert_eq!(grouped(b"   "), "+++");
        assert_eq!(grouped(b"a     b"), "a%20%20%20%20+b");
        assert_eq!(
            grouped("ć 🦀 ש".as_bytes()),
            "%C4%87%20%F0%9F%A6%80%20%D7%A9"
        );
        assert_eq!(grouped(b""), "");
    }

    #[test]
    fn the_two_styles_differ_in_spaces_alone() {
        for byte in 0..=255u8 {
            let value = [b'a', byte, b'b', byte, byte, byte, byte, byte, b'c'];
            let names = Names {
                sender: &value,
                server: b"",
                receiver: b"",
            };
            let styles = [FormStyle::EachByte, FormStyle::InGroups]
                .map(|style| String::from_utf8(encode(&names, b"", style)).expect("ASCII"));
            assert_eq!(styles[0].replace('+', "%20"), styles[1].replace('+', "%20"));
        }
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
