//! Asks a token endpoint: one POST over a connection of its own. No redirects, no proxies from the
//! environment, and a bounded answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use files::apart;
use form_urlencoded::Serializer;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;
use transport::error::chain;
use transport::names::Names;
use transport::tls::system_roots;

use super::Refused;
use crate::Tools;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// How many threads read the system's certificates at once, for all token endpoints.
const STORE_READERS_AT_MOST: usize = 8;

static STORE_READERS: Semaphore = Semaphore::const_new(STORE_READERS_AT_MOST);

/// A token endpoint.
#[derive(Clone)]
pub(super) struct Endpoint {
    tools: Tools,
    url: Url,
}

/// What it answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) retry_after: Option<Duration>,
}

impl Endpoint {
    /// Checks the URL. The error does not show it, because it may have a password.
    pub(super) fn new(url: &str, tools: &Tools) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("it is not a URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("it must begin with https:// (or http://)".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must not have a user or a password".to_owned());
        }
        Ok(Self {
            tools: tools.clone(),
            url,
        })
    }

    /// The URL as texts show it: without query.
    pub(super) fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.to_string()
    }

    /// An error of this endpoint.
    pub(super) fn refused(&self, what: impl AsRef<str>) -> Refused {
        Refused {
            text: format!("the token endpoint {}: {}", self.shown(), what.as_ref()),
            retry_after: None,
            secret: false,
        }
    }

    /// Sends a form.
    pub(super) async fn post(
        &self,
        fields: &[(&str, &str)],
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, Refused> {
        let failed = |error: &reqwest::Error| self.refused(chain(error));
        let form = encode(fields);
        let client = self.client().await.map_err(|text| self.refused(text))?;
        let mut headers = HeaderMap::new();
        let urlencoded = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, urlencoded);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        let request = client.post(self.url.clone()).headers(headers).body(form);
        let mut response = request
            .send()
            .await
            .map_err(|error| failed(&error.without_url()))?;
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| failed(&error.without_url()))?
        {
            if body.len() + chunk.len() > LONGEST {
                return Err(self.refused(format!("its answer has more than {LONGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let retry_after = response.headers().get(RETRY_AFTER);
        let seconds = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(Answer {
            status: response.status().as_u16(),
            body,
            retry_after: seconds.map(Duration::from_secs),
        })
    }

    /// A client for one request. They are rare, so no connection is kept, and the system's certificates
    /// are those of now.
    async fn client(&self) -> Result<Client, String> {
        let roots = self.roots().await?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Client::builder()
            .tls_backend_preconfigured(config)
            .http1_only()
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(Resolver(Arc::clone(&self.tools.names))))
            .build()
            .map_err(|error| chain(&error))
    }

    async fn roots(&self) -> Result<Arc<RootCertStore>, String> {
        if self.url.scheme() != "https" {
            return Ok(Arc::new(RootCertStore::empty()));
        }
        if let Some(trust) = &self.tools.trust {
            return Ok(Arc::clone(trust));
        }
        // The system's store is files, which may hang. The fetch has an end, also while it waits for a turn.
        let turn = STORE_READERS
            .acquire()
            .await
            .map_err(|error| error.to_string())?;
        let read = apart::run("http-pusher-pem", move || {
            let roots = system_roots();
            drop(turn);
            roots
        });
        let read = read.map_err(|error| error.to_string())?;
        let roots = read
            .await
            .map_err(|_| "reading the system's certificates crashed".to_owned())?;
        roots.map_err(|error| error.text)
    }
}

fn encode(fields: &[(&str, &str)]) -> String {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish()
}

/// Looks names up as deliveries do.
struct Resolver(Arc<Names>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let names = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses = names.resolve(name.as_str()).await?;
            let addresses: Vec<_> = addresses
                .list
                .iter()
                .map(|ip| SocketAddr::new(*ip, 0))
                .collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
