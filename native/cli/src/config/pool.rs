//! One `[outgoing_pools.http.TAG]` section, made the engine's options.

use std::path::Path;

use engine::settings::{PoolOptions, PoolSettings};
use transport::{TlsOptions, Verify};

use super::context::Context;
use super::document::Node;
use super::release::{Mongooseim, Release};
use super::section::Section;
use super::tls;
use crate::notes::Notes;

/// Who uses the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One pool for the node.
    Global,
    /// One pool for each host or host type.
    Each,
    /// A pool for this host alone.
    Single(String),
}

/// A pool of the file.
#[derive(Debug)]
pub(crate) struct Pool {
    /// `outgoing_pools.http.TAG`, with what is before it in a `host_config`.
    pub path: String,
    /// The section's line.
    pub line: usize,
    /// Who uses it.
    pub scope: Scope,
    /// The options that the engine would get; `None` if the section does not say enough.
    pub options: Option<PoolOptions>,
    /// The checked form, if the check found no problem in the options.
    pub settings: Option<PoolSettings>,
}

/// The keys of a pool's section as they are written.
struct Written {
    scope: Scope,
    workers: Option<u64>,
    strategy: Option<String>,
    call_timeout: Option<u64>,
    max_worker_queue_len: Option<u64>,
    connection: Option<Connection>,
}

/// The keys of a pool's `connection` section, which needs a host.
struct Connection {
    host: String,
    path_prefix: Option<String>,
    request_timeout: Option<u64>,
    tls: Option<TlsOptions>,
}

/// Parses a pool. `owner` is the host or host type of the `host_config` that the section is in.
pub(crate) fn parse(
    node: &Node,
    tag: &str,
    owner: Option<&str>,
    context: Context<'_>,
    notes: &mut Notes,
) -> Pool {
    let written =
        Section::of(node, notes).map(|section| Written::read(section, owner, context, notes));
    let (scope, options) = match written {
        Some(written) => (written.scope.clone(), written.into_options(tag, context)),
        None => (owned_by(owner), None),
    };
    Pool {
        path: node.path.clone(),
        line: node.line,
        scope,
        options,
        settings: None,
    }
}

impl Written {
    fn read(
        mut section: Section<'_>,
        owner: Option<&str>,
        context: Context<'_>,
        notes: &mut Notes,
    ) -> Self {
        let scope = match owner {
            Some(_) => owned_by(owner),
            None => scope(&mut section, context.mongooseim, notes),
        };
        let workers = section.number("workers", notes);
        let strategy = section.string("strategy", notes);
        let call_timeout = section.number("call_timeout", notes);
        let max_worker_queue_len = section.number("max_worker_queue_len", notes);
        if max_worker_queue_len.is_some() {
            queue_len_allowed(&mut section, strategy.as_deref(), context.mongooseim, notes);
        }
        let connection = section.section("connection", notes);
        let place = section.place();
        section.finish(notes);
        if connection.is_none() {
            notes.problem(place, "has no connection section, and so no host");
        }
        Self {
            scope,
            workers,
            strategy,
            call_timeout,
            max_worker_queue_len,
            connection: connection.and_then(|section| Connection::read(section, context, notes)),
        }
    }

    /// The options with MongooseIM's defaults.
    fn into_options(self, tag: &str, context: Context<'_>) -> Option<PoolOptions> {
        let connection = self.connection?;
        let mongooseim = context.mongooseim;
        let mut tls = connection
            .tls
            .or_else(|| without_tls_section(&connection.host, mongooseim));
        if let (Some(root), Some(tls)) = (context.root, &mut tls) {
            begin_at(root, tls);
        }
        Some(PoolOptions {
            host: connection.host,
            path_prefix: connection.path_prefix.unwrap_or_else(|| "/".to_owned()),
            request_timeout: connection.request_timeout.unwrap_or(2000),
            call_timeout: self.call_timeout.unwrap_or(5000),
            workers: self.workers.unwrap_or_else(|| mongooseim.default_workers()),
            strategy: self.strategy.unwrap_or_else(|| "best_worker".to_owned()),
            max_worker_queue_len: self.max_worker_queue_len,
            http2: context.http2.iter().any(|http2| http2 == tag),
            tls,
        })
    }
}

