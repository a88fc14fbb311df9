//! Whatever a stanza and the facts contain: no panic, and what is made is valid JSON that the schemas know.

#![allow(clippy::unwrap_used)]

mod support;

use payload::{CloudEventsMode, FormatOptions, PlanOptions};
use proptest::prelude::*;
use support::{Fact, Sample};

fn options() -> impl Strategy<Value = PlanOptions> {
    let formats = [
        FormatOptions::Form,
        FormatOptions::Json,
        FormatOptions::CloudEvents {
            mode: CloudEventsMode::Structured,
            source: None,
        },
        FormatOptions::CloudEvents {
            mode: CloudEventsMode::Binary,
            source: None,
        },
    ];
    (
        proptest::sample::select(formats.to_vec()),
        any::<[bool; 2]>(),
    )
        .prop_map(|(format, [include_stanza, omit_body])| PlanOptions {
            format,
            include_stanza,
            omit_body,
            ..PlanOptions::default()
        })
        .boxed()
}

fn sample() -> impl Strategy<Value = Sample> {
    let unacknowledged = Sample::chat()
        .fact("event", "unack_msg")
        .fact("direction", "");
    prop_oneof![
        Just(Sample::chat()),
        Just(Sample::groupchat()),
        Just(unacknowledged),
        Just(Sample::presence("online")),
    ]
}

/// Children of a stanza with any text in them, escaped or not.
fn children() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&str] = &[
        "<body>",
        "<body xml:lang='de'>",
        "</body>",
        "<subject>",
        "</subject>",
        "<thread>",
        "</thread>",
        "<x xmlns='jabber:x:oob'>",
        "</x>",
        "<url>",
        "</url>",
        "<desc>",
        "</desc>",
        "<store xmlns='urn:xmpp:hints'/>",
        "<stanza-id xmlns='urn:xmpp:sid:0' by='bob@localhost' id='",
        "<origin-id xmlns='urn:xmpp:sid:0' id='",
        "'/>",
        "&amp;",
        "&#x1F980;",
        "&#0;",
        "&nbsp;",
        "&",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "\"",
        "\\",
        "\u{1}",
        "\u{202e}",
    ];
    let piece = prop_oneof![
        4 => proptest::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_stanza(sample in sample(), children in children(), options in options(), whole: bool) {
        let stanza = if whole { [b"<message id='1'>", &children[..], b"</message>"].concat() } else { children };
        // `make` checks what it returns.
        if let Err(error) = sample.options(options).stanza(stanza).make() {
            prop_assert!(error.text.contains("not well-formed"), "{}", error);
        }
    }

    #[test]
    fn a_body_of_any_text(sample in sample(), body in "[^<&\\]]{1,40}") {
        let data = sample.children(&format!("<body>{body}</body>")).data();
        if data.get("status").is_none() {
            prop_assert_eq!(&data["body"], &body);
        }
    }

    #[test]
    fn any_names_and_metadata(
        names in proptest::collection::vec(proptest::collection::vec(1..=u8::MAX, 1..20), 8),
        key in "\\PC{0,10}",
        number: i64,
        fraction: f64,
    ) {
        let bytes = |n: usize| Fact::Text(names[n].clone());
        let sample = Sample::chat()
            .fact("from_user", bytes(0))
            .fact("from_server", bytes(1))
            .fact("from_resource", bytes(2))
            .fact("to_server", bytes(3))
            .fact("host", bytes(4))
            .fact("archive_id", bytes(5))
            .fact(&format!("metadata.{key}"), bytes(6))
            .fact("metadata.number", number)
            .fact("metadata.fraction", Fact::Float(fraction))
            .fact(&key, bytes(7));
        let data = sample.data();
        let expected = String::from_utf8_lossy(&names[0]);
        prop_assert_eq!(data["from"]["user"].as_str(), Some(&*expected));
        prop_assert_eq!(data["metadata"]["number"].as_i64(), Some(number));
    }
}
