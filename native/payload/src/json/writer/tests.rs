//! What is written is what `serde_json` writes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::write;

#[derive(Debug, Serialize)]
struct All<'a> {
    text: &'a str,
    #[serde(rename = "renamed-1")]
    letter: char,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<i64>,
    none: Option<bool>,
    float: f64,
    pair: (u8, bool),
    unit: (),
    map: BTreeMap<&'a str, Untagged<'a>>,
    kinds: Vec<Kind>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Untagged<'a> {
    Text(&'a str),
    Number(f64),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Plain,
    Tagged(u64),
}

fn written(value: &impl Serialize) -> String {
    let mut out = b"before".to_vec();
    write(&mut out, value).expect("a value");
    String::from_utf8(out.split_off("before".len())).expect("UTF-8")
}

/// Texts in which special bytes are at any place of a word, beside others that are nearly special.
fn text() -> impl Strategy<Value = String> {
    let near = prop_oneof![
        proptest::char::range('\0', '\u{82}'),
        proptest::sample::select(vec![
            '"', '\\', '!', '#', '[', ']', '\u{7f}', 'é', '漢', '𐍈'
        ]),
        any::<char>(),
    ];
    let plain = proptest::char::range('a', 'z');
    proptest::collection::vec(prop_oneof![3 => plain, 1 => near], 0..40)
        .prop_map(|letters| letters.into_iter().collect())
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::num::f64::ANY.prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(text(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn as_serde_json_writes_it(
        value in json(),
        text in text(),
        letter in any::<char>(),
        number in any::<Option<i64>>(),
        float in proptest::num::f64::ANY,
    ) {
        prop_assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
        let all = All {
            text: &text,
            letter,
            number,
            none: None,
            float,
            pair: (1, true),
            unit: (),
            map: [("text", Untagged::Text(&text)), (&text, Untagged::Number(float))].into(),
            kinds: vec![Kind::Plain, Kind::Tagged(u64::MAX)],
        };
        prop_assert_eq!(written(&all), serde_json::to_string(&all).unwrap());
    }
}

#[test]
fn each_byte_at_each_place_of_short_texts() {
    for byte in 0..=0x7f_u8 {
        for length in 1..=20 {
            for place in 0..length {
                let mut bytes = vec![b'~'; length];
                bytes[place] = byte;
                let text = str::from_utf8(&bytes).expect("ASCII");
                assert_eq!(written(&text), serde_json::to_string(text).unwrap());
            }
        }
    }
}

#[test]
fn what_payloads_do_not_have_is_an_error() {
    let mut out = Vec::new();
    assert!(write(&mut out, &BTreeMap::from([(1, 2)])).is_err());
}
