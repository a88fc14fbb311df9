//! The arguments of `simulate`.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::curve::Curve;
use super::traffic::Plan;
use crate::check::Files;
use crate::config::release::{Mongooseim, Release};

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) files: Files,
    /// Send to this URL, in place of each pool's host and path prefix
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// How long to send, for example 90s, 5m or 2h
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = length)]
    pub(super) duration: Duration,
    /// Messages that all users together send in a second of the busiest time
    #[arg(long, value_name = "N", default_value = "20", value_parser = rate)]
    rate: f64,
    /// How the rate goes: the same all the time, or that of a day within the duration
    #[arg(long, value_enum, value_name = "CURVE", default_value = "flat")]
    curve: Curve,
    /// How many users there are
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    users: u32,
    /// How many rooms there are
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    rooms: u32,
    /// How many members a room has on average
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=100))]
    members: u32,
    /// How many of a hundred messages go to a room
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = clap::value_parser!(u8).range(0..=100))]
    groupchat: u8,
    /// How many users come or go while a hundred messages are sent
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=200))]
    presence: u8,
    /// The same seed makes the same traffic
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// The endpoint keeps up if 99 of 100 notifications take no longer than this, from hand-over to
    /// answer
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    pub(super) target: Duration,
    /// How long to wait at the end for what is pending
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub(super) drain: Duration,
    /// Where notifications that are to outlive a crash are on disk [default: a temporary directory, which is
    /// removed at the end]
    #[arg(long, value_name = "DIR")]
    spool_dir: Option<PathBuf>,
    /// Print nothing but the JSON object at the end
    #[arg(long)]
    pub(super) json: bool,
}

impl Arguments {
    /// What the traffic is like.
    pub(super) fn plan(&self, hosts: &[&str], mongooseim: Mongooseim) -> Plan {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Plan {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            users: count(self.users),
            rooms: count(self.rooms),
            members: count(self.members),
            rate: self.rate,
            groupchat: self.groupchat,
            presence: self.presence,
            curve: self.curve,
            length: self.duration,
            seed: self.seed,
            since_6_9: mongooseim.may_be_from(Release::new(6, 9)),
        }
    }

    /// The directory of the spools; with it, the guard that removes it if it is a temporary one.
    ///
    /// # Errors
    ///
    /// There can be no temporary directory.
    pub(super) fn spool_directory(&self) -> Result<(PathBuf, Option<TempDir>), String> {
        if let Some(directory) = &self.spool_dir {
            return Ok((directory.clone(), None));
        }
        let directory = tempfile::Builder::new()
            .prefix("http-pusher-simulate-")
            .tempdir()
            .map_err(|error| format!("a temporary directory: {error}"))?;
        Ok((directory.path().to_owned(), Some(directory)))
    }
}

/// A time up to a day.
fn time(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time up to 24h, for example 500ms, 90s, 5m or 2h".to_owned();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(expected()),
    };
    let seconds = number.parse::<f64>().map_err(|_| expected())? * unit;
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err(expected());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// A time that is not 0.
fn length(text: &str) -> Result<Duration, String> {
    let length = time(text)?;
    if length < Duration::from_millis(1) {
        return Err("must be at least 1ms".to_owned());
    }
    Ok(length)
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok();
    rate.filter(|rate| (0.01..=100_000.0).contains(rate))
        .ok_or_else(|| "expected a number between 0.01 and 100000".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{length, rate, time};

    #[test]
    fn times() {
        for (text, ms) in [
            ("500ms", 500),
            ("90", 90_000),
            ("90s", 90_000),
            ("1.5m", 90_000),
            ("2h", 7_200_000),
            ("0", 0),
        ] {
            assert_eq!(time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "-1s", "1d", "25h", "1e3", "1..2s", "inf", "NaN"] {
            assert!(time(text).is_err(), "{text}");
        }
        assert!(length("0").is_err() && length("1ms").is_ok());
    }

    #[test]
    fn rates() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for text in ["", "0", "-1", "nan", "inf", "100001", "x"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
