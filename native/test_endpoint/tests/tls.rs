//! TLS: the good path, client certificates, and every fault of the handshake.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{GOOD, HUNG, REQUEST, SILENCE, quiet};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::sync::Arc;
use test_endpoint::certs::{Authority, Pem};
use test_endpoint::{
    ClientAuth, EndpointConfig, EndpointHandle, Identity, TestEndpoint, TlsSettings, TlsVersions,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn test_endpoint(tls: TlsSettings, http2: bool) -> EndpointHandle {
    let config = EndpointConfig {
        tls: Some(tls),
        http2,
        ..EndpointConfig::default()
    };
    TestEndpoint::start(config).await.unwrap()
}

/// A client that trusts that authority.
fn client(ca_pem: &str, own: Option<&Pem>, alpn: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(pem) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(pem.cert.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(pem.key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn connect(
    endpoint: &EndpointHandle,
    client: &TlsConnector,
) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(endpoint.addr()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    timeout(HUNG, client.connect(name, tcp))
        .await
        .expect("the test endpoint hangs")
}

async fn exchange(mut stream: TlsStream<TcpStream>) -> io::Result<()> {
    stream.write_all(REQUEST.as_bytes()).await?;
    let mut answer = vec![0; GOOD.len()];
    timeout(HUNG, stream.read_exact(&mut answer))
        .await
        .unwrap()?;
    assert_eq!(answer, GOOD.as_bytes());
    Ok(())
}

fn tls_error(error: &io::Error) -> &rustls::Error {
    error.get_ref().unwrap().downcast_ref().unwrap()
}

#[tokio::test]
async fn requests_and_what_is_recorded_of_the_session() {
    for (versions, name) in [
        (TlsVersions::Both, "TLSv1_3"),
        (TlsVersions::Only12, "TLSv1_2"),
        (TlsVersions::Only13, "TLSv1_3"),
    ] {
        let settings = TlsSettings {
            versions,
            ..TlsSettings::self_signed()
        };
        let endpoint = test_endpoint(settings, false).await;
        let client = client(endpoint.ca_pem().unwrap(), None, &["http/1.1"]);
        let stream = connect(&endpoint, &client).await.unwrap();
        exchange(stream).await.unwrap();
        let records = endpoint.records();
        let tls = records[0].tls.as_ref().unwrap();
        assert_eq!(tls.version, name);
        assert_eq!(tls.sni.as_deref(), Some("localhost"));
        assert_eq!(tls.alpn.as_deref(), Some("http/1.1"));
        assert_eq!(tls.client_cert, None);
        assert!(endpoint.url("/a").starts_with("https://127.0.0.1:"));
        quiet(&endpoint).await;
    }
}

#[tokio::test]
async fn alpn_chooses_http2() {
    let endpoint = test_endpoint(TlsSettings::self_signed(), true).await;
    let h2 = client(endpoint.ca_pem().unwrap(), None, &["h2", "http/1.1"]);
    let stream = connect(&endpoint, &h2).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://localhost/").body(()).unwrap();
    let mut send: h2::client::SendRequest<bytes::Bytes> = send.ready().await.unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    assert_eq!(
        timeout(HUNG, response).await.unwrap().unwrap().status(),
        200
    );
    let records = endpoint.records();
    assert_eq!(records[0].tls.as_ref().unwrap().alpn.as_deref(), Some("h2"));

    let old = client(endpoint.ca_pem().unwrap(), None, &[]);
    exchange(connect(&endpoint, &old).await.unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn client_certificates() {
    let authority = Authority::new("clients").unwrap();
    let own = authority.client("me").unwrap();
    let foreign = Authority::new("other").unwrap().client("me").unwrap();
    let settings = TlsSettings {
        client_auth: ClientAuth::Required(authority.ca_pem()),
        ..TlsSettings::self_signed()
    };
    let required = test_endpoint(settings.clone(), false).await;
    let ca = required.ca_pem().unwrap();
    exchange(
        connect(&required, &client(ca, Some(&own), &[]))
            .await
            .unwrap(),
    )
    .await
    .unwrap();
    let shown = required.records()[0]
        .tls
        .clone()
        .unwrap()
        .client_cert
        .unwrap();
    let sent = CertificateDer::from_pem_slice(own.cert.as_bytes()).unwrap();
    assert_eq!(shown, sent.as_ref());
    for bad in [None, Some(&foreign)] {
        // In TLS 1.3 the client sees the failure only after its own part of the handshake.
        let failed = match connect(&required, &client(ca, bad, &[])).await {
            Ok(stream) => exchange(stream).await,
            Err(error) => Err(error),
        };
        assert!(failed.is_err());
    }
    assert!(
        required
            .wait_for(HUNG, |stats| stats.tls_failures == 2)
            .await
    );
    let failures = required.tls_failures();
    assert!(
        failures[0].contains("connection 2: peer sent no certificates"),
        "{failures:?}"
    );
    assert_eq!(required.stats().begun, 1);

    let settings = TlsSettings {
        client_auth: ClientAuth::Optional(authority.ca_pem()),
        ..settings
    };
    let optional = test_endpoint(settings, false).await;
    let none = client(optional.ca_pem().unwrap(), None, &[]);
    exchange(connect(&optional, &none).await.unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn certificates_that_clients_refuse() {
    let authority = Authority::new("servers").unwrap();
    let other = Authority::new("other").unwrap();
    for pem in [
        authority.expired(&["localhost"]).unwrap(),
        authority.server(&["wrong.example"]).unwrap(),
        other.server(&["localhost"]).unwrap(),
    ] {
        let settings = TlsSettings {
            identity: Identity::Pem {
                chain: pem.cert,
                key: pem.key,
            },
            ..TlsSettings::self_signed()
        };
        let endpoint = test_endpoint(settings, false).await;
        let client = client(&authority.ca_pem(), None, &[]);
        let error = connect(&endpoint, &client).await.unwrap_err();
        assert!(
            matches!(tls_error(&error), rustls::Error::InvalidCertificate(_)),
            "{error}"
        );
        assert!(
            endpoint
                .wait_for(HUNG, |stats| stats.tls_failures == 1)
                .await
        );
    }
}

#[tokio::test]
async fn handshakes_that_fail() {
    let endpoint = test_endpoint(TlsSettings::self_signed(), false).await;
    let client = client(endpoint.ca_pem().unwrap(), None, &[]);
    endpoint
        .push_next(1, "fault=tls-close".parse().unwrap())
        .unwrap();
    let error = connect(&endpoint, &client).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    endpoint
        .push_next(1, "fault=tls-garbage".parse().unwrap())
        .unwrap();
    let error = connect(&endpoint, &client).await.unwrap_err();
    assert!(
        matches!(tls_error(&error), rustls::Error::InvalidMessage(_)),
        "{error}"
    );
    endpoint
        .push_next(1, "fault=tls-alert".parse().unwrap())
        .unwrap();
    let error = connect(&endpoint, &client).await.unwrap_err();
    let alert = rustls::AlertDescription::HandshakeFailure;
    assert_eq!(tls_error(&error), &rustls::Error::AlertReceived(alert));

    endpoint
        .push_next(1, "fault=tls-stall".parse().unwrap())
        .unwrap();
    let (waiting, other) = (endpoint.clone(), client.clone());
    let stalled = tokio::spawn(async move { connect(&waiting, &other).await.map(drop) });
    assert!(
        endpoint
            .wait_for(HUNG, |stats| stats.connections_accepted == 4)
            .await
    );
    tokio::time::sleep(SILENCE).await;
    assert!(!stalled.is_finished());
    endpoint.release();
    assert!(timeout(HUNG, stalled).await.unwrap().unwrap().is_err());

    exchange(connect(&endpoint, &client).await.unwrap())
        .await
        .unwrap();
    quiet(&endpoint).await;
}

#[tokio::test]
async fn handshakes_that_fail_halfway() {
    let endpoint = test_endpoint(TlsSettings::self_signed(), false).await;
    let client = client(endpoint.ca_pem().unwrap(), None, &[]);
    let next = |fault: &str| endpoint.push_next(1, format!("fault={fault}").parse().unwrap());
    next("tls-close-in-hello").unwrap();
    let error = connect(&endpoint, &client).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);

    next("tls-stall-in-hello").unwrap();
    let (waiting, other) = (endpoint.clone(), client.clone());
    let stalled = tokio::spawn(async move { connect(&waiting, &other).await.map(drop) });
    assert!(
        endpoint
            .wait_for(HUNG, |stats| stats.connections_accepted == 2)
            .await
    );
    tokio::time::sleep(SILENCE).await;
    assert!(!stalled.is_finished());
    stalled.abort();
    quiet(&endpoint).await;

    // The client's handshake succeeds; it sees the failure when it uses the connection.
    next("tls-close-after-hello").unwrap();
    let stream = connect(&endpoint, &client).await.unwrap();
    assert!(exchange(stream).await.is_err());
    quiet(&endpoint).await;
    assert_eq!(endpoint.stats().begun, 0);
}
