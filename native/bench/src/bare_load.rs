//! Bare clients: each connection sends its next request when it has the response to the last one.
//!
//! reqwest is the yardstick, also over TLS. hyper's connection, driven by a task of its own as in hyper's
//! examples, is for HTTP/1.1 without TLS only: it shows what reqwest costs.

use bytes::Bytes;
use clap::ValueEnum;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::connector;
use crate::load::{FORM, Load, LoadError, Measured, Shares, Stopwatch};

const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// Which client to run.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Client {
    /// One client for all connections.
    Reqwest,
    /// A handle of its own for each connection.
    Hyper,
}

/// What sends the requests of one connection.
trait Sender: Send + 'static {
    /// Sends one request and reads the response to its end.
    fn post(&mut self) -> impl Future<Output = Result<StatusCode, LoadError>> + Send;
}

/// Runs the load.
pub async fn run(client: Client, load: &Load) -> Result<Measured, LoadError> {
    match client {
        Client::Reqwest => {
            let sender = ReqwestSender::new(load)?;
            measure(load, vec![sender; load.connections]).await
        }
        Client::Hyper => {
            let mut senders = Vec::new();
            for _ in 0..load.connections {
                senders.push(HyperSender::connect(load).await?);
            }
            measure(load, senders).await
        }
    }
}

async fn measure(load: &Load, senders: Vec<impl Sender>) -> Result<Measured, LoadError> {
    let shares = Shares::new(load);
    let mut tasks = JoinSet::new();
    for mut sender in senders {
        let mut share = shares.share();
        tasks.spawn(async move {
            while share.more().await {
                let status = sender.post().await?;
                if status != StatusCode::OK {
                    return Err(LoadError::Answer(status.to_string()));
                }
            }
            Ok(())
        });
    }
    tokio::select! {
        () = shares.all_warm() => {}
        Some(ended) = tasks.join_next() => ended??,
    }
    let watch = Stopwatch::start()?;
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(watch.stop(load.requests)?)
}

#[derive(Clone)]
struct ReqwestSender {
    client: reqwest::Client,
    url: String,
}

impl ReqwestSender {
    fn new(load: &Load) -> Result<Self, LoadError> {
        // reqwest wants a default provider even without TLS. It fails only if one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .pool_max_idle_per_host(load.connections)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(ca) = &load.ca {
            builder = builder.tls_backend_preconfigured(connector::tls(ca, load.http2)?);
        }
        builder = if load.http2 {
            builder.http2_prior_knowledge()
        } else {
            builder.http1_only()
        };
        Ok(Self {
            client: builder.build()?,
            url: load.url.clone(),
        })
    }
}

impl Sender for ReqwestSender {
    async fn post(&mut self) -> Result<StatusCode, LoadError> {
        let request = self.client.post(&self.url).header(CONTENT_TYPE, FORM_TYPE);
        let response = request.body(Bytes::from_static(FORM)).send().await?;
        let status = response.status();
        response.bytes().await?;
        Ok(status)
    }
}

struct HyperSender {
    handle: SendRequest<Full<Bytes>>,
    uri: Uri,
}

impl HyperSender {
    async fn connect(load: &Load) -> Result<Self, LoadError> {
        let uri: Uri = load.url.parse().map_err(http::Error::from)?;
        if load.ca.is_some() || uri.scheme_str() != Some("http") {
            return Err(LoadError::Answer("the hyper client is for http://".into()));
        }
        let address = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (handle, connection) = handshake(TokioIo::new(stream)).await?;
        // The request on this connection receives the connection's error.
        tokio::spawn(async move { connection.await.ok() });
        Ok(Self { handle, uri })
    }
}

impl Sender for HyperSender {
    async fn post(&mut self) -> Result<StatusCode, LoadError> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.uri.authority().map_or("", |name| name.as_str());
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, authority)
            .header(CONTENT_TYPE, FORM_TYPE)
            .body(Full::new(Bytes::from_static(FORM)))?;
        self.handle.ready().await?;
        let response = self.handle.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        Ok(status)
    }
}
