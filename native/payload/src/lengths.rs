//! Lengths as notifications keep them: seven bits per byte, lowest bits first. The top bit of a byte says
//! that more bytes follow.

use bytes::Buf;

/// Appends a length.
pub fn push(bytes: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = length.to_le_bytes()[0];
        length >>= 7;
        if length == 0 && low < 0x80 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Takes a length off the front, if as many bytes follow it.
pub fn take(bytes: &mut impl Buf) -> Option<usize> {
    let mut length = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let byte = bytes.try_get_u8().ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return (length <= bytes.remaining()).then_some(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{push, take};

    #[test]
    fn lengths() {
        for (length, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (16_383, &[0xff, 127]),
            (65_536, &[0x80, 0x80, 4]),
        ] {
            let mut written = Vec::new();
            push(&mut written, length);
            assert_eq!(written, bytes, "{length}");
            written.resize(written.len() + length, b'x');
            assert_eq!(take(&mut &written[..]), Some(length));
            if length > 0 {
                written.pop();
                assert_eq!(take(&mut &written[..]), None, "{length}");
            }
        }
        assert_eq!(take(&mut &[0xff; 12][..]), None);
    }
}
