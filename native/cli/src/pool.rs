//! One `[outgoing_pools.http.TAG]` section, read and checked with the engine's own code.

use std::path::Path;

use engine::settings::{PoolOptions, PoolSettings};
use queue::WhenBusy;
use transport::tls::TlsClient;
use transport::{TlsOptions, Verify, Warning};

use crate::document::{Node, Value};
use crate::generation::{Host, Release};
use crate::notes::Notes;
use crate::section::Section;
use crate::tls_section;

/// Whose pool it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One for the node.
    Global,
    /// One for each host or host type.
    Each,
    /// For this host alone.
    Single(String),
}

/// A pool as the file has it.
#[derive(Debug)]
pub struct Pool {
    /// `outgoing_pools.http.TAG`, with what is before it in a `host_config`.
    pub path: String,
    /// Of the section.
    pub line: usize,
    /// Whose it is.
    pub scope: Scope,
    /// What the engine would be told; `None` where the section does not say enough.
    pub options: Option<PoolOptions>,
    /// The checked form, unless there is a problem.
    pub settings: Option<PoolSettings>,
}

/// What does not come from the section itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The release and layout.
    pub host: Host,
    /// The node's working directory.
    pub root: Option<&'a Path>,
    /// Tags of the pools that speak HTTP/2.
    pub http2: &'a [String],
}

/// Reads a pool. `owner` is the host or host type of the `host_config` the section is in.
pub fn read(
    node: &Node,
    tag: &str,
    owner: Option<&str>,
    context: Context<'_>,
    notes: &mut Notes,
) -> Pool {
    let mut pool = Pool {
        path: node.path.clone(),
        line: node.line,
        scope: owner.map_or(Scope::Global, |owner| Scope::Single(owner.to_owned())),
        options: None,
        settings: None,
    };
    let Some(mut section) = Section::of(node, notes) else {
        return pool;
    };
    if owner.is_none() {
        pool.scope = scope(&mut section, context.host, notes);
    }
    let workers = section.number("workers", notes);
    let strategy = section.string("strategy", notes);
    let call_timeout = section.number("call_timeout", notes);
    let max_worker_queue_len = section.number("max_worker_queue_len", notes);
    if max_worker_queue_len.is_some() {
        queue_len_allowed(&mut section, strategy.as_deref(), context.host, notes);
    }
    let connection = section.section("connection", notes);
    let place = section.place();
    section.finish(notes);
    let Some(mut connection) = connection else {
        notes.problem(place, "has no connection section, and so no host");
        return pool;
    };
    let host = connection.filled("host", notes);
    let path_prefix = connection.filled("path_prefix", notes);
    let request_timeout = connection.number("request_timeout", notes);
    let tls = connection.section("tls", notes);
    let place = connection.place();
    connection.finish(notes);
    let tls = tls.map(|section| {
        if context.host.old_layout {
            tls_section::old(section, notes)
        } else {
            tls_section::read(section, context, notes)
        }
    });
    let Some(host) = host else {
        notes.problem(place, "has no host");
        return pool;
    };
    let https = is_https(&host);
    let options = PoolOptions {
        host,
        path_prefix: path_prefix.unwrap_or_else(|| "/".to_owned()),
        request_timeout: request_timeout.unwrap_or(2000),
        call_timeout: call_timeout.unwrap_or(5000),
        workers: workers.unwrap_or_else(|| context.host.default_workers()),
        strategy: strategy.unwrap_or_else(|| "best_worker".to_owned()),
        max_worker_queue_len,
        http2: context.http2.iter().any(|http2| http2 == tag),
        tls: tls.or_else(|| without_tls_section(https, context.host)),
    };
    let options = at_root(options, context.root);
    pool.settings = check(&options, node, notes);
    pool.options = Some(options);
    pool
}

