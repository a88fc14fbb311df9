//! `http-pusher spool DIR deliver`: what a node has on disk is delivered without it, by the engine, to the endpoints of its
//! configuration.
//!
//! The directory is taken as a node takes it, so none can use it meanwhile. What is not delivered stays on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use ::spool::Directory;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use notification::{Guarantee, Verdict};
use serde_json::{Value, json};

use super::file::{self, explain};
use crate::check::{Files, Parsed};
use crate::config::release::Release;
use crate::node::Node;
use crate::output::{print_line, visible};
use crate::policy_options;
use crate::routes::Route;
use crate::text::counted;
use crate::wake::{self, Wake};

/// Arguments of `deliver`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The node's mongooseim.toml
    #[arg(long, value_name = "MONGOOSEIM_TOML")]
    config: PathBuf,
    /// The node's etc/app.config
    #[arg(long, value_name = "FILE")]
    app_config: Option<PathBuf>,
    /// The MongooseIM release the file is for, as for `check`
    #[arg(long, value_name = "RELEASE")]
    mongooseim: Option<Release>,
    /// The node's working directory, from which relative names of files are read; otherwise the current directory
    #[arg(long, value_name = "DIR")]
    node_dir: Option<PathBuf>,
    /// Stop after so many seconds; otherwise when all is delivered or given up
    #[arg(long = "for", value_name = "SECONDS")]
    most: Option<u64>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// How often it looks what is left.
const EACH: Duration = Duration::from_millis(100);

/// A handler as the disk knows it: the pool, the host type, and the handler.
type Key = (String, String, String);

/// What came of it.
#[derive(Debug, Default)]
struct Account {
    delivered: u64,
    dead: BTreeMap<String, u64>,
    /// What has a handler, and waits.
    left: u64,
    /// What has none.
    without: BTreeMap<Key, u64>,
}

/// Delivers what waits; returns whether nothing is left and nothing was given up.
pub(super) fn run(directory: &Path, arguments: &Arguments) -> Result<bool, String> {
    refuse_beside_a_node(directory)?;
    let before = OnDisk::read(directory)?;
    let files = Files::new(
        arguments.config.clone(),
        arguments.app_config.clone(),
        arguments.mongooseim,
        arguments.node_dir.clone(),
    );
    let parsed = Parsed::read(&files)?;
    let judgement = parsed.judge();
    judgement.print_problems();
    let mut routes = Vec::new();
    for route in judgement.routes {
        if policy_options::of(route.handler)?.guarantee == Guarantee::AtLeastOnce {
            routes.push(route);
        }
    }
    let waiting = before.waiting.keys();
    let host_types: BTreeSet<String> = waiting.map(|(_, host, _)| host.clone()).collect();
    let hosts: Vec<&str> = if parsed.hosts().is_empty() {
        host_types.iter().map(String::as_str).collect()
    } else {
        parsed.hosts().iter().map(String::as_str).collect()
    };
    let mut settings = parsed
        .own()
        .engine_settings(Some(directory.to_owned()), HOLDER);
    if let Some(spools) = &mut settings.spools {
        // What no handler is for stays: perhaps the file is not the right one.
        spools.grace = FOR_EVER;
    }
    let (ring, woken) = sync_channel(64);
    let node = start(&routes, &hosts, settings, arguments, ring)?;
    let kept: BTreeSet<Key> = node
        .kept()
        .map(|(pool, host, handler)| (pool.to_owned(), host.to_owned(), handler))
        .collect();
    let mut result = Account::default();
    result.is_left(before.waiting, &kept);
    wait(&node, &woken, arguments, &mut result);
    // An outcome may come a moment after its record has left the disk. When the engine has ended, all are there, and
    // nothing changes on disk any more.
    node.engine.stop();
    node.outcomes(|outcome| result.ended(&outcome.verdict));
    for notice in node.notices() {
        eprintln!("{}", visible(&notice));
    }
    let after = OnDisk::read(directory)?;
    result.are_new(&before.dead, after.dead);
    result.is_left(after.waiting, &kept);
    print_line(&if arguments.json {
        result.in_json().to_string()
    } else {
        result.in_text()
    });
    Ok(result.is_all())
}

/// Who has the directory, for a node that wants it.
const HOLDER: &str = "http-pusher spool deliver";

const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

fn refuse_beside_a_node(directory: &Path) -> Result<(), String> {
    let holder = Directory::holder(directory)
        .map_err(|error| format!("{}: {error}", directory.display()))?;
    holder.map_or(Ok(()), |holder| {
        Err(format!(
            "{}: {} uses it, and delivers what is in it",
            directory.display(),
            visible(&holder)
        ))
    })
}

/// What the files of a directory hold.
#[derive(Debug, Default)]
struct OnDisk {
    /// How many records wait for each handler.
    waiting: BTreeMap<Key, u64>,
    /// How many dead letters there are, by reason.
    dead: BTreeMap<String, u64>,
}

