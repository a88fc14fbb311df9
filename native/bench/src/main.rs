//! Bare clients and the engine under load, for `make bench`, and the report of what it measured.
//!
//! `raw` and `engine` print one JSON line: how many requests a second, at how much CPU. The run as a
//! whole is the Erlang driver's (`bench/`). Not here: what the figures are compared with (`report`).
#![forbid(unsafe_code)]

mod connector;
mod engine_load;
mod hyper_load;
mod load;
mod report;
mod reqwest_load;
mod wake;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use load::{Load, LoadError, Measured};

#[derive(Debug, Parser)]
#[command(name = "http-pusher-bench", about)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A bare client: so many connections, each with its next request when it has the response.
    Raw {
        #[arg(long, value_enum, default_value_t = Client::Reqwest)]
        client: Client,
        #[command(flatten)]
        load: Load,
    },
    /// The engine, with notifications enough waiting at any moment.
    Engine {
        /// Distinct senders, each a lane of its own.
        #[arg(long, default_value_t = 200)]
        senders: usize,
        #[command(flatten)]
        load: Load,
    },
    /// What waking a thread costs.
    Wake {
        /// How often, one millisecond apart.
        #[arg(long)]
        calls: u32,
    },
    /// Results, table and plots from samples.
    Report {
        /// What the driver has measured.
        samples: PathBuf,
        /// Directory for `results.json` and the plots.
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Client {
    Reqwest,
    Hyper,
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http-pusher-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn std::error::Error>> {
    let measured = match command {
        Command::Raw { client, load } => raw(client, &load)?,
        Command::Engine { senders, load } => engine_load::run(&load, senders)?,
        Command::Wake { calls } => {
            println!("{}", serde_json::to_string(&wake::run(calls))?);
            return Ok(());
        }
        Command::Report { samples, out } => {
            report::write(&samples, &out)?;
            return Ok(());
        }
    };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

fn raw(client: Client, load: &Load) -> Result<Measured, LoadError> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = load.threads {
        runtime.worker_threads(threads);
    }
    let runtime = runtime.enable_all().build()?;
    let run = async {
        match client {
            Client::Reqwest => reqwest_load::run(load).await,
            Client::Hyper => hyper_load::run(load).await,
        }
    };
    runtime.block_on(async {
        tokio::time::timeout(load.allowed(), run)
            .await
            .unwrap_or(Err(LoadError::TooLong))
    })
}
