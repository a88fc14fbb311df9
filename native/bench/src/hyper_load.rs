//! A bare hyper client: so many connections, each with a task that moves its bytes, as in hyper's own
//! examples. HTTP/1.1 without TLS alone: it is there to say what reqwest costs.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::load::{FORM, Load, LoadError, Measured, Shares, Stopwatch};

/// Runs the load.
pub async fn run(load: &Load) -> Result<Measured, LoadError> {
    let uri: Uri = load.url.parse().map_err(http::Error::from)?;
    if load.ca.is_some() || uri.scheme_str() != Some("http") {
        return Err(LoadError::Answer("the hyper client is for http://".into()));
    }
    let shares = Shares::new(load);
    let mut tasks = JoinSet::new();
    for _ in 0..load.connections {
        let (mut share, uri) = (shares.share(), uri.clone());
        tasks.spawn(async move {
            let mut sender = connect(&uri).await?;
            while share.more().await {
                post(&mut sender, &uri).await?;
            }
            Ok::<_, LoadError>(())
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

async fn connect(uri: &Uri) -> Result<SendRequest<Full<Bytes>>, LoadError> {
    let address = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // What the connection dies of, the request on it is told.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}

async fn post(sender: &mut SendRequest<Full<Bytes>>, uri: &Uri) -> Result<(), LoadError> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, authority)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from_static(FORM)))?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    if response.status() != 200 {
        return Err(LoadError::Answer(response.status().to_string()));
    }
    response.into_body().collect().await?;
    Ok(())
}
