//! The default body against an encoder written from the rules of `cow_qs`, a byte at a time: as it is
//! up to cowlib 2.13, and as it is after that.
#![no_main]

use engine::form;
use engine::notification::Names;
use libfuzzer_sys::fuzz_target;

fn stays(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_')
}

fn reference(value: &[u8], in_groups: bool) -> String {
    let mut text = String::new();
    let mut group = 0;
    for (at, &byte) in value.iter().enumerate() {
        let next: Vec<bool> = value[at..].iter().take(4).map(|&byte| stays(byte)).collect();
        if in_groups && group == 0 && next == [false; 4] {
            group = 4;
        }
        if stays(byte) {
            text.push(char::from(byte));
        } else if byte == b' ' && group == 0 {
            text.push('+');
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        group = usize::saturating_sub(group, 1);
    }
    text
}

fuzz_target!(|parts: (bool, &[u8], &[u8], &[u8], &[u8])| {
    let (in_groups, sender, server, receiver, message) = parts;
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
    form::imitate(in_groups);
    assert_eq!(form::encode(&names, message), expected.as_bytes());
});
