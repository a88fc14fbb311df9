//! `http-pusher send`: one notification, sent by the engine as the node would send it.
//!
//! An event from a file goes through the rules first. The engine reports the outcome with the reason that the node would
//! log. The look-up, connecting and TLS are timed on a connection of their own just before, because the engine keeps no such
//! times of its connections.

mod delivery;
mod event_arguments;
mod report;

use notification::Verdict;

use crate::check::{Files, Parsed};
use crate::config::handlers::Handler;
use crate::fate::Fate;
use crate::output::print_line;
use crate::policy_options;
use crate::routes::Route;
use crate::sample::Sample;
use delivery::Delivery;
use event_arguments::EventArguments;
use report::Report;

/// Arguments of `send`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
    /// The handler's number in `check`; without it, the first handler
    #[arg(long, value_name = "N")]
    handler: Option<usize>,
    /// The host or host type to send for, if hosts have pools of their own
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    #[command(flatten)]
    event: EventArguments,
    /// Show the request, and send nothing to the web service
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Sends the notification and prints the report; returns whether it counts as sent.
///
/// # Errors
///
/// A text that says why it cannot be tried at all.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let parsed = Parsed::read(&arguments.files)?;
    let judgement = parsed.judge();
    judgement.print_problems();
    let route = choose(&judgement.routes, arguments)?;
    let host = parsed.first_host().unwrap_or("localhost");
    let sample = arguments.event.sample(host, parsed.mongooseim())?;
    let has_event = arguments.event.event.is_some();
    let fate = has_event.then(|| Fate::of(route.handler, &sample));
    let report = if fate.as_ref().is_some_and(|fate| fate.why_not.is_some()) {
        Report::default()
    } else {
        send(arguments, route, &sample)?
    };
    if arguments.json {
        print_line(&report.in_json(route, fate.as_ref()).to_string());
    } else {
        print_line(&report.in_text(route, fate.as_ref()));
    }
    Ok(report.is_good())
}

fn send(arguments: &Arguments, route: &Route<'_>, sample: &Sample) -> Result<Report, String> {
    let policy = policy_options::of(route.handler)?;
    let delivery = Delivery::new(route, sample, arguments.files.root())?;
    let (request, verdict) = delivery.preview()?;
    let mut report = Report {
        request,
        custom: custom(route.handler, sample),
        policy,
        ..Report::default()
    };
    if arguments.dry_run {
        // What an endpoint in this process answers is of no interest, but a request that cannot be made is.
        report.verdict = Some(verdict).filter(|verdict| matches!(verdict, Verdict::Failed { .. }));
    } else {
        (report.connection, report.certificate) = delivery::measure(route.settings)?;
        report.verdict = Some(delivery.send()?);
    }
    Ok(report)
}

/// A line for requests that a callback module makes.
fn custom(handler: &Handler, sample: &Sample) -> Option<String> {
    let makes_it = handler.is_custom() && !handler.options.has("format") && !sample.is_presence();
    makes_it.then(|| {
        format!(
            "in the node {} makes headers and body; this is what the default module sends",
            handler.module()
        )
    })
}

/// The handler that the arguments name.
fn choose<'a, 'b>(routes: &'b [Route<'a>], arguments: &Arguments) -> Result<&'b Route<'a>, String> {
    let wanted = |route: &&Route<'_>| {
        arguments
            .handler
            .is_none_or(|number| route.handler.number == number)
            && arguments
                .host
                .as_ref()
                .is_none_or(|host| route.hosts.is_empty() || route.hosts.contains(&host.as_str()))
    };
    routes.iter().find(wanted).ok_or_else(|| {
        let numbers: Vec<_> = routes
            .iter()
            .map(|route| route.handler.number.to_string())
            .collect();
        if numbers.is_empty() {
            "no handler of this file can send; see http-pusher check".to_owned()
        } else {
            format!("no such handler; there are: {}", numbers.join(", "))
        }
    })
}