fn scope(section: &mut Section<'_>, host: Host, notes: &mut Notes) -> Scope {
    // 6.2.1 replaced single_host by pools in host_config, and gave `host` its new name.
    let change = Release::patch(6, 2, 1);
    let single = if host.may_be_before(change) {
        section.string("host", notes)
    } else {
        None
    };
    let scope = section.string("scope", notes);
    match (scope.as_deref(), single) {
        (Some("single_host"), Some(host)) => return Scope::Single(host),
        (Some("single_host"), None) if host.may_be_before(change) => {
            notes.problem(section.place(), "scope single_host needs host = \"...\"");
        }
        (_, Some(_)) => {
            let text = "host goes with scope = \"single_host\" only";
            notes.problem(section.place(), text);
        }
        (None | Some("global"), None) => {}
        (Some("host"), None) => return Scope::Each,
        (Some("host_type"), None) if host.may_be_from(change) => return Scope::Each,
        (Some(other), None) => {
            let last = if host.may_be_from(change) {
                "host_type"
            } else {
                "single_host"
            };
            if let Some(node) = section.take("scope") {
                let text = format!("{other:?} is not one of global, host, {last}");
                notes.problem((&node.path, node.line), text);
            }
        }
    }
    Scope::Global
}

fn queue_len_allowed(
    section: &mut Section<'_>,
    strategy: Option<&str>,
    host: Host,
    notes: &mut Notes,
) {
    let Some(node) = section.take("max_worker_queue_len") else {
        return;
    };
    let place = (node.path.as_str(), node.line);
    if !host.may_be_from(Release::new(6, 6)) {
        notes.problem(place, "exists from MongooseIM 6.6 on only");
    } else if strategy.is_some_and(|strategy| strategy != "best_worker") {
        notes.problem(
            place,
            "MongooseIM allows it with the strategy best_worker only",
        );
    }
}

/// What https means where the file has no tls section.
fn without_tls_section(https: bool, host: Host) -> Option<TlsOptions> {
    let verify = if host.verifies_without_tls_section() {
        Verify::Peer
    } else {
        Verify::None
    };
    https.then(|| TlsOptions {
        verify,
        ..TlsOptions::default()
    })
}

fn is_https(host: &str) -> bool {
    host.get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// Relative file names begin at the node's working directory.
fn at_root(mut options: PoolOptions, root: Option<&Path>) -> PoolOptions {
    if let (Some(root), Some(tls)) = (root, &mut options.tls) {
        let files = [&mut tls.cacertfile, &mut tls.certfile, &mut tls.keyfile];
        for path in files.into_iter().flatten() {
            *path = root.join(&path);
        }
    }
    options
}

/// What the engine says of the options, put at their places in the file.
fn check(options: &PoolOptions, node: &Node, notes: &mut Notes) -> Option<PoolSettings> {
    let (settings, warnings) = match options.clone().check() {
        Ok(checked) => checked,
        Err(error) => {
            at_option(node, error.option, |place| notes.problem(place, error.text));
            return None;
        }
    };
    warn(node, warnings, notes);
    if let Some(tls) = &settings.tls {
        match TlsClient::open(tls, &settings.base.host, settings.http2) {
            Ok((_, warnings)) => warn(node, warnings, notes),
            Err(error) => {
                at_option(node, error.option, |place| notes.problem(place, error.text));
            }
        }
    } else if !is_local(&settings.base.host) {
        at_option(node, "connection.host", |place| {
            let text = "plain http to another machine: anyone on the way can read and change \
                        notifications";
            notes.warning(place, text);
        });
    }
    Some(settings)
}

fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn warn(node: &Node, warnings: Vec<Warning>, notes: &mut Notes) {
    for warning in warnings {
        at_option(node, warning.option, |place| {
            notes.warning(place, warning.text);
        });
    }
}

/// Calls `note` with the full path of a pool's option and the line of as much of it as is there.
fn at_option(node: &Node, option: &str, note: impl FnOnce((&str, usize))) {
    let line = option
        .match_indices('.')
        .chain([(option.len(), "")])
        .map_while(|(end, _)| find(node, &option[..end]))
        .last()
        .map_or(node.line, |deepest| deepest.line);
    note((&format!("{}.{option}", node.path), line));
}

fn find<'a>(node: &'a Node, option: &str) -> Option<&'a Node> {
    let mut node = node;
    for key in option.split('.') {
        let Value::Table(entries) = &node.value else {
            return None;
        };
        node = entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)?;
    }
    Some(node)
}

/// A pool's behaviour where no worker is free, in words.
pub fn waiting_in_words(settings: &PoolSettings) -> String {
    match (settings.when_busy, settings.max_waiting) {
        (WhenBusy::Reject, _) => "none waits".to_owned(),
        (WhenBusy::Wait, Some(limit)) => format!("{limit} may wait"),
        (WhenBusy::Wait, None) => String::new(),
    }
}
