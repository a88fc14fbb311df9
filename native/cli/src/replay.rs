//! `http-pusher replay`: sends recorded requests again.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use payload::signature::{self, SigningKey, parse_keys};
use serde_json::json;
use time::OffsetDateTime;

use crate::output::{GOOD, PROBLEM, print_line, styled, visible};
use crate::recording::Recorded;
use crate::service::{Answer, Service};

/// Longest pause between two requests.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The recorded requests
    file: PathBuf,
    /// Where to send them; without a path, each goes to its own
    url: String,
    /// How fast: 1.0 as they came, 2.0 twice as fast; without it, as fast as answers come
    #[arg(long, value_name = "TIMES", value_parser = pace)]
    pace: Option<f64>,
    /// Give each request a new signature, with the secrets of a file, because receivers refuse old ones
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Trust this CA, in place of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print one JSON object a line instead of text
    #[arg(long)]
    json: bool,
}

fn pace(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(pace) if pace.is_finite() && pace >= 0.001 => Ok(pace),
        _ => Err("expected a number of at least 0.001".to_owned()),
    }
}

/// Sends them all; returns whether each was answered 2xx.
///
/// # Errors
///
/// A text: the file or a line of it cannot be read, or the URL cannot be used.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let name = arguments.file.display();
    let file = File::open(&arguments.file).map_err(|error| format!("{name}: {error}"))?;
    let keys = match &arguments.secret_file {
        None => None,
        Some(file) => {
            let name = file.display();
            let content = std::fs::read(file).map_err(|error| format!("{name}: {error}"))?;
            Some(parse_keys(&content).map_err(|error| format!("{name}: {error}"))?)
        }
    };
    let replay = Replay {
        service: Service::open(&arguments.url, arguments.ca.as_deref())?,
        keys,
        json: arguments.json,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let (mut sent, mut good, mut timetable) = (0_u64, 0_u64, Timetable::new(arguments.pace));
    for (number, line) in (1_u64..).zip(BufReader::new(file).lines()) {
        let bad = |error: &dyn std::fmt::Display| format!("{name}, line {number}: {error}");
        let line = line.map_err(|error| bad(&error))?;
        if line.trim().is_empty() {
            continue;
        }
        let mut recorded: Recorded = serde_json::from_str(&line).map_err(|error| bad(&error))?;
        let body = recorded.body().map_err(|error| bad(&error))?;
        timetable.wait(&recorded).map_err(|error| bad(&error))?;
        replay.sign(&mut recorded, &body);
        sent += 1;
        good += u64::from(runtime.block_on(replay.send(number, &recorded, body)));
    }
    if arguments.json {
        print_line(&json!({ "sent": sent, "success": good }).to_string());
    } else {
        print_line(&format!("{sent} sent, {good} answered 2xx"));
    }
    Ok(sent == good)
}

struct Replay {
    service: Service,
    keys: Option<Vec<SigningKey>>,
    json: bool,
}

impl Replay {
    /// Signs a request that has an id, as of now.
    fn sign(&self, recorded: &mut Recorded, body: &[u8]) {
        let Some(keys) = &self.keys else { return };
        let headers = &mut recorded.headers;
        let is = |name: &str, wanted: &str| name.eq_ignore_ascii_case(wanted);
        let id = headers.iter().find(|[name, _]| is(name, "webhook-id"));
        let Some([_, id]) = id.cloned() else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        headers
            .retain(|[name, _]| !is(name, "webhook-timestamp") && !is(name, "webhook-signature"));
        headers.push(["webhook-timestamp".to_owned(), now.to_string()]);
        let value = signature::value(keys, &id, now, body);
        if let Some(value) = value.as_ref().and_then(|value| value.to_str().ok()) {
            headers.push(["webhook-signature".to_owned(), value.to_owned()]);
        }
    }

    /// Sends a request and prints the answer; returns whether it is a 2xx.
    async fn send(&self, number: u64, recorded: &Recorded, body: Vec<u8>) -> bool {
        let since = Instant::now();
        let Recorded {
            method,
            path,
            headers,
            ..
        } = recorded;
        let answer = self.service.send(method, path, headers, body.into()).await;
        let ms = since.elapsed().as_millis();
        let is_good = matches!(
            &answer,
            Ok(Answer {
                status: 200..=299,
                ..
            })
        );
        let url = self.service.url(path);
        let (status, error) = match answer {
            Ok(answer) => (Some(answer.status), None),
            Err(error) => (None, Some(error)),
        };
        if self.json {
            let line = json!({
                "line": number, "method": method, "url": url, "status": status, "error": error, "ms": ms,
            });
            print_line(&line.to_string());
        } else {
            let word = match (status, error) {
                (Some(status), _) => status.to_string(),
                (None, error) => visible(&error.unwrap_or_default()),
            };
            let style = if is_good { GOOD } else { PROBLEM };
            let (method, url) = (visible(method), visible(&url));
            print_line(&format!(
                "#{number} {method} {url}: {} in {ms} ms",
                styled(style, &word)
            ));
        }
        is_good
    }
}

/// When to send, by the times of the recording.
struct Timetable {
    pace: Option<f64>,
    start: Option<(OffsetDateTime, Instant)>,
}

impl Timetable {
    const fn new(pace: Option<f64>) -> Self {
        Self { pace, start: None }
    }

    /// Waits until the request is due. The first one is due at once.
    fn wait(&mut self, recorded: &Recorded) -> Result<(), String> {
        let Some(pace) = self.pace else {
            return Ok(());
        };
        let at = recorded.arrived()?;
        let (first, start) = *self.start.get_or_insert((at, Instant::now()));
        let after = (at - first).as_seconds_f64().max(0.0) / pace;
        let due = start + Duration::try_from_secs_f64(after).map_err(|error| error.to_string())?;
        let pause = due.saturating_duration_since(Instant::now());
        std::thread::sleep(pause.min(LONGEST_PAUSE));
        Ok(())
    }
}
