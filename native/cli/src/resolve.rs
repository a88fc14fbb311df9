//! Which handler goes where: each host's handlers with the pools they find.

use engine::settings::PoolSettings;
use transport::url::Target;
use transport::{BaseUrl, url};

use crate::config::Config;
use crate::handlers::Handler;
use crate::notes::Notes;
use crate::pool::{Pool, Scope};

/// A handler with the pool it uses.
#[derive(Debug)]
pub struct Route<'a> {
    /// The handler.
    pub handler: &'a Handler,
    /// The hosts it is for; empty where it is for all of them.
    pub hosts: Vec<&'a str>,
    /// The pool it finds.
    pub pool: &'a Pool,
    /// The pool's checked settings.
    pub settings: &'a PoolSettings,
    /// What it asks for.
    pub target: Target,
}

impl Route<'_> {
    /// Where it POSTs to.
    pub fn url(&self) -> String {
        format!("{}{}", base(&self.settings.base), self.target)
    }
}

/// Every handler of every host. What leads nowhere is noted as a problem.
pub fn routes<'a>(config: &'a Config, notes: &mut Notes) -> Vec<Route<'a>> {
    let mut hosts: Vec<Option<&str>> = config
        .hosts
        .iter()
        .map(|host| Some(host.as_str()))
        .collect();
    for over in &config.overrides {
        if !hosts.contains(&Some(over.host.as_str())) {
            hosts.push(Some(&over.host));
        }
    }
    if config.hosts.is_empty() {
        // The file does not say which hosts there are; whichever, they have what is common to all.
        hosts.push(None);
    }
    let mut routes: Vec<Route<'a>> = Vec::new();
    let mut lost: Vec<(&Handler, Vec<Option<&str>>)> = Vec::new();
    let mut used = 0;
    for host in hosts {
        let own = config.overrides.iter().rev().find_map(|over| {
            over.handlers
                .as_ref()
                .filter(|_| Some(over.host.as_str()) == host)
        });
        for handler in own.unwrap_or(&config.handlers) {
            used += 1;
            let Some(pool) = find_pool(config, &handler.pool_name, host) else {
                let same = |(other, _): &&mut (&Handler, _)| std::ptr::eq(*other, handler);
                match lost.iter_mut().find(same) {
                    Some((_, hosts)) => hosts.push(host),
                    None => lost.push((handler, vec![host])),
                }
                continue;
            };
            let same = |route: &&mut Route<'_>| {
                std::ptr::eq(route.handler, handler) && std::ptr::eq(route.pool, pool)
            };
            if let Some(route) = routes.iter_mut().find(same) {
                route.hosts.extend(host);
            } else if let Some(mut route) = route(handler, pool, notes) {
                route.hosts.extend(host);
                routes.push(route);
            }
        }
    }
    for (handler, hosts) in lost {
        no_pool(handler, &hosts, notes);
    }
    if used == 0 {
        notes.warning(("", 1), "no handler is configured: nothing will be sent");
    }
    for route in &mut routes {
        let for_all = config
            .hosts
            .iter()
            .all(|host| route.hosts.contains(&host.as_str()));
        if for_all {
            route.hosts.clear();
        }
    }
    routes.sort_by_key(|route| route.handler.number);
    routes
}

/// As `mongoose_wpool` looks a pool up: the host's own first, then the global one.
fn find_pool<'a>(config: &'a Config, tag: &str, host: Option<&str>) -> Option<&'a Pool> {
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

fn no_pool(handler: &Handler, hosts: &[Option<&str>], notes: &mut Notes) {
    let path = format!("{}.pool_name", handler.path);
    let hosts: Vec<_> = hosts.iter().copied().flatten().collect();
    let whose = if hosts.is_empty() {
        String::new()
    } else {
        format!(" for {}", hosts.join(", "))
    };
    let tag = &handler.pool_name;
    notes.problem(
        (&path, handler.pool_line),
        format!(
            "there is no pool [outgoing_pools.http.{tag}]{whose}: every notification is rejected \
             with pool_not_started"
        ),
    );
}

fn route<'a>(handler: &'a Handler, pool: &'a Pool, notes: &mut Notes) -> Option<Route<'a>> {
    // Without settings the pool's own problem has been noted.
    let settings = pool.settings.as_ref()?;
    let path = format!("{}.path", handler.path);
    let place = (path.as_str(), handler.target_line);
    let target = match url::join(&settings.path_prefix, &handler.target) {
        Ok(target) => target,
        Err(error) => {
            notes.problem(place, error.text);
            return None;
        }
    };
    let stock = url::stock_join(&settings.path_prefix, &handler.target);
    if stock != target.as_str() {
        let base = base(&settings.base);
        notes.warning(
            place,
            format!(
                "notifications go to {base}{target}; MongooseIM's own module would have sent them \
                 to {base}{stock}"
            ),
        );
    }
    Some(Route {
        handler,
        hosts: Vec::new(),
        pool,
        settings,
        target,
    })
}

fn base(base: &BaseUrl) -> String {
    let scheme = if base.https { "https" } else { "http" };
    format!("{scheme}://{}", base.authority())
}
