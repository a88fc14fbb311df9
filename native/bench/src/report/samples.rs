//! The driver's samples.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ReportError;

/// What the driver writes.
#[derive(Debug, Deserialize)]
pub struct Samples {
    /// Where and how it was measured.
    #[serde(flatten)]
    pub machine: Machine,
    /// Samples by name, one a round.
    pub samples: BTreeMap<String, Vec<f64>>,
}

/// Where and how it was measured.
#[derive(Debug, Deserialize, Serialize)]
pub struct Machine {
    /// `QUICK=1`.
    pub quick: bool,
    /// Cores of the machine.
    pub cores: u32,
    /// Schedulers of the node.
    pub schedulers: u32,
    /// Threads of the engine in the node.
    pub engine_threads: u32,
    /// Release of Erlang/OTP.
    pub otp: String,
}

impl Samples {
    /// Samples of one name, in the order of the rounds.
    pub fn get(&self, name: &str) -> Result<&[f64], ReportError> {
        self.samples
            .get(name)
            .filter(|samples| !samples.is_empty())
            .map(Vec::as_slice)
            .ok_or_else(|| ReportError::Missing(name.to_owned()))
    }

    /// Median, lowest and highest of one name.
    pub fn spread(&self, name: &str) -> Result<(f64, f64, f64), ReportError> {
        let mut sorted = self.get(name)?.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = median_of_sorted(&sorted);
        let (first, last) = (sorted.first().copied(), sorted.last().copied());
        Ok((median, first.unwrap_or(median), last.unwrap_or(median)))
    }
}

/// The middle one, or the mean of the two in the middle. 0 of none.
pub fn median_of_sorted(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted {
        [] => 0.0,
        _ if sorted.len() % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}
