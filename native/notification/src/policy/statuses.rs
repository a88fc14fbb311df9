//! A set of HTTP statuses.

use std::ops::RangeInclusive;

/// The final statuses that HTTP defines classes for.
const FIRST: u16 = 200;
const LAST: u16 = 599;

/// Statuses from 200 to 599, or all there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statuses {
    any: bool,
    bits: [u64; 7],
}

impl Statuses {
    /// Every status, including those that no class is defined for.
    pub const ANY: Self = Self {
        any: true,
        bits: [0; 7],
    };
    /// No status.
    pub const NONE: Self = Self {
        any: false,
        bits: [0; 7],
    };

    /// Whether it is every status.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.any
    }

    /// The set with these statuses too.
    #[must_use]
    pub fn and(mut self, statuses: RangeInclusive<u16>) -> Self {
        for status in statuses {
            if let Some((word, bit)) = place(status) {
                self.bits[word] |= bit;
            }
        }
        self
    }

    /// Whether the set has this status.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.any || place(status).is_some_and(|(word, bit)| self.bits[word] & bit != 0)
    }

    /// The statuses that `word` stands for: a class such as `2xx`, or one status.
    pub(super) fn of_word(word: &str) -> Option<RangeInclusive<u16>> {
        if let Some(class) = word.strip_suffix("xx") {
            let class: u16 = class.parse().ok().filter(|_| class.len() == 1)?;
            return (2..=5)
                .contains(&class)
                .then(|| class * 100..=class * 100 + 99);
        }
        let all_digits = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
        let status: u16 = word.parse().ok()?;
        (all_digits && (FIRST..=LAST).contains(&status)).then_some(status..=status)
    }
}

fn place(status: u16) -> Option<(usize, u64)> {
    let place = status.checked_sub(FIRST)?;
    (status <= LAST).then(|| (usize::from(place / 64), 1 << (place % 64)))
}

#[cfg(test)]
mod tests {
    use super::Statuses;

    #[test]
    fn words() {
        for (word, statuses) in [
            ("2xx", Some(200..=299)),
            ("5xx", Some(500..=599)),
            ("404", Some(404..=404)),
            ("599", Some(599..=599)),
            ("1xx", None),
            ("9xx", None),
            ("+2xx", None),
            ("xx", None),
            ("2XX", None),
            ("199", None),
            ("600", None),
            ("+20", None),
            ("0404", None),
            ("", None),
        ] {
            assert_eq!(Statuses::of_word(word), statuses, "{word}");
        }
    }

    #[test]
    fn a_set_has_what_was_added() {
        let set = Statuses::NONE.and(200..=299).and(404..=404);
        for status in 0..=u16::MAX {
            let expected = (200..300).contains(&status) || status == 404;
            assert_eq!(set.contains(status), expected, "{status}");
            assert!(Statuses::ANY.contains(status) && !Statuses::NONE.contains(status));
        }
    }
}
