//! A server that demands client certificates, and the certificates that a client may present to it.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::PathBuf;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use transport::tls::TlsClient;
use transport::{Secret, TlsOptions};

use super::{Behaviour, Ca, Dir, Pair, Server, trusting};

/// A server that demands client certificates, options that trust the server, and a client's
/// certificate.
pub struct Setting {
    pub dir: Dir,
    pub server: Server,
    pub options: TlsOptions,
    pub client: Pair,
}

pub fn setting() -> Setting {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    let clients = Ca::new("clients");
    let behaviour = Behaviour {
        client_ca: Some(clients.pem()),
        ..Behaviour::default()
    };
    let client = clients.server(&["client"]);
    Setting {
        server: Server::with(&ca.server(&["localhost"]), behaviour),
        options: trusting(&dir, &ca),
        client,
        dir,
    }
}

impl Setting {
    pub fn with(&self, cert: PathBuf, key: Option<PathBuf>, password: Option<&str>) -> TlsOptions {
        TlsOptions {
            certfile: Some(cert),
            keyfile: key,
            password: password.map(Secret::new),
            ..self.options.clone()
        }
    }

    #[track_caller]
    pub fn accepted(&self, options: &TlsOptions) {
        let (_, seen) = self.server.try_with(options, "localhost").unwrap();
        let own = CertificateDer::from_pem_slice(self.client.cert.as_bytes()).unwrap();
        assert_eq!(seen.client, Some(own));
    }

    #[track_caller]
    pub fn refused(options: &TlsOptions, option: &str, word: &str) {
        let error = TlsClient::open(options, "localhost", false).unwrap_err();
        assert_eq!(error.option, format!("connection.tls.{option}"), "{error}");
        assert!(error.text.contains(word), "{error}");
    }
}

/// Makes `client.pem` with a key of the given kind, by OpenSSL and signed by the clients' CA.
fn openssl_pair(dir: &Dir, clients: &Ca, genpkey: &[&str]) -> Pair {
    dir.file("clients.pem", &clients.pem());
    dir.file("clients.key", &clients.key_pem());
    dir.openssl(&[&["genpkey", "-out", "plain.key"], genpkey].concat());
    dir.openssl(&[
        "req",
        "-new",
        "-key",
        "plain.key",
        "-subj",
        "/CN=client",
        "-out",
        "client.csr",
    ]);
    dir.file("ext", "subjectAltName=DNS:client\n");
    dir.openssl(&[
        "x509",
        "-req",
        "-in",
        "client.csr",
        "-CA",
        "clients.pem",
        "-CAkey",
        "clients.key",
        "-CAcreateserial",
        "-extfile",
        "ext",
        "-days",
        "30",
        "-out",
        "client.pem",
    ]);
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    Pair {
        cert: read("client.pem"),
        key: read("plain.key"),
    }
}

pub fn with_key(genpkey: &[&str]) -> Setting {
    let dir = Dir::new();
    let (ca, clients) = (Ca::new("ca"), Ca::new("clients"));
    let behaviour = Behaviour {
        client_ca: Some(clients.pem()),
        ..Behaviour::default()
    };
    Setting {
        server: Server::with(&ca.server(&["localhost"]), behaviour),
        options: trusting(&dir, &ca),
        client: openssl_pair(&dir, &clients, genpkey),
        dir,
    }
}
