//! Which handler goes where: each host's handlers with the pools they find.

use engine::settings::PoolSettings;
use transport::url::Target;
use transport::{BaseUrl, url};

use crate::config::Config;
use crate::config::handlers::Handler;
use crate::config::pool::{Pool, Scope};
use crate::notes::Notes;
use crate::suggestion::did_you_mean;

/// A handler with the pool it uses.
#[derive(Debug)]
pub struct Route<'a> {
    /// The handler.
    pub(crate) handler: &'a Handler,
    /// The hosts that have the handler and find this pool; empty if that is all of them.
    pub(crate) hosts: Vec<&'a str>,
    /// The pool it finds.
    pub(crate) pool: &'a Pool,
    /// The pool's checked settings.
    pub(crate) settings: &'a PoolSettings,
    /// The request target.
    pub(crate) target: Target,
}

impl Route<'_> {
    /// The URL that the node POSTs to. What a template makes is shown as it is written.
    pub fn url(&self) -> String {
        let target = self.target.to_string();
        let target = match target.strip_suffix(MADE) {
            Some(prefix) if self.handler.has_template_path() => {
                let path = &self.handler.target;
                format!("{prefix}{}", path.strip_prefix('/').unwrap_or(path))
            }
            _ => target,
        };
        self.url_of(&target)
    }

    /// Whether the URL is the same for each notification: no template makes it.
    pub fn has_one_url(&self) -> bool {
        !self.handler.has_template_path()
    }

    /// The URL of this target.
    pub(crate) fn url_of(&self, target: &str) -> String {
        format!("{}{target}", base(&self.settings.base))
    }
}

/// A host of the file; `None` stands for every host if the file does not name its hosts.
type Host<'a> = Option<&'a str>;

/// A handler of some hosts, with the pool that these hosts find for it.
struct Use<'a> {
    handler: &'a Handler,
    pool: Option<&'a Pool>,
    hosts: Vec<Host<'a>>,
}

/// The routes of all hosts. A handler without a pool, or with an impossible URL, is noted as a problem.
pub(crate) fn find<'a>(config: &'a Config, notes: &mut Notes) -> Vec<Route<'a>> {
    let uses = uses(config);
    if uses.is_empty() {
        notes.warning(("", 1), "no handler is configured: nothing will be sent");
    }
    let mut routes: Vec<Route<'a>> = uses
        .iter()
        .filter_map(
            |Use {
                 handler,
                 pool,
                 hosts,
             }| {
                let target = target(handler, (*pool)?, notes)?;
                Some(Route {
                    handler,
                    hosts: named(config, hosts),
                    pool: (*pool)?,
                    settings: (*pool)?.settings.as_ref()?,
                    target,
                })
            },
        )
        .collect();
    for lost in uses.iter().filter(|each| each.pool.is_none()) {
        no_pool(config, lost.handler, &lost.hosts, notes);
    }
    routes.sort_by_key(|route| route.handler.number);
    routes
}

/// Every handler of every host. Hosts that find the same pool for the same handler share one entry.
fn uses(config: &Config) -> Vec<Use<'_>> {
    let mut uses: Vec<Use<'_>> = Vec::new();
    for host in hosts(config) {
        for handler in handlers_of(config, host) {
            let pool = find_pool(config, &handler.pool_name, host);
            let same = |other: &&mut Use<'_>| {
                std::ptr::eq(other.handler, handler)
                    && match (other.pool, pool) {
                        (Some(other), Some(pool)) => std::ptr::eq(other, pool),
                        (other, pool) => other.is_none() && pool.is_none(),
                    }
            };
            match uses.iter_mut().find(same) {
                Some(other) => other.hosts.push(host),
                None => uses.push(Use {
                    handler,
                    pool,
                    hosts: vec![host],
                }),
            }
        }
    }
    uses
}

fn hosts(config: &Config) -> Vec<Host<'_>> {
    let mut hosts: Vec<Host<'_>> = Vec::new();
    hosts.extend(config.hosts.iter().map(|host| Some(host.as_str())));
    for over in &config.overrides {
        if !hosts.contains(&Some(over.host.as_str())) {
            hosts.push(Some(&over.host));
        }
    }
    if config.hosts.is_empty() {
        hosts.push(None);
    }
    hosts
}

/// The handlers in the host's own modules, or else those that are common to all hosts.
fn handlers_of<'a>(config: &'a Config, host: Host<'_>) -> &'a [Handler] {
    let own = config.overrides.iter().rev().find_map(|over| {
        over.handlers
            .as_ref()
            .filter(|_| Some(over.host.as_str()) == host)
    });
    own.unwrap_or(&config.handlers)
}

/// As `mongoose_wpool` looks a pool up: the host's own first, then the global one.
fn find_pool<'a>(config: &'a Config, tag: &str, host: Host<'_>) -> Option<&'a Pool> {
    let named = || {
        config
            .pools
            .iter()
            .filter(|(name, _)| name == tag)
            .map(|(_, pool)| pool)
    };
    let single = named()
        .find(|pool| matches!(&pool.scope, Scope::Single(owner) if Some(owner.as_str()) == host));
    single
        .or_else(|| named().find(|pool| pool.scope == Scope::Each))
        .or_else(|| named().find(|pool| pool.scope == Scope::Global))
}

/// The names of the hosts; none if these are all hosts of the file.
fn named<'a>(config: &Config, hosts: &[Host<'a>]) -> Vec<&'a str> {
    let all = config
        .hosts
        .iter()
        .all(|host| hosts.contains(&Some(host.as_str())));
    if all {
        Vec::new()
    } else {
        hosts.iter().copied().flatten().collect()
    }
}

fn no_pool(config: &Config, handler: &Handler, hosts: &[Host<'_>], notes: &mut Notes) {
    let hosts: Vec<_> = hosts.iter().copied().flatten().collect();
    let whose = if hosts.is_empty() {
        String::new()
    } else {
        format!(" for {}", hosts.join(", "))
    };
    let tag = &handler.pool_name;
    // A pool of this name exists for other hosts.
    let others = config.pools.iter().map(|(name, _)| name.as_str());
    let meant = did_you_mean(tag, others.filter(|name| name != tag));
    let text = format!(
        "there is no pool [outgoing_pools.http.{tag}]{whose}: every notification is rejected with \
         pool_not_started{meant}"
    );
    handler.options.problem("pool_name", text, notes);
}

/// Stands for a path that a template makes.
const MADE: &str = "http-pusher-template";

/// The request target of a handler in a pool.
fn target(handler: &Handler, pool: &Pool, notes: &mut Notes) -> Option<Target> {
    // If there are no settings, the pool's own problem has been noted.
    let settings = pool.settings.as_ref()?;
    if handler.has_template_path() {
        return url::join(&settings.path_prefix, MADE).ok();
    }
    let target = match url::join(&settings.path_prefix, &handler.target) {
        Ok(target) => target,
        Err(error) => {
            handler.options.problem("path", error.text, notes);
            return None;
        }
    };
    let stock = url::stock_join(&settings.path_prefix, &handler.target);
    if stock != target.as_str() {
        let base = base(&settings.base);
        let text = format!(
            "notifications go to {base}{target}; MongooseIM's own module would have sent them to \
             {base}{stock}"
        );
        handler.options.warning("path", text, notes);
    }
    Some(target)
}

fn base(base: &BaseUrl) -> String {
    let scheme = if base.https { "https" } else { "http" };
    format!("{scheme}://{}", base.authority())
}