impl Connection {
    fn read(mut section: Section<'_>, context: Context<'_>, notes: &mut Notes) -> Option<Self> {
        let host = section.filled("host", notes);
        let path_prefix = section.filled("path_prefix", notes);
        let request_timeout = section.number("request_timeout", notes);
        let tls = section.section("tls", notes);
        let place = section.place();
        section.finish(notes);
        let tls = tls.map(|section| tls::read(section, context, notes));
        if host.is_none() {
            notes.problem(place, "has no host");
        }
        Some(Self {
            host: host?,
            path_prefix,
            request_timeout,
            tls,
        })
    }
}

fn owned_by(owner: Option<&str>) -> Scope {
    owner.map_or(Scope::Global, |owner| Scope::Single(owner.to_owned()))
}

fn scope(section: &mut Section<'_>, mongooseim: Mongooseim, notes: &mut Notes) -> Scope {
    // 6.2.1 replaced single_host by pools in host_config, and renamed `host` to `host_type`.
    let change = Release::patch(6, 2, 1);
    let single = if mongooseim.may_be_before(change) {
        section.string("host", notes)
    } else {
        None
    };
    let scope = section.string("scope", notes);
    match (scope.as_deref(), single) {
        (Some("single_host"), Some(host)) => return Scope::Single(host),
        (Some("single_host"), None) if mongooseim.may_be_before(change) => {
            notes.problem(section.place(), "scope single_host needs host = \"...\"");
        }
        (_, Some(_)) => {
            let text = "host goes with scope = \"single_host\" only";
            notes.problem(section.place(), text);
        }
        (None | Some("global"), None) => {}
        (Some("host"), None) => return Scope::Each,
        (Some("host_type"), None) if mongooseim.may_be_from(change) => return Scope::Each,
        (Some(other), None) => {
            let last = if mongooseim.may_be_from(change) {
                "host_type"
            } else {
                "single_host"
            };
            let text = format!("{other:?} is not one of global, host, {last}");
            section.problem_with("scope", text, notes);
        }
    }
    Scope::Global
}

fn queue_len_allowed(
    section: &mut Section<'_>,
    strategy: Option<&str>,
    mongooseim: Mongooseim,
    notes: &mut Notes,
) {
    let key = "max_worker_queue_len";
    if !mongooseim.may_be_from(Release::new(6, 6)) {
        section.problem_with(key, "exists from MongooseIM 6.6 on only", notes);
    } else if strategy.is_some_and(|strategy| strategy != "best_worker") {
        let text = "MongooseIM allows it with the strategy best_worker only";
        section.problem_with(key, text, notes);
    }
}

/// The options of a pool that sends to another URL: in place of its host and its path prefix.
///
/// # Errors
///
/// The URL is none that a pool can have.
pub(crate) fn redirected(
    options: PoolOptions,
    url: &str,
    mongooseim: Mongooseim,
) -> Result<PoolOptions, String> {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url[authority..]
        .find('/')
        .map_or(url.len(), |at| authority + at);
    let (host, prefix) = url.split_at(end);
    let options = PoolOptions {
        host: host.to_owned(),
        path_prefix: if prefix.is_empty() { "/" } else { prefix }.to_owned(),
        tls: options
            .tls
            .or_else(|| without_tls_section(host, mongooseim)),
        ..options
    };
    let checked = options.clone().check();
    checked.map_err(|error| format!("--url {url}: {}", error.text))?;
    Ok(options)
}

/// The options of https without a tls section.
fn without_tls_section(host: &str, mongooseim: Mongooseim) -> Option<TlsOptions> {
    let verify = if mongooseim.verifies_without_tls_section() {
        Verify::Peer
    } else {
        Verify::None
    };
    is_https(host).then(|| TlsOptions {
        verify,
        ..TlsOptions::default()
    })
}

fn is_https(host: &str) -> bool {
    host.get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// Relative file names begin at the node's working directory.
fn begin_at(root: &Path, tls: &mut TlsOptions) {
    let files = [&mut tls.cacertfile, &mut tls.certfile, &mut tls.keyfile];
    for path in files.into_iter().flatten() {
        *path = root.join(&path);
    }
}