impl OnDisk {
    fn read(directory: &Path) -> Result<Self, String> {
        let mut found = Self::default();
        for file in file::open_all(directory, None)? {
            let waiting = file.admin.by_handler();
            let waiting = waiting.map_err(|error| explain(&file.path, &error))?;
            for ((host_type, handler), count) in waiting {
                let key = (file.status.pool.clone(), host_type, handler);
                found.waiting.insert(key, count);
            }
            for (reason, count) in file.status.dead {
                *found.dead.entry(reason).or_default() += count;
            }
        }
        Ok(found)
    }
}

fn start<'a>(
    routes: &[Route<'a>],
    hosts: &[&'a str],
    settings: engine::engine::EngineSettings,
    arguments: &Arguments,
    ring: std::sync::mpsc::SyncSender<Wake>,
) -> Result<Node<'a>, String> {
    let root = arguments.node_dir.as_deref();
    // It delivers from its start on. A signal that comes while files are opened ends it after that, a second one at once.
    wake::at_signals(ring.clone())?;
    Node::start((routes, hosts), settings, root, Ok, ring)
}

/// Waits until all is delivered or given up, or the time is over.
fn wait(node: &Node<'_>, woken: &Receiver<Wake>, arguments: &Arguments, result: &mut Account) {
    let end = arguments
        .most
        .map(|most| Instant::now() + Duration::from_secs(most));
    let stay: u64 = result.in_open_files(node);
    let left = || {
        let spools = node.engine.spools();
        let waiting = spools.iter().filter_map(|spool| spool.totals());
        let waiting: u64 = waiting.map(|totals| totals.waiting).sum();
        waiting.saturating_sub(stay)
    };
    let bar = bar(result.left, arguments.json);
    loop {
        let left = left();
        node.outcomes(|outcome| result.ended(&outcome.verdict));
        for notice in node.notices() {
            bar.suspend(|| eprintln!("{}", visible(&notice)));
        }
        let ended = result.delivered + result.dead.values().sum::<u64>();
        bar.set_length(ended + left);
        bar.set_position(ended);
        if left == 0 || end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
        match woken.recv_timeout(EACH) {
            Ok(Wake::Interrupted) => break,
            Ok(Wake::Outcomes)
            | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
    bar.finish_and_clear();
}

fn bar(length: u64, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{pos} of {len}  {wide_bar}  {per_sec}  {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Account {
    /// Counts an outcome.
    fn ended(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Sent { .. } => self.delivered += 1,
            Verdict::Failed { reason, .. } => {
                let reason = reason.as_str().to_owned();
                *self.dead.entry(reason).or_default() += 1;
            }
        }
    }

    /// Takes over the dead letters that are new. What was given up on its way in from the disk has no outcome.
    fn are_new(&mut self, before: &BTreeMap<String, u64>, now: BTreeMap<String, u64>) {
        for (reason, count) in now {
            let new = count.saturating_sub(before.get(&reason).copied().unwrap_or_default());
            if new > 0 {
                let known = self.dead.entry(reason).or_default();
                *known = new.max(*known);
            }
        }
    }

    /// Takes over what is on disk; `kept` are the handlers of the file.
    fn is_left(&mut self, waiting: BTreeMap<Key, u64>, kept: &BTreeSet<Key>) {
        let (left, without) = waiting.into_iter().partition(|(key, _)| kept.contains(key));
        let left: BTreeMap<Key, u64> = left;
        self.left = left.values().sum();
        self.without = without;
    }

    /// How many records without a handler are in files that are open.
    fn in_open_files(&self, node: &Node<'_>) -> u64 {
        let spools = node.engine.spools();
        let open = |pool: &str| spools.iter().any(|spool| spool.name() == pool);
        let without = self.without.iter().filter(|((pool, ..), _)| open(pool));
        without.map(|(_, count)| count).sum()
    }

    fn is_all(&self) -> bool {
        self.left == 0 && self.dead.is_empty() && self.without.is_empty()
    }

    fn in_json(&self) -> Value {
        let without = self.without.iter().map(|((pool, host_type, handler), count)| {
            json!({ "pool": pool, "host_type": host_type, "handler": handler, "waiting": count })
        });
        json!({
            "delivered": self.delivered,
            "dead_letters": self.dead,
            "left": self.left,
            "without_handler": without.collect::<Vec<_>>(),
        })
    }

    fn in_text(&self) -> String {
        let mut lines = vec![format!("{} delivered", self.delivered)];
        for (reason, count) in &self.dead {
            lines.push(format!("{} now: {reason}", counted(*count, "dead letter")));
        }
        if self.left > 0 {
            lines.push(format!(
                "{} left on disk",
                counted(self.left, "notification")
            ));
        }
        for ((pool, host_type, handler), count) in &self.without {
            lines.push(format!(
                "{count} of pool {} stay on disk: no handler \"{}\" of {} with delivery = \"at_least_once\" is in the file",
                visible(pool),
                visible(handler),
                visible(host_type)
            ));
        }
        lines.join("\n")
    }
}
