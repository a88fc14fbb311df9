//! `mongooseim.toml` as far as it concerns this module: hosts, handlers and pools.
//!
//! Both layouts are read: `mod_event_pusher.backend.http` (5.0; one section or several) and
//! `mod_event_pusher.http.handlers` (from 5.1 on). The modules of a `host_config` replace all the modules of that host;
//! its pools are tried before the others. Sections of other modules are not checked.

mod context;
pub(crate) mod document;
mod handler_check;
pub(crate) mod handlers;
pub(crate) mod options;
pub(crate) mod pool;
mod pool_check;
pub(crate) mod release;
mod secrets;
mod section;
mod templates;
mod tls;

use std::path::Path;

use crate::handler_options;
use crate::notes::Notes;
use context::Context;
use document::{Node, Value};
use handlers::{Handler, Reader};
use pool::Pool;
use release::{Mongooseim, Release};
use section::{Section, wrong_kind};

/// The handlers of one host that has a `host_config`.
#[derive(Debug)]
pub(crate) struct Override {
    /// The host or host type.
    pub host: String,
    /// Its handlers, if it has modules of its own at all.
    pub handlers: Option<Vec<Handler>>,
}

/// The file.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// The release that the file is for.
    pub mongooseim: Mongooseim,
    /// Hosts and host types, in the order of the file.
    pub hosts: Vec<String>,
    /// Handlers of every host that has no modules of its own.
    pub handlers: Vec<Handler>,
    /// Hosts with a `host_config`.
    pub overrides: Vec<Override>,
    /// Pools by tag. A tag may occur several times, with different scopes.
    pub pools: Vec<(String, Pool)>,
}

/// What the command line and other files say about the node.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// `--mongooseim`.
    pub(crate) release: Option<Release>,
    /// `--node-dir`.
    pub(crate) root: Option<&'a Path>,
    /// `http2_pools` of the application's own settings.
    pub(crate) http2: &'a [String],
}

impl<'a> Given<'a> {
    /// Nothing but the pools that speak HTTP/2.
    pub fn http2_pools(http2: &'a [String]) -> Self {
        Self {
            release: None,
            root: None,
            http2,
        }
    }
}

/// Parses the whole file. Returns `None` if it is not TOML.
pub(crate) fn parse(text: &str, given: Given<'_>, notes: &mut Notes) -> Option<Config> {
    match document::parse(text) {
        Ok(root) => Some(read(&root, given, notes)),
        Err(errors) => {
            for error in errors {
                notes.problem(("", error.line), format!("not TOML: {}", error.text));
            }
            None
        }
    }
}

fn read(root: &Node, given: Given<'_>, notes: &mut Notes) -> Config {
    let mut config = Config::default();
    let Some(mut file) = Section::of(root, notes) else {
        return config;
    };
    if let Some(release) = given.release.filter(|release| release.is_unknown()) {
        let text = format!(
            "MongooseIM {release} is newer than this program, which judges it as {}",
            Release::NEWEST
        );
        notes.warning(("", 1), text);
    }
    let context = Context {
        mongooseim: mongooseim(root, given.release),
        root: given.root,
        http2: given.http2,
    };
    config.mongooseim = context.mongooseim;
    config.hosts = hosts(&mut file, notes);
    let pools = read_modules(&mut file, &mut config, context, notes);
    let tags = config.pool_names();
    for (node, owner) in pools {
        let read = read_pools(node, owner.as_deref(), &tags, context, notes);
        config.pools.extend(read);
    }
    config
}

fn hosts(file: &mut Section<'_>, notes: &mut Notes) -> Vec<String> {
    let Some(mut general) = file.section("general", notes) else {
        return Vec::new();
    };
    ["hosts", "host_types"]
        .into_iter()
        .filter_map(|key| general.strings(key, notes))
        .flatten()
        .collect()
}

/// An `outgoing_pools` section, with the host whose `host_config` it is in.
type Pools<'a> = (&'a Node, Option<String>);

