//! `http-pusher receive`: an endpoint to point a node at. It only receives, prints and answers; the program
//! `http-pusher-test-endpoint` has the faults.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::json;
use test_endpoint::{EndpointConfig, Observer, Record, TestEndpoint, TlsSettings, print};

use crate::output::print_line;

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
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..600))]
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
    let plan = format!("status={} delay={}", arguments.status, arguments.delay);
    let config = EndpointConfig {
        bind: vec![arguments.bind],
        port: arguments.port,
        tls: arguments.tls.then(TlsSettings::self_signed),
        http2: true,
        plan: plan.parse().map_err(text_of)?,
        max_records: 0,
        observer: Some(Observer(Arc::new(move |record| show(record, json)))),
        ..EndpointConfig::default()
    };
    let endpoint = TestEndpoint::start(config).await.map_err(text_of)?;
    if let (Some(file), Some(ca)) = (&arguments.write_ca, endpoint.ca_pem()) {
        std::fs::write(file, ca).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let scheme = if arguments.tls { "https" } else { "http" };
    let address = endpoint.addr();
    if json {
        print_line(&json!({ "listening": format!("{scheme}://{address}") }).to_string());
    } else {
        print_line(&format!(
            "listening at {scheme}://{address}, until interrupted"
        ));
    }
    tokio::signal::ctrl_c().await.map_err(text_of)?;
    endpoint.shutdown().await;
    Ok(true)
}

fn show(record: &Record, json: bool) {
    let text = if json {
        in_json(record)
    } else {
        print::request_text(record, SystemTime::now())
            .trim_end()
            .to_owned()
    };
    print_line(&text);
}

fn in_json(record: &Record) -> String {
    let headers: Vec<_> = record
        .headers()
        .map(|(name, value)| {
            [
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            ]
        })
        .collect();
    let is_form = record
        .header("content-type")
        .is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded"));
    let form = is_form.then(|| record.form());
    json!({
        "number": record.n,
        "method": record.method,
        "path": record.path,
        "http": record.version.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&record.content()),
        "form": form,
        "complete": record.complete,
        "tls": record.tls.as_ref().map(|tls| &tls.version),
    })
    .to_string()
}

fn text_of(error: impl std::fmt::Display) -> String {
    error.to_string()
}
