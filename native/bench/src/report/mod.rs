//! What `make bench` measured, as `results.json`, a table and plots.
//!
//! A ratio is made of the two samples of the same round, so that what the machine did meanwhile is in
//! both; what is reported is the median of the rounds, with the lowest and the highest. Not here: what
//! is wanted (`goals`), how it is drawn (`plots`).

mod goals;
mod plots;
mod samples;

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

use goals::{Goal, Wanted};
use samples::Samples;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    /// Samples that cannot be read, or results that cannot be written.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// Not what the driver writes.
    #[error("the samples: {0}")]
    Format(#[from] serde_json::Error),
    /// The driver has not measured that.
    #[error("there is no sample {0}")]
    Missing(String),
    /// plotters gave up.
    #[error("the plots: {0}")]
    Plot(String),
}

/// One figure.
#[derive(Debug, Serialize)]
struct Figure {
    /// Median of the rounds.
    value: f64,
    lowest: f64,
    highest: f64,
    unit: &'static str,
    goal: Option<String>,
    met: Option<bool>,
    what: &'static str,
}

/// Reads what the driver has measured, writes `results.json` and plots below `out`, prints the table.
pub fn write(samples: &Path, out: &Path) -> Result<(), ReportError> {
    let file = |path: &Path, error| ReportError::File(path.display().to_string(), error);
    let text = std::fs::read_to_string(samples).map_err(|error| file(samples, error))?;
    let samples: Samples = serde_json::from_str(&text)?;
    let mut figures = Vec::new();
    for goal in goals::all() {
        figures.push((goal.name, figure(&goal, &samples)?));
    }
    plots::draw(&samples, out)?;
    let mut results = Map::new();
    for (name, figure) in &figures {
        results.insert((*name).to_owned(), serde_json::to_value(figure)?);
    }
    results.insert(
        "machine".to_owned(),
        serde_json::to_value(&samples.machine)?,
    );
    results.insert("samples".to_owned(), json!(samples.samples));
    let path = out.join("results.json");
    let text = serde_json::to_string_pretty(&Value::Object(results))? + "\n";
    std::fs::write(&path, text).map_err(|error| file(&path, error))?;
    print!("{}", table(&figures));
    Ok(())
}

fn figure(goal: &Goal, samples: &Samples) -> Result<Figure, ReportError> {
    let mut rounds = goal.rounds(samples)?;
    rounds.sort_by(f64::total_cmp);
    let value = samples::median_of_sorted(&rounds);
    Ok(Figure {
        value: rounded(value),
        lowest: rounded(rounds.first().copied().unwrap_or(value)),
        highest: rounded(rounds.last().copied().unwrap_or(value)),
        unit: goal.unit,
        goal: goal.wanted.map(|wanted| wanted.to_string()),
        met: goal.wanted.map(|wanted| match wanted {
            Wanted::AtMost(most) => value <= most,
            Wanted::AtLeast(least) => value >= least,
        }),
        what: goal.what,
    })
}

/// Three digits that say something.
fn rounded(value: f64) -> f64 {
    let scale = if value.abs() < 10.0 { 1000.0 } else { 10.0 };
    (value * scale).round() / scale
}

fn table(figures: &[(&'static str, Figure)]) -> String {
    let mut text = String::new();
    let mut line = |cells: [&str; 6]| {
        let [name, value, spread, goal, met, what] = cells;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name:24} {value:>14} {spread:>25} {goal:>9} {met:4} {what}"
        );
    };
    line(["", "median", "lowest .. highest", "goal", "", ""]);
    for (name, figure) in figures {
        let met = figure.met.map_or("", |met| if met { "met" } else { "NOT" });
        line([
            name,
            &format!("{} {}", figure.value, figure.unit),
            &format!("{} .. {}", figure.lowest, figure.highest),
            figure.goal.as_deref().unwrap_or(""),
            met,
            figure.what,
        ]);
    }
    text
}
