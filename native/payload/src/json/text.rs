//! A text as JSON. Hardly any has something to escape, so that is found out for eight bytes at a time.

/// Adds the text, in quotation marks.
pub(super) fn push(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    if is_plain(text) {
        out.extend_from_slice(text.as_bytes());
    } else {
        text.bytes().for_each(|byte| push_byte(out, byte));
    }
    out.push(b'"');
}

/// Whether the text stands in JSON as it is.
pub(super) fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    // What a text has beyond its whole words is in the last word, some of which is looked at twice.
    if let Some(last) = bytes.last_chunk() {
        let (words, _) = bytes.as_chunks();
        let all = words.iter().fold(0, |found, word| found | specials(*word));
        return all | specials(*last) == 0;
    }
    if let (Some([a, b, c, d]), Some([e, f, g, h])) = (bytes.first_chunk(), bytes.last_chunk()) {
        return specials([*a, *b, *c, *d, *e, *f, *g, *h]) == 0;
    }
    !bytes.iter().any(|byte| is_special(*byte))
}

fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

const LOW: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = LOW << 7;

/// Not 0 if any of the bytes is special. The highest bit of a byte says so of it; a borrow from a lower byte
/// can set it too, but only if that one is special.
fn specials(word: [u8; 8]) -> u64 {
    let word = u64::from_ne_bytes(word);
    let below = |word: u64, limit: u8| word.wrapping_sub(LOW * u64::from(limit)) & !word;
    let equals = |byte: u8| below(word ^ (LOW * u64::from(byte)), 1);
    (below(word, b' ') | equals(b'"') | equals(b'\\')) & HIGH
}

fn push_byte(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        byte if !is_special(byte) => return out.push(byte),
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        b'"' | b'\\' => byte,
        _ => {
            out.extend_from_slice(b"\\u00");
            return out.extend([byte >> 4, byte & 0xf].map(digit));
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'a' - 10 + value,
    }
}
