//! How the rate goes over a run.

use clap::ValueEnum;

/// How the rate goes over a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Curve {
    /// The same all the time
    Flat,
    /// A day from midnight to midnight, with a quiet night and its busiest hour in the evening
    Day,
}

/// The rate at the beginning of each hour, in percent of the busiest.
const DAY: [f64; 24] = [
    28.0, 16.0, 10.0, 6.0, 5.0, 8.0, 18.0, 38.0, 56.0, 64.0, 68.0, 71.0, 80.0, 76.0, 69.0, 68.0,
    72.0, 80.0, 89.0, 96.0, 100.0, 93.0, 72.0, 46.0,
];

impl Curve {
    /// The part of the busiest rate at this part of the run, both between 0 and 1.
    pub fn level(self, part: f64) -> f64 {
        match self {
            Self::Flat => 1.0,
            Self::Day => day(part.clamp(0.0, 1.0) * 24.0),
        }
    }
}

/// Between two hours the rate goes straight from the one to the other.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an hour of the day"
)]
fn day(hour: f64) -> f64 {
    let whole = hour.floor() as usize;
    let at = |hour: usize| DAY[hour % DAY.len()] / 100.0;
    let (from, to) = (at(whole), at(whole + 1));
    from + (to - from) * hour.fract()
}

#[cfg(test)]
mod tests {
    use super::Curve;

    #[test]
    fn a_day_is_quiet_in_the_night_and_busiest_in_the_evening() {
        let day = |hour: f64| Curve::Day.level(hour / 24.0);
        assert!((day(20.0) - 1.0).abs() < 1e-9);
        assert!((day(4.0) - 0.05).abs() < 1e-9);
        assert!((day(20.5) - 0.965).abs() < 1e-9);
        assert!((day(0.0) - day(24.0)).abs() < 1e-9);
        for minute in 0..=1440 {
            let level = Curve::Day.level(f64::from(minute) / 1440.0);
            assert!((0.04..=1.0).contains(&level), "{minute}: {level}");
        }
        assert!((Curve::Flat.level(0.3) - 1.0).abs() < 1e-9);
    }
}
