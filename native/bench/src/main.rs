//! Bare clients and the engine under load, for `make bench`, and the report of what it measured.
//!
//! `raw` and `engine` print one JSON line: requests per second, and the CPU time they took; `compression`
//! one of ratios and times. The Erlang
//! driver (`bench/`) runs them in turn with what it measures itself and collects the samples for `report`.
//! `queue` shows how far the one lock of a pool goes.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod bare_load;
mod compression;
mod connector;
mod engine_load;
mod load;
mod lock_load;
mod pinned;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use bare_load::Client;
use load::{Load, LoadError, Measured};

#[derive(Debug, Parser)]
#[command(name = "http-pusher-bench", about)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A bare client: each connection sends its next request when it has the response to the last one.
    Raw {
        #[arg(long, value_enum, default_value_t = Client::Reqwest)]
        client: Client,
        #[command(flatten)]
        load: Load,
    },
    /// The engine, with enough notifications pending that no worker is ever idle.
    Engine {
        #[command(flatten)]
        options: engine_load::Options,
        #[command(flatten)]
        load: Load,
    },
    /// A batch of events, compressed: ratios, and microseconds for each event.
    Compression,
    /// One pool's queue under its lock: one JSON line for each number of threads, with steps per second.
    Queue {
        /// Numbers of threads; by default 1, 2, 4 and so on up to the number of cores.
        #[arg(long, value_delimiter = ',')]
        threads: Vec<usize>,
        /// Items that each thread pushes and takes.
        #[arg(long, default_value_t = 500_000)]
        each: u64,
    },
    /// Runs a program on some of the machine's cores.
    Pinned {
        /// Their numbers, with commas between them.
        #[arg(long, value_delimiter = ',', required = true)]
        cores: Vec<usize>,
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        program: Vec<String>,
    },
    /// Results, table and picture from the driver's samples.
    Report {
        /// The file that the driver has written.
        samples: PathBuf,
        /// The file for all figures and samples.
        #[arg(long)]
        results: PathBuf,
        /// The file for the picture (SVG).
        #[arg(long)]
        picture: PathBuf,
    },
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
        Command::Engine { options, load } => engine_load::run(&load, &options)?,
        Command::Compression => {
            println!("{}", serde_json::to_string(&compression::run()?)?);
            return Ok(());
        }
        Command::Queue { threads, each } => {
            for threads in lock_load::or_by_cores(threads) {
                let steps = lock_load::run(threads, each)?;
                println!("{}", serde_json::to_string(&steps)?);
            }
            return Ok(());
        }
        Command::Pinned { cores, program } => return Err(pinned::run(&cores, &program).into()),
        Command::Report {
            samples,
            results,
            picture,
        } => {
            report::write(&samples, &results, &picture)?;
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
    runtime.block_on(async {
        tokio::time::timeout(load.allowed(), bare_load::run(client, load))
            .await
            .unwrap_or(Err(LoadError::TooLong))
    })
}
