//! The request line and `Host` of each handler in a pool, worked out once.

use std::sync::Arc;

use arc_swap::ArcSwap;
use credentials::path_secret::PLACE;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use notification::{Handler, HandlerId};
use transport::{BaseUrl, url};

use crate::settings::PoolSettings;

/// Where a handler's notifications go in this pool.
#[derive(Clone, Debug)]
pub struct Target {
    /// Path and query for HTTP/1.1, the whole URL for HTTP/2.
    pub uri: Uri,
    /// The value of `Host`. None for HTTP/2: the authority is in `uri`.
    pub host: Option<HeaderValue>,
}

impl Target {
    /// The target with the secret of its path. What is wrong does not show the secret.
    pub fn with_secret(&self, secret: &str) -> Result<Self, String> {
        let path = self.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let Some((before, after)) = path.split_once(PLACE) else {
            return Err(format!("the path has no {PLACE}, the place of its secret"));
        };
        let wrong = "the secret cannot be a part of the path";
        let mut parts = self.uri.clone().into_parts();
        let path = PathAndQuery::try_from(format!("{before}{secret}{after}"));
        parts.path_and_query = Some(path.map_err(|_| wrong)?);
        Ok(Self {
            uri: Uri::from_parts(parts).map_err(|_| wrong)?,
            host: self.host.clone(),
        })
    }
}

/// The targets of a pool, by handler.
#[derive(Debug)]
pub struct Targets {
    base: BaseUrl,
    path_prefix: String,
    http2: bool,
    known: ArcSwap<Vec<Known>>,
}

/// A handler's number, and its target or what is wrong with its URL.
type Known = (HandlerId, Result<Target, Arc<str>>);

impl Targets {
    /// Starts without any known target.
    pub fn new(settings: &PoolSettings) -> Self {
        Self {
            base: settings.base.clone(),
            path_prefix: settings.path_prefix.clone(),
            http2: settings.http2,
            known: ArcSwap::default(),
        }
    }

    /// The target of `handler`, or what is wrong with its URL.
    pub fn get(&self, handler: &Handler) -> Result<Target, Arc<str>> {
        let known = self.known.load();
        if let Some((_, target)) = known.iter().find(|(id, _)| *id == handler.id) {
            return target.clone();
        }
        let target = self.of_path(&handler.path);
        self.known.rcu(|known| {
            let mut known = Vec::clone(known);
            known.push((handler.id, target.clone()));
            known
        });
        target
    }

    /// The target of a path, which may belong to one notification alone, or what is wrong with its URL.
    pub fn of_path(&self, path: &str) -> Result<Target, Arc<str>> {
        let path = url::join(&self.path_prefix, path).map_err(|error| error.to_string())?;
        let authority = self.base.authority();
        let scheme = if self.base.https { "https" } else { "http" };
        let text = if self.http2 {
            format!("{scheme}://{authority}{path}")
        } else {
            path.to_string()
        };
        let uri = text
            .parse::<Uri>()
            .map_err(|error| format!("{text}: {error}"))?;
        let host = authority
            .parse::<HeaderValue>()
            .map_err(|error| format!("{authority}: {error}"))?;
        Ok(Target {
            uri,
            host: (!self.http2).then_some(host),
        })
    }
}
