//! The command-line program `http-pusher`: explains a configuration before the node reads it, sends
//! a sample notification, and receives notifications for trying things out.
//!
//! It judges pools by the engine's own code, so that it cannot disagree with the node.
#![forbid(unsafe_code)]

mod app_config;
mod check;
mod config;
mod document;
mod generation;
mod handlers;
mod jid;
mod notes;
mod pool;
mod receive;
mod resolve;
mod section;
mod send;
mod terminal;
mod terms;
mod tls_section;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "http-pusher",
    version,
    about = "Checks the configuration of mod_event_pusher_http and tries it out"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Explain a configuration: where each handler sends to and how, and every mistake
    ///
    /// Prints a table of the handlers with their URLs, workers, timeouts and TLS, then each problem
    /// and warning with its file, line and path. Lists are counted from 1. Pools that no
    /// handler uses are not looked at.
    ///
    /// Exit status: 0 without problems (there may be warnings), 1 with problems, 2 where a file
    /// cannot be read.
    Check {
        #[command(flatten)]
        files: check::Files,
        /// Print one JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Send one sample notification, as the node would
    ///
    /// Prints the request, the answer's status, the peer with its certificate, and how long the
    /// look-up of the name, connecting, TLS and the first byte took; or the reason that the node
    /// would log.
    ///
    /// Exit status: 0 where it counts as sent (whatever the answer's status), 1 where it failed, 2
    /// where it could not be tried.
    Send(send::Arguments),
    /// Receive notifications and print them, decoded
    ///
    /// Point a pool's connection.host at it to see what a node sends. Ends when interrupted.
    Receive(receive::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Check { files, json } => check::run(&files, json),
        Command::Send(arguments) => send::run(&arguments),
        Command::Receive(arguments) => receive::run(&arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("http-pusher: {error}");
            ExitCode::from(2)
        }
    }
}
