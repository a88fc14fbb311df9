//! `mongooseim.toml` as far as it concerns this module: hosts, handlers and pools.
//!
//! Both layouts are read: `mod_event_pusher.backend.http` (5.0; one section or several) and
//! `mod_event_pusher.http.handlers` (5.1 on). What a `host_config` says of modules replaces all the
//! modules of that host; its pools are tried before the others. Sections of other modules and pools
//! that no handler uses are not looked at.

use crate::document::{Node, Value};
use crate::generation::{Host, Release};
use crate::handlers::{Handler, Reader};
use crate::notes::Notes;
use crate::pool::{self, Context, Pool};
use crate::section::{Section, wrong_kind};

/// What one `host_config` changes.
#[derive(Debug)]
pub struct Override {
    /// The host or host type.
    pub host: String,
    /// Its handlers, where it has modules of its own at all.
    pub handlers: Option<Vec<Handler>>,
}

/// The file.
#[derive(Debug)]
pub struct Config {
    /// Hosts and host types, in the order of the file.
    pub hosts: Vec<String>,
    /// Handlers of every host that has no modules of its own.
    pub handlers: Vec<Handler>,
    /// What single hosts have instead.
    pub overrides: Vec<Override>,
    /// Pools by tag. One tag may be there several times, with different scopes.
    pub pools: Vec<(String, Pool)>,
}

/// What comes from the command line or another file.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// `--mongooseim`.
    pub release: Option<Release>,
    /// `--node-dir`.
    pub root: Option<&'a std::path::Path>,
    /// `http2_pools` of the application's own settings.
    pub http2: &'a [String],
}

/// Reads the whole file.
pub fn read(root: &Node, given: Given<'_>, notes: &mut Notes) -> Config {
    let host = host(root, given.release);
    let context = Context {
        host,
        root: given.root,
        http2: given.http2,
    };
    let mut reader = Reader {
        host,
        next: 1,
        notes,
    };
    let mut config = Config {
        hosts: Vec::new(),
        handlers: Vec::new(),
        overrides: Vec::new(),
        pools: Vec::new(),
    };
    let Some(mut file) = Section::of(root, reader.notes) else {
        return config;
    };
    if let Some(release) = given.release.filter(|release| release.is_unknown()) {
        let text = format!(
            "MongooseIM {release} is newer than this program, which judges it as {}",
            Release::NEWEST
        );
        reader.notes.warning(("", 1), text);
    }
    if let Some(mut general) = file.section("general", reader.notes) {
        for key in ["hosts", "host_types"] {
            let names = general.strings(key, reader.notes);
            config.hosts.extend(names.unwrap_or_default());
        }
    }
    if let Some(modules) = file.take("modules") {
        config.handlers = reader.modules(modules);
    }
    let mut pools: Vec<(&Node, Option<String>)> = Vec::new();
    pools.extend(file.take("outgoing_pools").map(|node| (node, None)));
    if let Some(node) = file.take("host_config") {
        let Value::Array(items) = &node.value else {
            wrong_kind::<()>(node, "a list, [[host_config]]", &node.value, reader.notes);
            return config;
        };
        for item in items {
            pools.extend(host_config(&mut reader, item, &mut config));
        }
    }
    let tags = config.pool_names();
    for (node, owner) in pools {
        let read = read_pools(node, owner.as_deref(), &tags, context, notes);
        config.pools.extend(read);
    }
    config
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

/// The layout shows in the module's section; where there is none, in that of a pool's tls.
fn host(root: &Node, release: Option<Release>) -> Host {
    let old_layout = match release {
        Some(release) => !release.is_from(Release::new(5, 1)),
        None => any(root, &|node| {
            node.path.ends_with("mod_event_pusher.backend")
                || node.path.ends_with("tls.verify_peer")
        }),
    };
    Host {
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

/// The pools in an `outgoing_pools` section that handlers use; the others are none of our business.
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
        .filter(|(tag, _)| tags.contains(tag))
        .map(|(tag, node)| (tag.clone(), pool::read(node, tag, owner, context, notes)))
        .collect()
}

/// Reads hosts and modules of a `host_config`; gives back its pools.
fn host_config<'a>(
    reader: &mut Reader<'_>,
    node: &'a Node,
    config: &mut Config,
) -> Option<(&'a Node, Option<String>)> {
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
        && !reader.host.may_be_from(Release::patch(6, 2, 1))
    {
        let text = "pools in host_config exist from MongooseIM 6.2.1 on only";
        reader.notes.problem((&pools.path, pools.line), text);
    }
    let owned = pools.map(|pools| (pools, Some(host.clone())));
    config.overrides.push(Override { host, handlers });
    owned
}