/// Reads the handlers into `config`. Returns the sections of pools: which pools are read depends on all handlers.
fn read_modules<'a>(
    file: &mut Section<'a>,
    config: &mut Config,
    context: Context<'_>,
    notes: &mut Notes,
) -> Vec<Pools<'a>> {
    let mut reader = Reader {
        context,
        shape: handler_options::shape(),
        next: 1,
        notes,
    };
    if let Some(modules) = file.take("modules") {
        config.handlers = reader.modules(modules);
    }
    let mut pools: Vec<Pools<'a>> = Vec::new();
    pools.extend(file.take("outgoing_pools").map(|node| (node, None)));
    match file.take("host_config").map(|node| (node, &node.value)) {
        None => {}
        Some((_, Value::Array(items))) => {
            for item in items {
                pools.extend(host_config(&mut reader, item, config));
            }
        }
        Some((node, other)) => {
            wrong_kind::<()>(node, "a list, [[host_config]]", other, reader.notes);
            // What belongs to which host is unknown, so no pool can be judged.
            pools.clear();
        }
    }
    pools
}

/// Reads hosts and modules of a `host_config`; returns its pools.
fn host_config<'a>(
    reader: &mut Reader<'_>,
    node: &'a Node,
    config: &mut Config,
) -> Option<Pools<'a>> {
    let mut section = Section::of(node, reader.notes)?;
    let host = section.string("host", reader.notes);
    let host_type = section.string("host_type", reader.notes);
    let Some(host) = host_type.or(host) else {
        let text = "needs host or host_type";
        reader.notes.problem(section.place(), text);
        return None;
    };
    if !config.hosts.is_empty() && !config.hosts.contains(&host) {
        let text = format!("{host:?} is neither in general.hosts nor in general.host_types");
        reader.notes.problem(section.place(), text);
    }
    let handlers = section
        .take("modules")
        .map(|modules| reader.modules(modules));
    let pools = section.take("outgoing_pools");
    if let Some(pools) = pools
        && !reader
            .context
            .mongooseim
            .may_be_from(Release::patch(6, 2, 1))
    {
        let text = "pools in host_config exist from MongooseIM 6.2.1 on only";
        reader.notes.problem((&pools.path, pools.line), text);
    }
    let owned = pools.map(|pools| (pools, Some(host.clone())));
    config.overrides.push(Override { host, handlers });
    owned
}

/// The pools in an `outgoing_pools` section. Other modules may use those that no handler names, with a client of their
/// own: what only this module's engine would refuse in them is no problem.
fn read_pools(
    node: &Node,
    owner: Option<&str>,
    tags: &[String],
    context: Context<'_>,
    notes: &mut Notes,
) -> Vec<(String, Pool)> {
    let http = Section::of(node, notes).and_then(|mut types| types.section("http", notes));
    http.iter()
        .flat_map(Section::entries)
        .map(|(tag, node)| {
            let mut pool = pool::parse(node, tag, owner, context, notes);
            if let Some(options) = &pool.options {
                pool.settings = if tags.contains(tag) {
                    pool_check::check(options, node, notes)
                } else {
                    notes.only_warning("no handler uses this pool, and none could", |notes| {
                        pool_check::check(options, node, notes)
                    })
                };
            }
            (tag.clone(), pool)
        })
        .collect()
}

impl Config {
    /// The pools that handlers name.
    fn pool_names(&self) -> Vec<String> {
        let own = self
            .overrides
            .iter()
            .flat_map(|over| over.handlers.iter().flatten());
        let all = self.handlers.iter().chain(own);
        all.map(|handler| handler.pool_name.clone()).collect()
    }
}

/// Without a release, the layout shows in the module's section, or else in that of a pool's tls.
fn mongooseim(root: &Node, release: Option<Release>) -> Mongooseim {
    let old_layout = match release {
        Some(release) => !release.is_from(Release::new(5, 1)),
        None => any(root, &|node| {
            node.path.ends_with("mod_event_pusher.backend")
                || node.path.ends_with("tls.verify_peer")
        }),
    };
    Mongooseim {
        old_layout,
        release,
    }
}

fn any(node: &Node, is: &impl Fn(&Node) -> bool) -> bool {
    is(node)
        || match &node.value {
            Value::Table(entries) => entries.iter().any(|(_, node)| any(node, is)),
            Value::Array(items) => items.iter().any(|node| any(node, is)),
            _ => false,
        }
}
