//! Points in time as RFC 3339, in UTC, always with microseconds.

use time::OffsetDateTime;

const ALL_ZEROS: [u8; 27] = *b"0000-00-00T00:00:00.000000Z";

/// The time that is so many microseconds after the start of 1970; `None` outside of the years 0 to 9999,
/// which are all that RFC 3339 can write.
///
/// Digit by digit, because the general formatter took a tenth of the time in which an event is made.
pub fn text(microseconds: i64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(microseconds.div_euclid(1_000_000)).ok()?;
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let (century, year) = (pair(year.div_euclid(100))?, pair(year.rem_euclid(100))?);
    let fraction = microseconds.rem_euclid(1_000_000);
    let mut text = ALL_ZEROS;
    for (at, pair) in [
        (0, century),
        (2, year),
        (5, month.into()),
        (8, day),
        (11, hour),
        (14, minute),
        (17, second),
        (20, pair(fraction / 10_000)?),
        (22, pair(fraction / 100 % 100)?),
        (24, pair(fraction % 100)?),
    ] {
        text[at] += pair / 10;
        text[at + 1] += pair % 10;
    }
    String::from_utf8(text.into()).ok()
}

/// A number that has two digits.
fn pair(number: impl TryInto<u8>) -> Option<u8> {
    number.try_into().ok().filter(|number| *number <= 99)
}

#[cfg(test)]
mod tests {
    use super::text;

    /// The expected values are those of `date -u --rfc-3339=ns`.
    #[test]
    fn points_in_time() {
        for (microseconds, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_795_696_496_789_012, "2026-11-26T12:34:56.789012Z"),
            (1_709_208_000_000_001, "2024-02-29T12:00:00.000001Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (-62_167_219_200_000_000, "0000-01-01T00:00:00.000000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(text(microseconds).as_deref(), Some(expected));
        }
        let before_all_years = -62_167_219_200_000_001;
        for none in [
            before_all_years,
            253_402_300_800_000_000,
            i64::MAX,
            i64::MIN,
        ] {
            assert_eq!(text(none), None, "{none}");
        }
    }
}
