//! Client certificates: demanded, presented, missing, and from unusable files.
#![allow(clippy::unwrap_used)]

mod tls_support;

use std::path::PathBuf;

use tls_support::client_auth::{Setting, setting};
use tls_support::{Behaviour, Ca, Dir, Server, names, trusting};
use transport::tls::TlsClient;
use transport::{Secret, TlsOptions};

#[test]
fn demanded_and_missing() {
    let setting = setting();
    let error = setting
        .server
        .try_with(&setting.options, "localhost")
        .unwrap_err();
    assert!(error.contains("CertificateRequired"), "{error}");
}

#[test]
fn demanded_and_given() {
    let setting = setting();
    let cert = setting.dir.file("client.pem", &setting.client.cert);
    let key = setting.dir.file("client.key", &setting.client.key);
    setting.accepted(&setting.with(cert, Some(key), None));
}

#[test]
fn certificate_and_key_in_one_file() {
    let setting = setting();
    for (first, second) in [
        (&setting.client.cert, &setting.client.key),
        (&setting.client.key, &setting.client.cert),
    ] {
        let both = setting.dir.file("both.pem", &format!("{first}{second}"));
        setting.accepted(&setting.with(both.clone(), None, None));
        setting.accepted(&setting.with(both.clone(), Some(both), None));
    }
    let cert = setting.dir.file("client.pem", &setting.client.cert);
    Setting::refused(
        &setting.with(cert, None, None),
        "certfile",
        "keyfile is not set",
    );
}

#[test]
fn the_whole_chain_is_sent() {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    // An intermediate CA, signed by the CA that the server trusts.
    dir.file("root.pem", &ca.pem());
    dir.file("root.key", &ca.key_pem());
    dir.file(
        "ext",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n",
    );
    dir.openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        "mid.key",
    ]);
    dir.openssl(&[
        "req", "-new", "-key", "mid.key", "-subj", "/CN=mid", "-out", "mid.csr",
    ]);
    dir.openssl(&[
        "x509",
        "-req",
        "-in",
        "mid.csr",
        "-CA",
        "root.pem",
        "-CAkey",
        "root.key",
        "-CAcreateserial",
        "-extfile",
        "ext",
        "-days",
        "30",
        "-out",
        "mid.pem",
    ]);
    dir.file(
        "leafext",
        "basicConstraints=CA:FALSE\nsubjectAltName=DNS:client\n",
    );
    dir.openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        "leaf.key",
    ]);
    dir.openssl(&[
        "req",
        "-new",
        "-key",
        "leaf.key",
        "-subj",
        "/CN=client",
        "-out",
        "leaf.csr",
    ]);
    dir.openssl(&[
        "x509",
        "-req",
        "-in",
        "leaf.csr",
        "-CA",
        "mid.pem",
        "-CAkey",
        "mid.key",
        "-CAcreateserial",
        "-extfile",
        "leafext",
        "-days",
        "30",
        "-out",
        "leaf.pem",
    ]);
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let behaviour = Behaviour {
        client_ca: Some(ca.pem()),
        ..Behaviour::default()
    };
    let server = Server::with(&ca.server(&["localhost"]), behaviour);
    let chain = dir.file(
        "chain.pem",
        &format!("{}{}", read("leaf.pem"), read("mid.pem")),
    );
    let options = TlsOptions {
        certfile: Some(chain),
        keyfile: Some(dir.path().join("leaf.key")),
        ..trusting(&dir, &ca)
    };
    server.try_with(&options, "localhost").unwrap();
    let alone = TlsOptions {
        certfile: Some(dir.path().join("leaf.pem")),
        ..options
    };
    server.try_with(&alone, "localhost").unwrap_err();
}

#[test]
fn unusable_files() {
    let setting = setting();
    let dir = &setting.dir;
    let cert = dir.file("client.pem", &setting.client.cert);
    let key = dir.file("client.key", &setting.client.key);
    let other = dir.file("other.key", &tls_support::self_signed(&names(&["x"])).key);
    let none = dir.path().join("none.pem");
    let refused = |cert: &PathBuf, key: &PathBuf, option, word| {
        Setting::refused(
            &setting.with(cert.clone(), Some(key.clone()), None),
            option,
            word,
        );
    };
    refused(&none, &key, "certfile", "none.pem: No such file");
    refused(&cert, &none, "keyfile", "none.pem: No such file");
    refused(&key, &key, "certfile", "client.key: no certificate");
    refused(&cert, &cert, "keyfile", "client.pem: no private key");
    refused(&cert, &other, "keyfile", "not that of");
    let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    refused(&cert, &dir.file("broken.key", broken), "keyfile", "P-384");
    let options = TlsOptions {
        keyfile: Some(none),
        ..setting.options.clone()
    };
    let (_, warnings) = TlsClient::open(&options, "localhost", false).unwrap();
    assert_eq!(warnings[0].option, "connection.tls.keyfile");
}

#[test]
fn passwords_are_not_shown() {
    let options = TlsOptions {
        password: Some(Secret::new("s3cret")),
        ..TlsOptions::default()
    };
    let (client, _) = TlsClient::open(&options, "localhost", false).unwrap();
    assert!(!format!("{options:?} {client:?}").contains("s3cret"));
}
