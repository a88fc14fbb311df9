//! Certificates, a rustls server and a client made of [`TlsClient`], shared by the TLS tests.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub mod client_auth;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    SupportedCipherSuite, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use transport::tls::TlsClient;
use transport::{TlsOptions, Verify};

/// A limit that nothing in these tests reaches.
const BOUND: Duration = Duration::from_mins(1);

/// A temporary directory, removed with the test.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("engine-tls-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let (path, new) = (self.0.join(name), self.0.join(format!("{name}.new")));
        // Another file, so that it differs: the times of files are coarse on older kernels.
        std::fs::write(&new, content).unwrap();
        std::fs::rename(&new, &path).unwrap();
        path
    }

    /// Runs `openssl` in this directory and returns its output.
    #[track_caller]
    pub fn openssl(&self, arguments: &[&str]) -> String {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .output()
            .expect("openssl is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate and its key in PEM.
#[derive(Clone)]
pub struct Pair {
    pub cert: String,
    pub key: String,
}

/// The parameters of a certificate for these names.
pub fn names(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "a server");
    params
}

/// The parameters of a certificate that expired in 2001.
pub fn expired(of: &[&str]) -> CertificateParams {
    let mut params = names(of);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2001, 1, 1);
    params
}

/// A certificate that signs itself.
pub fn self_signed(params: &CertificateParams) -> Pair {
    let key = KeyPair::generate().unwrap();
    Pair {
        cert: params.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// A certificate authority for tests.
pub struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn key_pem(&self) -> String {
        self.0.key().serialize_pem()
    }

    pub fn sign(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        Pair {
            cert: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    pub fn server(&self, of: &[&str]) -> Pair {
        self.sign(&names(of))
    }
}

/// Options that trust `ca`, whose certificate is written to `dir`.
pub fn trusting(dir: &Dir, ca: &Ca) -> TlsOptions {
    TlsOptions {
        cacertfile: Some(dir.file("ca.pem", &ca.pem())),
        ..TlsOptions::default()
    }
}

pub fn unverified() -> TlsOptions {
    TlsOptions {
        verify: Verify::None,
        ..TlsOptions::default()
    }
}

/// How the server differs from the default one.
#[derive(Default)]
pub struct Behaviour {
    pub versions: Option<Vec<&'static SupportedProtocolVersion>>,
    pub suites: Option<Vec<SupportedCipherSuite>>,
    /// If set, the server demands client certificates from this CA.
    pub client_ca: Option<String>,
    pub alpn: Vec<&'static str>,
}

/// What the server saw of one connection.
#[derive(Debug)]
pub struct Seen {
    pub sni: Option<String>,
    pub client: Option<CertificateDer<'static>>,
}

/// A server that handles one connection at a time.
pub struct Server {
    pub address: SocketAddr,
    listener: TcpListener,
    config: Arc<ServerConfig>,
}

impl Server {
    pub fn new(pair: &Pair) -> Self {
        Self::with(pair, Behaviour::default())
    }

    pub fn with(pair: &Pair, behaviour: Behaviour) -> Self {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pair.cert.as_bytes())
            .map(Result::unwrap)
            .collect();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let mut provider = ring::default_provider();
        if let Some(suites) = behaviour.suites {
            provider.cipher_suites = suites;
        }
        let provider: Arc<CryptoProvider> = Arc::new(provider);
        let versions = behaviour.versions.unwrap_or(rustls::ALL_VERSIONS.to_vec());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .unwrap();
        let builder = match behaviour.client_ca {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                roots
                    .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
                    .unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = behaviour
            .alpn
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            listener,
            config: Arc::new(config),
        }
    }

    fn serve_one(&self) -> JoinHandle<Result<Seen, String>> {
        let listener = self.listener.try_clone().unwrap();
        let config = Arc::clone(&self.config);
        std::thread::spawn(move || {
            let (socket, _) = listener.accept().map_err(|error| error.to_string())?;
            socket.set_read_timeout(Some(BOUND)).unwrap();
            let connection = ServerConnection::new(config).unwrap();
            let mut stream = StreamOwned::new(connection, socket);
            let mut ping = [0; 4];
            stream
                .read_exact(&mut ping)
                .map_err(|error| error.to_string())?;
            stream
                .write_all(b"pong")
                .map_err(|error| error.to_string())?;
            stream.flush().map_err(|error| error.to_string())?;
            Ok(Seen {
                sni: stream.conn.server_name().map(str::to_owned),
                client: stream
                    .conn
                    .peer_certificates()
                    .and_then(|chain| chain.first().cloned())
                    .map(CertificateDer::into_owned),
            })
        })
    }

    /// Connects `client` to this server. Returns what both sides saw, or the text of the client's
    /// error.
    pub fn meet(&self, client: &TlsClient) -> Result<(Agreed, Seen), String> {
        let server = self.serve_one();
        let agreed = connect(self.address, client);
        let seen = server.join().unwrap();
        let agreed = agreed?;
        Ok((agreed, seen.expect("the client was served")))
    }

    /// Makes a client for `host` and connects it.
    #[track_caller]
    pub fn try_with(&self, options: &TlsOptions, host: &str) -> Result<(Agreed, Seen), String> {
        let (client, _) = TlsClient::open(options, host, false).unwrap();
        self.meet(&client)
    }
}

/// What client and server agreed on.
#[derive(Debug, PartialEq, Eq)]
pub struct Agreed {
    pub version: String,
    pub suite: String,
    pub alpn: Option<String>,
}

/// Connects and exchanges four bytes each way.
pub fn connect(address: SocketAddr, client: &TlsClient) -> Result<Agreed, String> {
    exchange(address, client, b"ping", b"pong")
}

/// Connects, sends `ask` and reads the bytes of `answer`, which must arrive.
pub fn exchange(
    address: SocketAddr,
    client: &TlsClient,
    ask: &[u8],
    answer: &[u8],
) -> Result<Agreed, String> {
    let (config, name) = client.connector();
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(BOUND)).unwrap();
    let connection = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
    let mut stream = StreamOwned::new(connection, socket);
    stream.write_all(ask).map_err(|error| error.to_string())?;
    let mut got = vec![0; answer.len()];
    stream
        .read_exact(&mut got)
        .map_err(|error| error.to_string())?;
    assert_eq!(got, answer);
    Ok(Agreed {
        version: format!("{:?}", stream.conn.protocol_version().unwrap()),
        suite: format!(
            "{:?}",
            stream.conn.negotiated_cipher_suite().unwrap().suite()
        ),
        alpn: stream
            .conn
            .alpn_protocol()
            .map(|name| String::from_utf8(name.to_vec()).unwrap()),
    })
}
