//! `http-pusher send`: one sample notification, sent by the engine as the node would send it.
//!
//! The engine says what became of it, in the words the node would log. Times of the look-up, of
//! connecting and of TLS are taken on a connection of their own just before, since the engine keeps
//! no such record of the connections it uses.

mod report;

use std::sync::mpsc::channel;
use std::time::Duration;

use engine::engine::{Engine, EngineSettings, NotTaken};
use engine::settings::PoolSettings;
use notification::{Content, Direction, Names, Notification, Verdict};
use transport::dial::{Dialled, dial};
use transport::names;
use transport::tls::{PeerCertificate, TlsClient};

use crate::check;
use crate::jid::Jid;
use crate::notes::Severity;
use crate::resolve::Route;
use crate::terminal::{Colour, print_line};
use report::Report;

/// Arguments of `send`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    files: check::Files,
    /// Which handler, as numbered by `check`; the first one otherwise
    #[arg(long, value_name = "N")]
    handler: Option<usize>,
    /// The host or host type to send for, where hosts have pools of their own
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Who wrote the message [default: alice at the first host of the file]
    #[arg(long, value_name = "JID")]
    from: Option<Jid>,
    /// Who it is for [default: bob at the same host]
    #[arg(long, value_name = "JID")]
    to: Option<Jid>,
    /// What it says
    #[arg(long, value_name = "TEXT", default_value = "Hi, Bob!")]
    message: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Sends and reports; whether it counts as sent.
///
/// # Errors
///
/// What keeps it from being tried at all, in words.
pub fn run(arguments: &Arguments) -> Result<bool, String> {
    let mut checked = check::read(&arguments.files)?;
    let first_host = checked.first_host().unwrap_or("localhost").to_owned();
    let (routes, notes) = checked.routes();
    for note in notes
        .iter()
        .filter(|note| note.severity == Severity::Problem)
    {
        eprintln!(
            "{}:{}: problem: {} {}",
            note.file, note.line, note.path, note.text
        );
    }
    let route = choose(&routes, arguments)?;
    let from = arguments
        .from
        .clone()
        .unwrap_or_else(|| Jid::of("alice", &first_host));
    let to = arguments
        .to
        .clone()
        .unwrap_or_else(|| Jid::of("bob", &from.domain));
    let report = send(route, &from, &to, &arguments.message)?;
    if arguments.json {
        print_line(&report.in_json(route).to_string());
    } else {
        print_line(&report.in_text(route, Colour::of_stdout()));
    }
    Ok(matches!(report.verdict, Verdict::Sent { .. }))
}

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

fn send(route: &Route<'_>, from: &Jid, to: &Jid, message: &str) -> Result<Report, String> {
    let (connection, certificate) = measure(route.settings)?;
    let engine = Engine::default();
    let (ring, bell) = channel();
    engine
        .start(EngineSettings::default(), move || {
            // The receiver goes away only when the outcome is there.
            let _ = ring.send(());
        })
        .map_err(|error| error.to_string())?;
    let name = &route.handler.pool_name;
    let pool = engine
        .create_pool(name)
        .map_err(|error| error.to_string())?;
    let options = route.pool.options.clone().ok_or("the pool has no host")?;
    engine
        .configure_pool(pool, options)
        .and_then(|()| engine.open_pool(pool))
        .map_err(|error| error.to_string())?;
    let handler = engine.handler(&from.domain, name, &route.handler.target);
    let names = Names {
        sender: from.local.as_bytes(),
        server: from.domain.as_bytes(),
        receiver: to.local.as_bytes(),
    };
    let message = message.as_bytes();
    let notification = Notification::new(handler, Direction::In, names, message, Content::Form)
        .ok_or("the message is too long")?;
    let body = String::from_utf8_lossy(&payload::body(&notification)).into_owned();
    engine
        .push(pool, b"sample", notification)
        .map_err(|not_taken| match not_taken {
            NotTaken::Rejected(reason) => format!("rejected: {}", reason.as_str()),
            NotTaken::NotOpen => "the pool is not open".to_owned(),
        })?;
    // Every accepted notification has its outcome by then; the rest is for a slow machine.
    let patience = route.settings.call_timeout + Duration::from_secs(10);
    let verdict = loop {
        if let Some(verdict) = engine
            .outcomes
            .take(1, |outcome| copy(&outcome.verdict))
            .pop()
        {
            break verdict;
        }
        if bell.recv_timeout(patience).is_err() {
            return Err("the engine gave no outcome".to_owned());
        }
    };
    engine.stop();
    Ok(Report {
        body,
        connection,
        certificate,
        verdict,
    })
}

fn copy(verdict: &Verdict) -> Verdict {
    match verdict {
        Verdict::Sent { status, elapsed } => Verdict::Sent {
            status: *status,
            elapsed: *elapsed,
        },
        Verdict::Failed {
            reason,
            text,
            attempts,
        } => Verdict::Failed {
            reason: *reason,
            text: text.clone(),
            attempts: *attempts,
        },
    }
}

/// Connects and hangs up. Where that fails, the engine will say why.
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
