//! A bare reqwest client: one client, so many tasks.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use tokio::task::JoinSet;

use crate::connector;
use crate::load::{FORM, Load, LoadError, Measured, Shares, Stopwatch};

/// Runs the load.
pub async fn run(load: &Load) -> Result<Measured, LoadError> {
    let client = client(load)?;
    let shares = Shares::new(load);
    let mut tasks = JoinSet::new();
    for _ in 0..load.connections {
        let (client, mut share, url) = (client.clone(), shares.share(), load.url.clone());
        tasks.spawn(async move {
            while share.more().await {
                post(&client, &url).await?;
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

fn client(load: &Load) -> Result<reqwest::Client, LoadError> {
    // reqwest wants one even where it makes no TLS connection. There is none before this.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(load.connections)
        .redirect(reqwest::redirect::Policy::none());
    if let Some(ca) = &load.ca {
        builder = builder.tls_backend_preconfigured(connector::tls(ca, load.http2)?);
    }
    if load.http2 {
        builder = builder.http2_prior_knowledge();
    } else {
        builder = builder.http1_only();
    }
    Ok(builder.build()?)
}

async fn post(client: &reqwest::Client, url: &str) -> Result<(), LoadError> {
    let response = client
        .post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from_static(FORM))
        .send()
        .await?;
    if response.status() != 200 {
        return Err(LoadError::Answer(response.status().to_string()));
    }
    response.bytes().await?;
    Ok(())
}
