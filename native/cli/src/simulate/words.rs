//! What users write.

use fastrand::Rng;

const WORDS: [&str; 48] = [
    "yes",
    "no",
    "ok",
    "thanks",
    "hello",
    "see",
    "you",
    "tomorrow",
    "tonight",
    "at",
    "the",
    "station",
    "I",
    "am",
    "on",
    "my",
    "way",
    "can",
    "we",
    "meet",
    "later",
    "did",
    "they",
    "call",
    "back",
    "about",
    "that",
    "great",
    "maybe",
    "next",
    "week",
    "bring",
    "some",
    "bread",
    "and",
    "milk",
    "please",
    "sure",
    "where",
    "are",
    "it's",
    "raining",
    "here",
    "café",
    "naïve",
    "schön",
    "привет",
    "こんにちは",
];

const ENDS: [&str; 8] = ["", "", "", "!", "?", "...", " 🙂", " 👍🏽"];

/// The longest message, in words.
const LONGEST: usize = 120;

/// A message: mostly short, sometimes long.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive number"
)]
pub(super) fn message(rng: &mut Rng) -> String {
    let count = (-(1.0 - rng.f64()).ln() * 8.0) as usize;
    let mut text = WORDS[rng.usize(0..WORDS.len())].to_owned();
    for _ in 0..count.min(LONGEST - 1) {
        text.push(' ');
        text.push_str(WORDS[rng.usize(0..WORDS.len())]);
    }
    text.push_str(ENDS[rng.usize(0..ENDS.len())]);
    text
}

/// The URL of a file that a user sends.
pub(super) fn file(host: &str, rng: &mut Rng) -> String {
    let name = WORDS[rng.usize(0..20)];
    format!(
        "https://upload.{host}/{:012x}/{name}.jpg",
        rng.u64(..) >> 16
    )
}
