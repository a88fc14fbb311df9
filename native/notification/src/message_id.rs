//! The identity of a notification towards the web service: `webhook-id`, the same on each attempt.
//!
//! Unique across nodes and restarts: a part that is random for each process, and a counter. Standard
//! Webhooks forbids a dot, because it separates the parts that are signed.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use arrayvec::ArrayString;

/// What all identities of this process begin with: `msg_` and 96 random bits. Of ten million processes, two
/// have the same with a probability of one in 10^15.
static PROCESS: LazyLock<[u8; PROCESS_LENGTH]> = LazyLock::new(|| {
    // The keys of a `RandomState` come from the system's random numbers.
    let state = RandomState::new();
    let [first, second] = [0, 1].map(|n| state.hash_one((n, SystemTime::now(), process::id())));
    let mut bytes = [0; PROCESS_LENGTH];
    let (prefix, digits) = bytes.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(PREFIX);
    let (more, most) = digits.split_at_mut(8);
    write_digits(second, more);
    write_digits(first, most);
    bytes
});
const PREFIX: &[u8] = b"msg_";
const PROCESS_LENGTH: usize = PREFIX.len() + 24;
/// The digits of the counter, which does not reach 48 bits.
const DIGITS: usize = 12;
const SHORT: usize = PROCESS_LENGTH + DIGITS;
const HEX: &[u8; 16] = b"0123456789abcdef";
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The identity of a notification: `msg_` and letters and digits.
#[derive(Clone, Debug)]
pub struct MessageId(Text);

/// Those that are made here are short, and need no allocation.
#[derive(Clone, Debug)]
enum Text {
    Short(ArrayString<SHORT>),
    Long(Arc<str>),
}

impl MessageId {
    /// Creates an identity that no other notification has.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "each one is another")]
    pub fn new() -> Self {
        let mut text = [0; SHORT];
        let (process, count) = text.split_at_mut(PROCESS_LENGTH);
        process.copy_from_slice(&*PROCESS);
        write_digits(COUNT.fetch_add(1, Ordering::Relaxed), count);
        // Of ASCII alone, it is always text.
        Self::from_text(str::from_utf8(&text).unwrap_or_default())
    }

    /// The identity of several notifications that share a request.
    #[must_use]
    pub fn of_batch(digest: [u8; 16]) -> Self {
        Self::from_text(&format!("batch_{:032x}", u128::from_be_bytes(digest)))
    }

    /// The identity with this text, if it can be one: visible ASCII without a dot, at most 255 characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'.';
        let is_one = (1..=255).contains(&text.len()) && text.bytes().all(allowed);
        is_one.then(|| Self::from_text(text))
    }

    fn from_text(text: &str) -> Self {
        let short = ArrayString::from(text).map(Text::Short);
        Self(short.unwrap_or_else(|_| Text::Long(text.into())))
    }

    /// The identity as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Short(text) => text,
            Text::Long(text) => text,
        }
    }
}

impl PartialEq for MessageId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for MessageId {}

/// Writes the last hexadecimal digits of a number, as many as there is room for. The general formatter takes ten times
/// as long.
fn write_digits(mut number: u64, to: &mut [u8]) {
    for digit in to.iter_mut().rev() {
        *digit = HEX[usize::from(number.to_le_bytes()[0] & 0xf)];
        number >>= 4;
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{MessageId, write_digits};

    #[test]
    fn no_two_are_the_same_and_none_has_a_dot() {
        let (one, other) = (MessageId::new(), MessageId::new());
        assert_ne!(one, other);
        for id in [one, other] {
            let bare = id.as_str().strip_prefix("msg_").expect("a prefix");
            assert_eq!(bare.len(), 36);
            assert!(bare.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn the_last_digits_of_a_number_are_written() {
        let mut digits = [0; 4];
        write_digits(0xf_12ab, &mut digits);
        assert_eq!(&digits, b"12ab");
        write_digits(0xc, &mut digits);
        assert_eq!(&digits, b"000c");
    }

    #[test]
    fn those_of_a_process_differ_in_a_counter() {
        let mut before = None;
        for _ in 0..300 {
            let id = MessageId::new();
            let (process, count) = id.as_str().split_at("msg_".len() + 24);
            let count = u64::from_str_radix(count, 16).expect("a hexadecimal number");
            if let Some((same, less)) = before {
                assert_eq!(process, same);
                assert!(count > less, "{count} after {less}");
            }
            before = Some((process.to_owned(), count));
        }
    }

    #[test]
    fn a_text_that_may_be_signed_and_sent_is_one() {
        let id = MessageId::new();
        assert_eq!(MessageId::parse(id.as_str()), Some(id));
        let longest = "x".repeat(255);
        assert_eq!(MessageId::parse(&longest).expect("an id").as_str(), longest);
        for none in ["", "a.b", "a b", "a\r\nb", "é", &"x".repeat(256)] {
            assert_eq!(MessageId::parse(none), None, "{none:?}");
        }
    }
}
