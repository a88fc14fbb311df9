//! One `[outgoing_pools.http.TAG]` section, read and checked with the engine's own code.

use std::path::{Path, PathBuf};

use engine::settings::{PoolOptions, PoolSettings, Secret, TlsOptions, Verify, Warning, WhenBusy};
use engine::tls::TlsClient;

use crate::document::{Node, Value};
use crate::generation::{Host, Release};
use crate::notes::Notes;
use crate::section::Section;

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
            old_tls(section, notes)
        } else {
            tls_options(section, context.host, notes)
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
    let single = section.string("host", notes);
    let Some(scope) = section.string("scope", notes) else {
        return Scope::Global;
    };
    match scope.as_str() {
        "global" => Scope::Global,
        "host" => Scope::Each,
        "host_type" if !host.old_layout => Scope::Each,
        "single_host" => {
            if let Some(host) = single {
                Scope::Single(host)
            } else {
                notes.problem(section.place(), "scope single_host needs host = \"...\"");
                Scope::Global
            }
        }
        other => {
            let text = format!("{other:?} is not one of global, host, host_type, single_host");
            if let Some(node) = section.take("scope") {
                notes.problem((&node.path, node.line), text);
            }
            Scope::Global
        }
    }
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

/// The tls section of 5.0.
fn old_tls(mut section: Section<'_>, notes: &mut Notes) -> TlsOptions {
    let verify = match section.boolean("verify_peer", notes) {
        Some(true) => Verify::Peer,
        _ => Verify::None,
    };
    let mut options = common_tls(&mut section, notes);
    options.verify = verify;
    options.sni = section
        .boolean("server_name_indication", notes)
        .unwrap_or(true);
    if section.filled("dhfile", notes).is_some() {
        options.ignored.push("dhfile".to_owned());
    }
    section.finish(notes);
    options
}

/// The tls section from 5.1 on.
fn tls_options(mut section: Section<'_>, host: Host, notes: &mut Notes) -> TlsOptions {
    let mut options = common_tls(&mut section, notes);
    if let Some(mode) = section.string("verify_mode", notes) {
        options.verify = match mode.as_str() {
            "peer" => Verify::Peer,
            "selfsigned_peer" => Verify::SelfsignedPeer,
            "none" => Verify::None,
            other => {
                let text = format!("{other:?} is not one of peer, selfsigned_peer, none");
                if let Some(node) = section.take("verify_mode") {
                    notes.problem((&node.path, node.line), text);
                }
                Verify::Peer
            }
        };
    }
    options.accept_any = section.boolean("disconnect_on_failure", notes) == Some(false);
    if section
        .strings("crl_files", notes)
        .is_some_and(|files| !files.is_empty())
    {
        options.ignored.push("crl_files".to_owned());
    }
    if let Some(mut sni) = section.section("server_name_indication", notes) {
        options.sni = sni.boolean("enabled", notes).unwrap_or(true);
        options.sni_host = sni.filled("host", notes);
        options.sni_protocol = sni.string("protocol", notes);
        if let Some(protocol) = &options.sni_protocol
            && protocol != "default"
            && protocol != "https"
            && let Some(node) = sni.take("protocol")
        {
            let text = format!("{protocol:?} is not one of default, https");
            notes.problem((&node.path, node.line), text);
        }
        sni.finish(notes);
    }
    let verifies = options.verify != Verify::None;
    if verifies
        && options.cacertfile.is_none()
        && host.is_between(Release::new(6, 2), Release::new(6, 4))
    {
        notes.problem(
            section.place(),
            "MongooseIM 6.2 and 6.3 demand cacertfile with this verify_mode",
        );
    }
    if options.certfile.is_some()
        && options.keyfile.is_none()
        && host.may_be_from(Release::new(6, 8))
    {
        let text = "has certfile without keyfile, which MongooseIM refuses from 6.8 on";
        if host.release.is_some() {
            notes.problem(section.place(), text);
        } else {
            notes.warning(section.place(), text);
        }
    }
    section.finish(notes);
    options
}

fn common_tls(section: &mut Section<'_>, notes: &mut Notes) -> TlsOptions {
    TlsOptions {
        cacertfile: section.filled("cacertfile", notes).map(PathBuf::from),
        certfile: section.filled("certfile", notes).map(PathBuf::from),
        keyfile: section.filled("keyfile", notes).map(PathBuf::from),
        password: section.string("password", notes).map(Secret::new),
        ciphers: section.string("ciphers", notes),
        versions: section.strings("versions", notes),
        ..TlsOptions::default()
    }
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
