//! `http-pusher spool`: what a node has on disk, beside the running node or without one.

mod dead_letters;
mod deliver;
mod file;
mod records;
mod status;
mod words;

use std::path::PathBuf;

use ::spool::{RowId, Selection};
use clap::Subcommand;

/// Arguments of `spool`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The spool directory (`spool_dir` of the node)
    directory: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Per pool: what waits, since when, how much room it takes, and the dead letters by reason
    Status {
        /// Print one JSON object instead of a table
        #[arg(long)]
        json: bool,
    },
    /// List what waits to be delivered, or the dead letters
    List {
        /// Only this pool
        #[arg(long)]
        pool: Option<String>,
        /// The dead letters instead of what waits
        #[arg(long)]
        dead: bool,
        /// Only the dead letters with this reason
        #[arg(long, requires = "dead")]
        reason: Option<String>,
        /// At most this many of each pool
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Print one JSON object a line instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show one notification with its content and its attempts
    Show {
        /// Its number, as `list` prints it
        id: i64,
        /// The pool, if several have this number
        #[arg(long)]
        pool: Option<String>,
        /// Print one JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Deliver dead letters after all: a running node takes them within two seconds
    Retry(Chosen),
    /// Remove dead letters for good
    Purge(Chosen),
    /// Deliver what waits, without the node: for one that will not come back
    Deliver(deliver::Arguments),
    /// Print everything, one JSON object a line
    Export {
        /// Only this pool
        #[arg(long)]
        pool: Option<String>,
    },
}

/// Arguments of `retry` and `purge`.
#[derive(Debug, clap::Args)]
struct Chosen {
    #[command(flatten)]
    which: Which,
    /// Only this pool
    #[arg(long)]
    pool: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Which dead letters are meant. One of these has to be said: nothing is meant by default.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// One dead letter, by its number
    id: Option<i64>,
    /// Those with this reason
    #[arg(long)]
    reason: Option<String>,
    /// All
    #[arg(long)]
    all: bool,
}

impl Which {
    fn selection(&self) -> Selection {
        match (self.id, &self.reason) {
            (Some(id), _) => Selection::One(RowId(id)),
            (None, Some(reason)) => Selection::Reason(reason.clone()),
            (None, None) => Selection::All,
        }
    }
}

/// Runs the command; returns whether it found what it was asked for.
///
/// # Errors
///
/// A text: the directory or a file cannot be read.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let directory = &arguments.directory;
    match &arguments.command {
        Command::Status { json } => status::run(directory, *json),
        Command::List {
            pool,
            dead,
            reason,
            limit,
            json,
        } => {
            let which = reason.clone().map_or(Selection::All, Selection::Reason);
            file::with_each(directory, pool.as_deref(), |files| {
                records::list(files, dead.then_some(&which), *limit, *json)
            })
        }
        Command::Show { id, pool, json } => file::with_each(directory, pool.as_deref(), |files| {
            records::show(files, RowId(*id), *json)
        }),
        Command::Retry(chosen) => dead_letters::retry(directory, chosen),
        Command::Purge(chosen) => dead_letters::purge(directory, chosen),
        Command::Deliver(arguments) => deliver::run(directory, arguments),
        Command::Export { pool } => file::with_each(directory, pool.as_deref(), records::export),
    }
}
