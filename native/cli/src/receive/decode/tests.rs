//! Every format of docs/payloads.md, and bodies that are not what they say.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use test_endpoint::{Record, Version};

use super::{Decoded, MAX_EVENTS, decode};

fn record(headers: &str, body: &[u8]) -> Record {
    Record {
        n: 1,
        micros: 0,
        connection: 1,
        version: Version::Http11,
        method: "POST".to_owned(),
        path: "/n".to_owned(),
        raw_headers: headers.as_bytes().to_vec(),
        body: body.to_vec(),
        body_len: body.len() as u64,
        complete: true,
        tls: None,
    }
}

fn of(kind: &str, body: &str) -> Decoded {
    decode(&record(
        &format!("Content-Type: {kind}\r\n"),
        body.as_bytes(),
    ))
}

fn line(decoded: &Decoded) -> String {
    let event = &decoded.events[0];
    format!(
        "{}|{}|{}|{}",
        decoded.format, event.kind, event.who, event.line
    )
}

const EVENT: &str = r#"{"type":"message.chat","data":{"from":{"jid":"alice@localhost/phone"},"to":{"jid":"bob@localhost"},"body":"Hi <b>"}}"#;

#[test]
fn forms() {
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let message = of(
        form,
        "author=alice&server=localhost&receiver=bob&message=Hi+%26+bye",
    );
    assert_eq!(line(&message), "form|message|alice → bob|Hi & bye");
    assert_eq!(
        message.events[0].fields[3],
        ("message".into(), "Hi & bye".into())
    );
    let presence = of(
        form,
        "user=alice&server=localhost&resource=phone&status=online",
    );
    assert_eq!(line(&presence), "form|presence|alice|online");
}

#[test]
fn json_alone_in_a_batch_and_in_lines() {
    let shown = "message.chat|alice@localhost/phone → bob@localhost|Hi <b>";
    assert_eq!(
        line(&of("application/json", EVENT)),
        format!("JSON|{shown}")
    );
    let batch = of("application/json", &format!(" [{EVENT},{EVENT}]"));
    assert_eq!(line(&batch), format!("JSON, batch|{shown}"));
    assert_eq!((batch.count, batch.events.len()), (2, 2));
    let lines = of("application/x-ndjson", &format!("{EVENT}\n\n{EVENT}\n"));
    assert_eq!(line(&lines), format!("NDJSON|{shown}"));
    assert_eq!(lines.count, 2);
    let field = &batch.events[0].fields[2];
    assert_eq!(
        field,
        &("data.from.jid".into(), "alice@localhost/phone".into())
    );
}

#[test]
fn cloudevents_in_all_their_forms() {
    let event = r#"{"specversion":"1.0","type":"presence.online","data":{"jid":"alice@localhost/phone","status":"online"}}"#;
    let shown = "presence.online|alice@localhost/phone|online";
    let structured = of("application/cloudevents+json", event);
    assert_eq!(
        line(&structured),
        format!("CloudEvents, structured|{shown}")
    );
    let batch = of("application/cloudevents-batch+json", &format!("[{event}]"));
    assert_eq!(line(&batch), format!("CloudEvents, batch|{shown}"));
    let headers =
        "content-type: application/json\r\nce-specversion: 1.0\r\nCe-Type: presence.online\r\n";
    let body = br#"{"jid":"alice@localhost/phone","status":"online"}"#;
    let binary = decode(&record(headers, body));
    assert_eq!(line(&binary), format!("CloudEvents, binary|{shown}"));
    assert!(
        binary.events[0]
            .fields
            .contains(&("specversion".into(), "1.0".into()))
    );
}

#[test]
fn compressed_bodies() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(EVENT.as_bytes()).unwrap();
    let zstd = zstd::encode_all(EVENT.as_bytes(), 0).unwrap();
    for (coding, body) in [("gzip", gzip.finish().unwrap()), ("zstd", zstd)] {
        let headers = format!("content-type: application/json\r\ncontent-encoding: {coding}\r\n");
        let decoded = decode(&record(&headers, &body));
        assert_eq!(decoded.events[0].kind, "message.chat", "{decoded:?}");
        assert_eq!(decoded.text, EVENT);
        assert_eq!(decoded.encoding.as_deref(), Some(coding));
        assert_eq!(decoded.plain_bytes, Some(EVENT.len()));
    }
}

#[test]
fn a_small_body_that_holds_gigabytes_and_other_broken_ones() {
    let bomb = zstd::encode_all(&vec![0; 17 * 1024 * 1024][..], 0).unwrap();
    assert!(bomb.len() < 10_000);
    for (coding, body, says) in [
        ("zstd", bomb.as_slice(), "longer than 16777216 bytes"),
        ("gzip", b"{}", "the body is not gzip"),
        ("zstd", b"{}", "the body is not zstd"),
        ("br", b"{}", "neither gzip nor zstd"),
    ] {
        let headers = format!("content-type: application/json\r\ncontent-encoding: {coding}\r\n");
        let problem = decode(&record(&headers, body)).problem.unwrap();
        assert!(problem.contains(says), "{problem}");
    }
    assert!(of("application/json", "{").problem.is_some());
    assert!(of("application/json", "[1,").problem.is_some());
    let lines = of("application/x-ndjson", "{}\nnot JSON");
    assert!(lines.problem.unwrap().starts_with("line 2: "));
    assert_eq!(lines.count, 1);
}

#[test]
fn what_is_shown_is_bounded() {
    let many = of("application/json", &format!("[{}1]", "1,".repeat(5000)));
    assert_eq!((many.count, many.events.len()), (5001, MAX_EVENTS));
    let long = of("text/plain", &"é".repeat(40_000));
    assert!(long.cut && long.text.len() <= 64 * 1024);
    let binary = decode(&record("", &[0xff; 5000]));
    assert!(binary.hex && binary.cut && binary.text.starts_with("ff ff "));
    let wide: Vec<String> = (0..1000).map(|at| format!("\"{at}\":1")).collect();
    let wide = of("application/json", &format!("{{{}}}", wide.join(",")));
    assert_eq!(wide.events[0].fields.len(), 200);
}

proptest! {
    #[test]
    fn any_body_of_any_type_is_decoded_within_bounds(
        kind in "(application/(json|x-ndjson|cloudevents\\+json|cloudevents-batch\\+json|x-www-form-urlencoded)|.{0,20})",
        coding in "(content-encoding: (gzip|zstd|x)\r\n)?(ce-specversion: 1\r\n)?",
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[\\[\\]{}\",:a-z0-9\n &=%]{0,200}".prop_map(String::into_bytes),
        ],
    ) {
        let decoded = decode(&record(&format!("content-type: {kind}\r\n{coding}"), &body));
        prop_assert!(decoded.events.len() <= MAX_EVENTS && decoded.text.len() <= 64 * 1024);
    }
}
