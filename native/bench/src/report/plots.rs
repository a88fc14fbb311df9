//! The plots that README.md shows.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::ReportError;
use super::goals::CALLERS;
use super::samples::Samples;

const SIZE: (u32, u32) = (760, 340);
const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
const OTHERS: RGBColor = RGBColor(0xa0, 0xa6, 0xad);
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A bar: what is drawn, and whether it is ours.
type Bar = (&'static str, &'static str, bool);

/// Draws all plots into `out`.
pub fn draw(samples: &Samples, out: &Path) -> Result<(), ReportError> {
    let throughput = [
        ("Erlang callers, this product", "product_per_second", true),
        ("Erlang callers, synchronous pool", "sync_per_second", false),
        ("Rust, the engine alone", "engine_per_second", true),
        ("Rust, bare reqwest", "raw_per_second", false),
        ("Rust, bare hyper", "hyper_per_second", false),
    ];
    let title = "Notifications per second, 50 connections";
    on(&out.join("throughput.svg"), |area| {
        bars(area, title, samples, &throughput, 1.0)
    })?;
    let cpu = [
        ("Erlang callers, this product", "product_cpu", true),
        ("Erlang callers, synchronous pool", "sync_cpu", false),
        ("Rust, the engine alone", "engine_cpu", true),
        ("Rust, bare reqwest", "raw_cpu", false),
        ("Rust, bare hyper", "hyper_cpu", false),
    ];
    let title = "CPU per notification, in microseconds";
    on(&out.join("cpu.svg"), |area| {
        bars(area, title, samples, &cpu, 10.0)
    })?;
    let blocked = [
        ("this product, median", "handoff_idle_p50", true),
        ("this product, 99th percentile", "handoff_idle_p99", true),
        (
            "endpoint never answers, 10,000 pending",
            "handoff_stalled_p50",
            true,
        ),
        ("endpoint answers in 500 ms", "blocked_product", true),
        (
            "synchronous pool, endpoint in 500 ms",
            "blocked_sync",
            false,
        ),
    ];
    let title = "How long a session waits for one notification, in microseconds (logarithmic)";
    on(&out.join("handoff.svg"), |area| {
        logarithmic_bars(area, title, samples, &blocked)
    })?;
    on(&out.join("callers.svg"), |area| callers(area, samples))
}

fn on(
    path: &Path,
    draw: impl FnOnce(&Area<'_>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    draw(&area)?;
    area.present().map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> ReportError {
    ReportError::Plot(error.to_string())
}

/// Horizontal bars with the median as a number and a line from the lowest to the highest.
fn bars(
    area: &Area<'_>,
    title: &str,
    samples: &Samples,
    bars: &[Bar],
    scale: f64,
) -> Result<(), ReportError> {
    draw_bars(
        area,
        title,
        samples,
        bars,
        |value| value * scale,
        |value| value,
    )
}

fn logarithmic_bars(
    area: &Area<'_>,
    title: &str,
    samples: &Samples,
    bars: &[Bar],
) -> Result<(), ReportError> {
    draw_bars(
        area,
        title,
        samples,
        bars,
        |value| value,
        |value| value.max(1.0).log10(),
    )
}

fn draw_bars(
    area: &Area<'_>,
    title: &str,
    samples: &Samples,
    bars: &[Bar],
    unit: impl Fn(f64) -> f64,
    length: impl Fn(f64) -> f64,
) -> Result<(), ReportError> {
    const LEFT: i32 = 270;
    const WIDTH: f64 = 380.0;
    const TOP: i32 = 56;
    const STEP: i32 = 52;
    const HEIGHT: i32 = 30;
    let text = |size: u32| (FONT, size).into_font().color(&BLACK);
    area.draw(&Text::new(title.to_owned(), (16, 16), text(18)))
        .map_err(failed)?;
    let mut rows = Vec::new();
    for (label, name, ours) in bars {
        let (median, low, high) = samples.spread(name)?;
        rows.push((label, *ours, [median, low, high].map(&unit)));
    }
    let longest = rows
        .iter()
        .map(|(_, _, [_, _, high])| length(*high))
        .fold(f64::MIN_POSITIVE, f64::max);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most the width of the picture"
    )]
    let x = |value: f64| LEFT + (length(value) / longest * WIDTH).round() as i32;
    let mut top = TOP;
    for (label, ours, [median, low, high]) in rows {
        let color = if ours { OURS } else { OTHERS };
        let middle = top + HEIGHT / 2;
        area.draw(&Text::new((*label).to_owned(), (16, middle - 7), text(14)))
            .map_err(failed)?;
        area.draw(&Rectangle::new(
            [(LEFT, top), (x(median), top + HEIGHT)],
            color.filled(),
        ))
        .map_err(failed)?;
        area.draw(&PathElement::new(
            vec![(x(low), middle), (x(high), middle)],
            BLACK,
        ))
        .map_err(failed)?;
        area.draw(&Text::new(
            number(median),
            (x(high).max(x(median)) + 8, middle - 7),
            text(14),
        ))
        .map_err(failed)?;
        top += STEP;
    }
    Ok(())
}

/// With commas between thousands, and a decimal where that says something.
fn number(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn callers(area: &Area<'_>, samples: &Samples) -> Result<(), ReportError> {
    let mut points = Vec::new();
    for callers in CALLERS {
        let (median, low, high) = samples.spread(&format!("callers_{callers}"))?;
        points.push((f64::from(callers).log2(), median, low, high));
    }
    let most = points.iter().map(|point| point.3).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption("Hand-offs accepted per second, by callers", (FONT, 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(84)
        .build_cartesian_2d(0.0..8.0, 0.0..most * 1.1)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(CALLERS.len())
        .x_label_formatter(&|exponent: &f64| format!("{}", exponent.exp2().round()))
        .y_label_formatter(&|value: &f64| number(*value))
        .draw()
        .map_err(failed)?;
    let medians = points.iter().map(|(x, median, _, _)| (*x, *median));
    chart
        .draw_series(LineSeries::new(medians, OURS.stroke_width(2)))
        .map_err(failed)?;
    let spreads = points
        .iter()
        .map(|(x, _, low, high)| PathElement::new(vec![(*x, *low), (*x, *high)], BLACK));
    chart.draw_series(spreads).map_err(failed)?;
    Ok(())
}
