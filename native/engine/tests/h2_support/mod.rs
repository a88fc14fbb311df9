//! HTTP/2 servers over TLS that do what no good server does: each connection is handed to the test.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;

use engine::settings::PoolOptions;
use rustls_pki_types::pem::PemObject;
use test_endpoint::certs::Authority;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::server::TlsStream;
use transport::TlsOptions;

use crate::support::{TempFile, options};

/// A server, until it is dropped.
pub struct Server {
    pub port: u16,
    ca: TempFile,
    _runtime: Runtime,
}

impl Server {
    /// Each connection goes to `serve`, in a task of its own.
    pub fn new<F>(serve: impl Fn(TlsStream<TcpStream>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let authority = Authority::new("odd server").unwrap();
        let identity = authority.server(&["127.0.0.1"]).unwrap();
        let chain = rustls_pki_types::CertificateDer::pem_slice_iter(identity.cert.as_bytes());
        let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key.unwrap())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = Arc::new(serve);
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, serve) = (acceptor.clone(), Arc::clone(&serve));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        serve(stream).await;
                    }
                });
            }
        });
        Self {
            port,
            ca: TempFile::new(&authority.ca_pem(), port),
            _runtime: runtime,
        }
    }

    /// Options of a pool there.
    pub fn options(&self) -> PoolOptions {
        PoolOptions {
            http2: true,
            tls: Some(self.tls()),
            ..options(format!("https://127.0.0.1:{}", self.port))
        }
    }

    /// TLS that trusts it.
    pub fn tls(&self) -> TlsOptions {
        TlsOptions {
            cacertfile: Some(self.ca.0.clone()),
            ..TlsOptions::default()
        }
    }
}
