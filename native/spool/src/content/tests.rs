#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;

const PLAIN: Parts<'static> = Parts {
    lane: b"alice\0localhost",
    message_id: "msg_1",
    direction: Direction::In,
    sender: b"alice",
    server: b"localhost",
    receiver: b"bob",
    kind: Kind::Form,
    text: b"hello",
    extra: b"",
};

/// Files that this release has written are read by the next one.
#[test]
fn the_format_stays_as_it_is() {
    let mut expected = vec![1, 0, 0, 15, 5, 5, 9, 3, 5, 0];
    expected.extend_from_slice(b"alice\0localhostmsg_1alicelocalhostbobhello");
    assert_eq!(*PLAIN.encode(), *expected);
    let long = [b'x'; 300];
    let parts = Parts {
        direction: Direction::Out,
        kind: Kind::Event,
        text: &long,
        extra: b"facts",
        ..PLAIN
    };
    let encoded = parts.encode();
    assert_eq!(encoded[..11], [1, 1, 2, 15, 5, 5, 9, 3, 0xac, 2, 5]);
    assert_eq!(Parts::decode(&encoded), Some(parts));
}

#[test]
fn lengths_at_each_seam_are_read_as_they_were_written() {
    for bits in 0..usize::BITS {
        for length in [(1 << bits) - 1, 1 << bits, usize::MAX >> bits] {
            let mut to = Vec::new();
            write_length(length, &mut to);
            assert_eq!(to.len(), length_of_length(length), "{length}");
            let mut from = &*to;
            assert_eq!(read_length(&mut from), Some(length));
            assert!(from.is_empty());
        }
    }
}

#[test]
fn a_length_that_does_not_fit_or_could_be_shorter_is_none() {
    let cases: [&[u8]; 6] = [
        &[],
        &[0x80],
        // Zero, and one, in two bytes.
        &[0x80, 0],
        &[0x81, 0],
        &[0xff; 20],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    for case in cases {
        assert_eq!(read_length(&mut &*case), None, "{case:?}");
    }
}

#[test]
fn no_other_format_direction_or_kind_is_read() {
    let encoded = PLAIN.encode();
    for (at, wrong) in [(0, 0), (0, 2), (1, 2), (2, 3), (2, 255)] {
        let mut encoded = encoded.clone();
        encoded[at] = wrong;
        assert_eq!(Parts::decode(&encoded), None, "{wrong} at {at}");
    }
    // The first byte of the identity is no text.
    let mut encoded = encoded.clone();
    encoded[25] = 0xff;
    assert_eq!(Parts::decode(&encoded), None);
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..20), vec(any::<u8>(), 100..400)]
}

prop_compose! {
    fn contents()(
        parts in proptest::array::uniform6(bytes()),
        message_id in ".{0,40}",
        out in any::<bool>(),
        kind in 0..3_u8,
    ) -> ([Vec<u8>; 6], String, Direction, Kind) {
        let direction = if out { Direction::Out } else { Direction::In };
        (parts, message_id, direction, Kind::from_number(kind).unwrap())
    }
}

type Given = ([Vec<u8>; 6], String, Direction, Kind);

fn parts((parts, message_id, direction, kind): &Given) -> Parts<'_> {
    let [lane, sender, server, receiver, text, extra] = parts;
    Parts {
        lane,
        message_id,
        direction: *direction,
        sender,
        server,
        receiver,
        kind: *kind,
        text,
        extra,
    }
}

proptest! {
    #![proptest_config(Config { cases: 512, ..Config::default() })]

    #[test]
    fn what_was_written_is_read(given in contents()) {
        let parts = parts(&given);
        let encoded = parts.encode();
        prop_assert_eq!(encoded.len(), parts.encoded_len());
        prop_assert_eq!(Parts::decode(&encoded), Some(parts));
    }

    /// As a torn page leaves it.
    #[test]
    fn a_part_of_it_is_none_and_so_is_more(given in contents(), cut in any::<prop::sample::Index>(), more in any::<u8>()) {
        let encoded = parts(&given).encode();
        prop_assert_eq!(Parts::decode(&encoded[..cut.index(encoded.len())]), None);
        let longer = [&*encoded, &[more]].concat();
        prop_assert_eq!(Parts::decode(&longer), None);
    }

    /// Whatever a damaged page holds: it is read as what would be written so, or not at all.
    #[test]
    fn damaged_bytes_are_none_or_another_content(
        given in contents(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut encoded = parts(&given).encode();
        for (at, byte) in damage {
            let at = at.index(encoded.len());
            encoded[at] = byte;
        }
        if let Some(parts) = Parts::decode(&encoded) {
            prop_assert_eq!(parts.encode(), encoded);
        }
    }

    #[test]
    fn any_bytes_are_none_or_a_content(
        mut bytes in vec(any::<u8>(), 0..200),
        sound in any::<bool>(),
    ) {
        if sound && bytes.len() >= HEAD {
            bytes[..HEAD].copy_from_slice(&[FORMAT, 0, 0]);
            for length in &mut bytes[HEAD..] {
                *length %= 30;
            }
        }
        if let Some(parts) = Parts::decode(&bytes) {
            prop_assert_eq!(&*parts.encode(), &*bytes);
        }
    }
}
