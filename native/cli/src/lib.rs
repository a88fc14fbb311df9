//! The command-line program `http-pusher` as a library: it explains a configuration before the node reads it, sends a
//! sample notification or the traffic of a whole service, and receives notifications.
//!
//! `check` and `send` work in three passes:
//!
//! 1. *Parse*: `config` turns the text of `mongooseim.toml` into handlers and pools, by the table of options in
//!    `handler_options`; `app_config` reads the application's own settings from `app.config`. Both know the line of every
//!    value.
//! 2. *Check*: `routes` finds the pool and the URL of each host's handlers, and the engine's own code judges each pool, so
//!    that this program cannot disagree with the node. What is wrong becomes a [`Note`] with file, line and path.
//! 3. *Print*: `check::report` and `send::report` write the result as text or as JSON.
//!
//! `main.rs` only parses the command line and sets the exit status. The fuzz checks call [`Parsed`] directly.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod app_config;
mod check;
mod config;
mod explanation;
mod fate;
mod handler_options;
mod jid;
mod node;
mod notes;
mod output;
mod own_settings;
mod plan_options;
mod policy_options;
mod receive;
mod recording;
mod replay;
mod routes;
mod rules;
mod sample;
mod send;
mod service;
mod shell_files;
mod simulate;
mod spool;
mod stanza;
mod suggestion;
mod terms;
mod text;
mod wake;

use clap::{Parser, Subcommand};

pub use check::{Judgement, Parsed};
pub use config::Given;
pub use notes::{Note, Severity};
pub use routes::Route;

/// The command line of `http-pusher`.
#[derive(Debug, Parser)]
#[command(
    name = "http-pusher",
    version,
    about = "Checks the configuration of mod_event_pusher_http and tries it out"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Explain a configuration: where each handler sends to and how, and every mistake
    ///
    /// Prints a table of the handlers with their URLs, workers, timeouts and TLS, what each handler
    /// does in words, then each problem and warning with its file, line and path. Lists are counted
    /// from 1.
    ///
    /// Exit status: 0 without problems (there may be warnings), 1 with problems, 2 if a file cannot
    /// be read.
    Check {
        #[command(flatten)]
        files: check::Files,
        /// Print one JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Send one notification, as the node would
    ///
    /// A stanza from a file goes through the handler's rules first. Prints why each rule matches or does
    /// not, the request, the answer's status, the peer with its certificate, and how long the name
    /// look-up, connecting, TLS and the first byte took; or the reason that the node would log.
    ///
    /// Exit status: 0 if it counts as sent (as the handler's options say), 1 if it failed or rules do
    /// not send it, 2 if it could not be tried.
    Send(Box<send::Arguments>),
    /// Send the traffic of a chat service, without one
    ///
    /// Makes up users, rooms and what they do, and sends it as the node would: through the handlers, pools
    /// and rules of the file, with their formats, signatures, retries and spools. Shows how it goes; at the
    /// end it says whether the endpoint kept up, what waited, and how many workers this traffic needs. The
    /// last line is a JSON object. Ends early when interrupted, with the same summary.
    ///
    /// Exit status: 0 if the endpoint kept up, 1 if it did not or nothing was sent, 2 if it could not be
    /// tried.
    Simulate(Box<simulate::Arguments>),
    /// Receive notifications and print them, decoded
    ///
    /// Point a pool's connection.host at it to see what a node sends. With --web, a page shows it and sets the answers. Ends
    /// when interrupted.
    Receive(Box<receive::Arguments>),
    /// Send recorded requests to a web service, in their order
    ///
    /// Reads what http-pusher receive --record has written, or its page has exported. Each request is sent when the one
    /// before it has its answer.
    ///
    /// Exit status: 0 if each answer was 2xx, 1 if one was not, 2 if the file cannot be read.
    Replay(replay::Arguments),
    /// Look into a spool directory: what waits on disk, and what was given up
    ///
    /// Works beside a running node, which notices, and without one.
    ///
    /// Exit status: 0 if there was what was asked for, 1 if no dead letter was meant, 2 if the directory
    /// or a file cannot be read.
    Spool(spool::Arguments),
    /// Write the man pages and the completions for bash, zsh and fish
    ///
    /// The package has them in its share/. With ~/.local/share as the directory, man, bash and fish find them there.
    ShellFiles(shell_files::Arguments),
}

impl Arguments {
    /// Runs the command; returns whether it succeeded.
    ///
    /// # Errors
    ///
    /// A text that says why the command could not be tried at all.
    pub fn run(&self) -> Result<bool, String> {
        match &self.command {
            Command::Check { files, json } => check::run(files, *json),
            Command::Send(arguments) => send::run(arguments),
            Command::Simulate(arguments) => simulate::run(arguments),
            Command::Receive(arguments) => receive::run(arguments),
            Command::Replay(arguments) => replay::run(arguments),
            Command::Spool(arguments) => spool::run(arguments),
            Command::ShellFiles(arguments) => shell_files::run(arguments),
        }
    }
}
