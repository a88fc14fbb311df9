//! `http-pusher send`: one sample notification, sent by the engine as the node would send it.
//!
//! The engine reports the outcome with the reason that the node would log. The look-up, connecting and TLS are timed on a
//! connection of their own just before, because the engine keeps no such times of its connections.

mod report;

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use engine::engine::{Engine, EngineSettings};
use engine::settings::PoolSettings;
use notification::{Content, Direction, Names, Notification, PoolId, PushError, Verdict};
use transport::dial::{Dialled, dial};
use transport::names;
use transport::tls::{PeerCertificate, TlsClient};

use crate::check::{Files, Parsed};
use crate::jid::Jid;
use crate::output::print_line;
use crate::routes::Route;
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
    /// The message's author [default: alice at the first host of the file]
    #[arg(long, value_name = "JID")]
    from: Option<Jid>,
    /// Its receiver [default: bob at the same host]
    #[arg(long, value_name = "JID")]
    to: Option<Jid>,
    /// Its text
    #[arg(long, value_name = "TEXT", default_value = "Hi, Bob!")]
    message: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// The message to send.
struct Sample<'a> {
    from: &'a Jid,
    to: &'a Jid,
    text: &'a str,
}

/// Sends the notification and prints the report; returns whether it counts as sent.
///
/// # Errors
///
/// A text that says why it cannot be tried at all.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let parsed = Parsed::read(&arguments.files)?;
    let judgement = parsed.judge();
    for note in judgement.problems() {
        eprintln!(
            "{}:{}: problem: {} {}",
            note.file, note.line, note.path, note.text
        );
    }
    let route = choose(&judgement.routes, arguments)?;
    let host = parsed.first_host().unwrap_or("localhost");
    let from = match &arguments.from {
        Some(from) => from.clone(),
        None => Jid::of("alice", host),
    };
    let to = match &arguments.to {
        Some(to) => to.clone(),
        None => Jid::of("bob", &from.domain),
    };
    let sample = Sample {
        from: &from,
        to: &to,
        text: &arguments.message,
    };
    let (connection, certificate) = measure(route.settings)?;
    let (body, verdict) = deliver(route, &sample)?;
    let report = Report {
        body,
        connection,
        certificate,
        verdict,
    };
    if arguments.json {
        print_line(&report.in_json(route).to_string());
    } else {
        print_line(&report.in_text(route));
    }
    Ok(matches!(report.verdict, Verdict::Sent { .. }))
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

/// Delivers the sample through an engine that has this one pool. Returns the body and the outcome.
fn deliver(route: &Route<'_>, sample: &Sample<'_>) -> Result<(String, Verdict), String> {
    let engine = Engine::default();
    let settings = EngineSettings::default();
    let (ring, bell) = channel();
    engine
        .start(settings, move || {
            // The receiver is dropped only after the outcome has arrived.
            let _ = ring.send(());
        })
        .map_err(|error| error.to_string())?;
    let pool = open_pool(&engine, route)?;
    let notification = notification(&engine, route, sample)?;
    let body =
        String::from_utf8_lossy(&payload::body(&notification, settings.form_style)).into_owned();
    engine
        .push(pool, b"sample", notification)
        .map_err(|not_taken| match not_taken {
            PushError::Rejected(reason) => format!("rejected: {}", reason.as_str()),
            PushError::NotOpen => "the pool is not open".to_owned(),
        })?;
    let verdict = outcome(&engine, &bell, route.settings.call_timeout)?;
    engine.stop();
    Ok((body, verdict))
}

fn open_pool(engine: &Engine, route: &Route<'_>) -> Result<PoolId, String> {
    let options = route.pool.options.clone().ok_or("the pool has no host")?;
    let pool = engine
        .create_pool(&route.handler.pool_name)
        .map_err(|error| error.to_string())?;
    engine
        .configure_pool(pool, options)
        .and_then(|()| engine.open_pool(pool))
        .map_err(|error| error.to_string())?;
    Ok(pool)
}

fn notification(
    engine: &Engine,
    route: &Route<'_>,
    sample: &Sample<'_>,
) -> Result<Notification, String> {
    let handler = engine.handler(
        &sample.from.domain,
        &route.handler.pool_name,
        &route.handler.target,
    );
    let names = Names {
        sender: sample.from.local.as_bytes(),
        server: sample.from.domain.as_bytes(),
        receiver: sample.to.local.as_bytes(),
    };
    let text = sample.text.as_bytes();
    Notification::new(handler, Direction::In, names, text, Content::Form)
        .ok_or_else(|| "the message is too long".to_owned())
}

/// Waits for the outcome.
fn outcome(
    engine: &Engine,
    bell: &Receiver<()>,
    call_timeout: Duration,
) -> Result<Verdict, String> {
    // Every accepted notification has its outcome after `call_timeout`; the rest is for a slow machine.
    let patience = call_timeout + Duration::from_secs(10);
    loop {
        let mut taken = engine.outcomes.take(1, |outcome| outcome.verdict.clone());
        if let Some(verdict) = taken.pop() {
            return Ok(verdict);
        }
        if bell.recv_timeout(patience).is_err() {
            return Err("the engine reported no outcome".to_owned());
        }
    }
}

/// Connects and closes the connection. If that fails, the delivery will report why.
fn measure(settings: &PoolSettings) -> Result<(Option<Dialled>, Option<PeerCertificate>), String> {
    let tls = match &settings.tls {
        None => None,
        Some(options) => {
            let opened = TlsClient::open(options, &settings.base.host, settings.http2);
            Some(opened.map_err(|error| error.to_string())?.0)
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let names = names::Names::default();
    let dialled = runtime.block_on(async {
        let dialling = dial(&names, &settings.base, tls.as_ref(), settings.http2);
        tokio::time::timeout(settings.call_timeout, dialling).await
    });
    runtime.shutdown_background();
    let connection = match dialled {
        Ok(Ok((_, dialled))) => Some(dialled),
        _ => None,
    };
    Ok((
        connection,
        tls.and_then(|tls| tls.last_peer().certificate()),
    ))
}
