//! The fuzz targets without a fuzzer: every entry of every corpus in the repository, and everything that is one edit away
//! from it.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::{fs, panic};

use fuzz_checks::{Check, TARGETS, response};

/// Bytes that mean something in one of the formats: ends of lines and strings, separators, escapes, bounds.
const TELLING: &[u8] = b"\0\t\n\r \"#%&'+,-./059:;=?@A[\\]_f{|}\x7f\x80\xc3\xff";

/// The entry, and the entry cut short at every place, and with every byte replaced, left out and doubled.
fn near(entry: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![entry.to_vec(), Vec::new()];
    for at in 0..entry.len() {
        all.push(entry[..at].to_vec());
        let (before, after) = (&entry[..at], &entry[at + 1..]);
        all.push([before, after].concat());
        all.push([before, &[entry[at], entry[at]], after].concat());
        all.extend(
            TELLING
                .iter()
                .map(|&byte| [before, &[byte], after].concat()),
        );
    }
    all
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

fn holds(target: &str, check: Check) {
    let entries = corpus(target);
    assert!(!entries.is_empty(), "{target} has no corpus");
    let all: Vec<Vec<u8>> = entries.iter().flat_map(|entry| near(entry)).collect();
    for bytes in &all {
        let held = panic::catch_unwind(|| check(bytes)).is_ok();
        assert!(held, "{target} does not hold for {}", bytes.escape_ascii());
    }
    println!("{target}: {} inputs", all.len());
}

#[test]
fn every_corpus_and_what_is_near_it() {
    // One after the other: which encoder the forms use is a setting of the process.
    for (target, check) in TARGETS {
        holds(target, check);
    }
}

/// A response that is one is read as one: the check does not end before it has begun.
#[test]
fn good_responses_are_sent() {
    for answer in corpus("response") {
        let status = response::status_of(&answer);
        assert!(
            matches!(status, Some(200 | 204 | 404)),
            "{}",
            answer.escape_ascii()
        );
    }
    assert_eq!(response::status_of(b"HTTP/1.1 200"), None);
    assert_eq!(response::status_of(b""), None);
}

/// The shells for cargo-fuzz and the checks are the same.
#[test]
fn every_target_is_a_target_of_cargo_fuzz() {
    let shells = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let mut found: Vec<String> = fs::read_dir(shells)
        .unwrap()
        .map(|shell| {
            shell
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    found.sort_unstable();
    let mut here = TARGETS.map(|(target, _)| target);
    here.sort_unstable();
    assert_eq!(found, here);
}
