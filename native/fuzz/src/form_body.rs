//! The default body, compared with an encoder that follows the rules of `cow_qs` byte by byte: those up to cowlib 2.13, and
//! those after it.

use std::fmt::Write;

use notification::Names;
use payload::form::{self, FormStyle};

fn stays(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_')
}

fn reference(value: &[u8], in_groups: bool) -> String {
    let mut text = String::new();
    let mut group = 0;
    for (at, &byte) in value.iter().enumerate() {
        let next: Vec<bool> = value[at..]
            .iter()
            .take(4)
            .map(|&byte| stays(byte))
            .collect();
        if in_groups && group == 0 && next == [false; 4] {
            group = 4;
        }
        if stays(byte) {
            text.push(char::from(byte));
        } else if byte == b' ' && group == 0 {
            text.push('+');
        } else {
            write!(text, "%{byte:02X}").expect("room in a string");
        }
        group = usize::saturating_sub(group, 1);
    }
    text
}

/// The encoder, then the four values.
pub fn check(bytes: &[u8]) {
    type Parts<'a> = (bool, &'a [u8], &'a [u8], &'a [u8], &'a [u8]);
    let Some((in_groups, sender, server, receiver, message)) = crate::parts::<Parts<'_>>(bytes)
    else {
        return;
    };
    let names = Names {
        sender,
        server,
        receiver,
    };
    let expected = format!(
        "author={}&server={}&receiver={}&message={}",
        reference(sender, in_groups),
        reference(server, in_groups),
        reference(receiver, in_groups),
        reference(message, in_groups)
    );
    let style = if in_groups {
        FormStyle::InGroups
    } else {
        FormStyle::EachByte
    };
    assert_eq!(form::encode(&names, message, style), expected.as_bytes());
}
