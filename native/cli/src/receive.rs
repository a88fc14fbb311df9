//! `http-pusher receive`: an endpoint to point a node at. It only receives, prints and answers; the program
//! `http-pusher-test-endpoint` has the faults.

mod answers;
mod decode;
mod desk;
mod print;
mod row;
mod store;
mod web;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use payload::signature::{VerifyingKey, parse_verifying_keys};
use serde_json::json;
use test_endpoint::{EndpointConfig, Observer, Responder, TestEndpoint, TlsSettings};

use crate::output::print_line;
use crate::service::Service;
use answers::{Answers, Setting};
use desk::{Desk, MAX_BODY, Recorder};
use store::Store;
use web::Web;

/// Arguments of `receive`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Port to listen on; 0 means a free one
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// Address to listen on; the default can be reached from this machine only
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::from(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// Status to answer with
    #[arg(
        long,
        default_value_t = 200,
        conflicts_with = "forward",
        value_parser = clap::value_parser!(u16).range(200..600)
    )]
    status: u16,
    /// Milliseconds to wait before answering
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,
    /// Speak https, with a new certificate for localhost
    #[arg(long)]
    tls: bool,
    /// Write the CA of that certificate to a file, to be named as cacertfile
    #[arg(long, value_name = "FILE", requires = "tls")]
    write_ca: Option<PathBuf>,
    /// Print one JSON object a line instead of text
    #[arg(long)]
    json: bool,
    /// Check signatures of Standard Webhooks with the keys of a file: one a line, whsec_, whsk_ or whpk_
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Pass each request on to your own service, and its answer back
    ///
    /// Without a path in the URL, each request goes to its own path. 502 is answered if the service does not answer within
    /// 30 seconds.
    #[arg(long, value_name = "URL")]
    forward: Option<String>,
    /// Trust this CA for --forward, in place of the system's
    #[arg(long, value_name = "FILE", requires = "forward")]
    forward_ca: Option<PathBuf>,
    /// Append each request to a file, for http-pusher replay
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Serve a page that shows notifications as they arrive, and sets the answers
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:8001")]
    web: Option<SocketAddr>,
    /// Let other machines use the page too, which asks for no password
    #[arg(long, requires = "web")]
    web_remote: bool,
    /// How many requests the page keeps
    #[arg(long, value_name = "N", default_value_t = 500, requires = "web", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    keep: u16,
}

/// Receives and prints until interrupted.
///
/// # Errors
///
/// A text: it cannot listen, or the CA cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: &Arguments) -> Result<bool, String> {
    let json = arguments.json;
    if let Some(web) = arguments.web
        && !web.ip().is_loopback()
        && !arguments.web_remote
    {
        return Err(format!(
            "--web {web}: other machines could see the notifications and set the answers; --web-remote allows that"
        ));
    }
    let desk = Arc::new(desk(arguments)?);
    let (observer, responder) = (Arc::clone(&desk), Arc::clone(&desk));
    let config = EndpointConfig {
        bind: vec![arguments.bind],
        port: arguments.port,
        tls: arguments.tls.then(TlsSettings::self_signed),
        http2: true,
        max_records: 0,
        max_body: max_body(arguments),
        observer: Some(Observer(Arc::new(move |record| observer.received(record)))),
        responder: Some(Responder(Arc::new(move |record| responder.decide(record)))),
        ..EndpointConfig::default()
    };
    let endpoint = TestEndpoint::start(config).await.map_err(text_of)?;
    if let (Some(file), Some(ca)) = (&arguments.write_ca, endpoint.ca_pem()) {
        std::fs::write(file, ca).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let listening = endpoint.url("");
    let page = match arguments.web {
        None => None,
        Some(address) => {
            let web = Web {
                desk,
                listening: listening.clone(),
                remote: arguments.web_remote,
                run: name_of_run(),
            };
            Some(format!("http://{}/", web::start(address, web).await?))
        }
    };
    if json {
        let mut line = json!({ "listening": listening });
        if let (Some(page), Some(members)) = (&page, line.as_object_mut()) {
            members.insert("web".to_owned(), json!(page));
        }
        print_line(&line.to_string());
    } else {
        print_line(&format!("listening at {listening}, until interrupted"));
        if let Some(page) = &page {
            print_line(&format!("the page is at {page}"));
        }
    }
    tokio::signal::ctrl_c().await.map_err(text_of)?;
    endpoint.shutdown().await;
    Ok(true)
}

/// What is only printed is cut early.
fn max_body(arguments: &Arguments) -> usize {
    let is_used = arguments.web.is_some() || arguments.secret_file.is_some();
    if is_used || arguments.record.is_some() || arguments.forward.is_some() {
        MAX_BODY
    } else {
        EndpointConfig::default().max_body
    }
}

fn desk(arguments: &Arguments) -> Result<Desk, String> {
    let forward = arguments.forward.as_deref();
    let service = forward
        .map(|url| Service::open(url, arguments.forward_ca.as_deref()))
        .transpose()?;
    let answers = Answers {
        status: service.is_none().then_some(arguments.status),
        delay: arguments.delay,
        retry_after: String::new(),
        close: false,
        times: None,
    };
    Ok(Desk {
        json: arguments.json,
        keys: arguments.secret_file.as_deref().map(keys).transpose()?,
        recorder: arguments
            .record
            .as_deref()
            .map(Recorder::open)
            .transpose()?,
        service,
        setting: Setting::new(answers),
        store: arguments
            .web
            .map(|_| Store::new(usize::from(arguments.keep))),
    })
}

/// The keys of a file.
fn keys(file: &Path) -> Result<Vec<VerifyingKey>, String> {
    let content = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    parse_verifying_keys(&content).map_err(|error| format!("{}: {error}", file.display()))
}

/// A name for this run, which no other run has.
fn name_of_run() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.unwrap_or_default().as_nanos();
    format!("{nanos:x}.{}", std::process::id())
}

fn text_of(error: impl std::fmt::Display) -> String {
    error.to_string()
}
