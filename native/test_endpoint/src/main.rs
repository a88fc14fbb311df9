//! The test endpoint as a separate process: its command line, its first line of output, and when it ends.

#![forbid(unsafe_code)]

use clap::Parser;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::SystemTime;
use test_endpoint::certs::Authority;
use test_endpoint::{
    ClientAuth, EndpointConfig, Identity, Observer, Plan, Record, TestEndpoint, TlsSettings,
    TlsVersions, admin, print,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Requests waiting to be printed; more than these are counted instead.
const PRINT_QUEUE: usize = 10_000;

/// An HTTP endpoint with settable latency, status and faults, which counts and records what it gets.
#[derive(Debug, Parser)]
#[command(version)]
#[allow(clippy::struct_excessive_bools)] // Switches of a command line are what they are.
struct Args {
    /// Port to listen at; 0 means any free port.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Address to listen at; may be given several times.
    #[arg(long, default_values_t = [IpAddr::from(Ipv4Addr::LOCALHOST)])]
    bind: Vec<IpAddr>,
    /// Speak TLS, with a new certificate for localhost unless --cert is given.
    #[arg(long)]
    tls: bool,
    /// Certificate chain, PEM.
    #[arg(long, requires = "key", requires = "tls")]
    cert: Option<PathBuf>,
    /// Private key, PEM.
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// Demand client certificates signed by one of these authorities, PEM.
    #[arg(long, requires = "tls")]
    client_ca: Option<PathBuf>,
    /// Request client certificates, but serve clients without one too.
    #[arg(long, requires = "client_ca")]
    client_cert_optional: bool,
    /// Accept only this version of TLS: 1.2 or 1.3.
    #[arg(long, requires = "tls", value_parser = ["1.2", "1.3"])]
    tls_version: Option<String>,
    /// Write the authority of the new certificate to this file, PEM.
    #[arg(long, requires = "tls", conflicts_with = "cert")]
    write_ca: Option<PathBuf>,
    /// Speak HTTP/2 as well.
    #[arg(long)]
    h2: bool,
    /// What to do with requests, as in "status=503 delay=100-300".
    #[arg(long, default_value = "status=200 delay=0")]
    plan: Plan,
    /// Record requests, for the admin port to return.
    #[arg(long)]
    record: bool,
    /// Most records to keep.
    #[arg(long, default_value_t = 1_000_000)]
    max_records: usize,
    /// Print every request.
    #[arg(long)]
    print: bool,
    /// Threads that serve.
    #[arg(long, alias = "workers-threads", default_value_t = 1)]
    worker_threads: usize,
    /// Port of the admin interface; 0 means any free port.
    #[arg(long, default_value_t = 0)]
    admin_port: u16,
    /// Go on when standard input is closed.
    #[arg(long)]
    ignore_stdin: bool,
    /// Write certificates for tests into this directory and exit.
    #[arg(long, value_name = "DIR", exclusive = true)]
    make_certs: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match &args.make_certs {
        Some(dir) => make_certs(dir),
        None => serve(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http-pusher-test-endpoint: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &Args) -> Result<(), Box<dyn Error>> {
    let config = config(args)?;
    let mut builder = if args.worker_threads <= 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    if args.worker_threads > 1 {
        builder.worker_threads(args.worker_threads);
    }
    let runtime = builder.enable_all().build()?;
    runtime.block_on(run(args, config))?;
    // Printing or reading standard input may block for ever: the process does not wait for it.
    runtime.shutdown_background();
    Ok(())
}

async fn run(args: &Args, config: EndpointConfig) -> Result<(), Box<dyn Error>> {
    // Before the first line of output: the parent may send a signal right after it.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let endpoint = TestEndpoint::start(config).await?;
    if let (Some(file), Some(pem)) = (&args.write_ca, endpoint.ca_pem()) {
        fs::write(file, pem)?;
    }
    let admin_addr = (Ipv4Addr::LOCALHOST, args.admin_port).into();
    let admin = admin::start(endpoint.clone(), admin_addr).await?;
    println!("listening {} admin {admin}", endpoint.addr());
    std::io::stdout().flush()?;

    let (closed, stdin_closed) = oneshot::channel();
    if !args.ignore_stdin {
        std::thread::spawn(move || {
            // An error means the same as the end: the parent is gone.
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            closed.send(())
        });
    }
    tokio::select! {
        Ok(()) = stdin_closed => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn config(args: &Args) -> Result<EndpointConfig, Box<dyn Error>> {
    Ok(EndpointConfig {
        bind: args.bind.clone(),
        port: args.port,
        tls: args.tls.then(|| tls(args)).transpose()?,
        http2: args.h2,
        plan: args.plan.clone(),
        max_records: if args.record { args.max_records } else { 0 },
        observer: args.print.then(printer),
        ..EndpointConfig::default()
    })
}

fn tls(args: &Args) -> Result<TlsSettings, Box<dyn Error>> {
    let mut settings = TlsSettings::self_signed();
    if let (Some(cert), Some(key)) = (&args.cert, &args.key) {
        settings.identity = Identity::Pem {
            chain: read(cert)?,
            key: read(key)?,
        };
    }
    if let Some(authorities) = &args.client_ca {
        let pem = read(authorities)?;
        settings.client_auth = if args.client_cert_optional {
            ClientAuth::Optional(pem)
        } else {
            ClientAuth::Required(pem)
        };
    }
    settings.versions = match args.tls_version.as_deref() {
        Some("1.2") => TlsVersions::Only12,
        Some("1.3") => TlsVersions::Only13,
        _ => TlsVersions::Both,
    };
    Ok(settings)
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Prints in a separate thread: a slow terminal must not slow down the test endpoint.
fn printer() -> Observer {
    let (queue, queued) = sync_channel::<String>(PRINT_QUEUE);
    std::thread::spawn(move || {
        let mut out = std::io::stdout();
        for text in queued {
            if out
                .write_all(text.as_bytes())
                .and_then(|()| out.flush())
                .is_err()
            {
                // Standard output is closed.
                return;
            }
        }
    });
    Observer(Arc::new(move |record| print(&queue, record)))
}

fn print(queue: &SyncSender<String>, record: &Record) {
    let text = print::request_text(record, SystemTime::now());
    match queue.try_send(text) {
        Ok(()) | Err(TrySendError::Disconnected(_)) => {}
        Err(TrySendError::Full(_)) => eprintln!("request {} is not printed", record.n),
    }
}

fn make_certs(dir: &Path) -> Result<(), Box<dyn Error>> {
    let names = ["localhost", "127.0.0.1", "::1"];
    let authority = Authority::new("http-pusher-test-endpoint")?;
    fs::create_dir_all(dir)?;
    fs::write(dir.join("ca.pem"), authority.ca_pem())?;
    fs::write(dir.join("other-ca.pem"), Authority::new("other")?.ca_pem())?;
    let made = [
        ("server", authority.server(&names)?),
        ("wrong-name", authority.server(&["wrong.example"])?),
        ("expired", authority.expired(&names)?),
        ("client", authority.client("http-pusher-client")?),
    ];
    for (name, pem) in made {
        fs::write(dir.join(format!("{name}.pem")), pem.cert)?;
        fs::write(dir.join(format!("{name}.key")), pem.key)?;
    }
    Ok(())
}
