//! TLS against OpenSSL's own server, with certificates made by OpenSSL.
#![allow(clippy::unwrap_used)]

mod tls_support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tls_support::{Agreed, Dir, exchange, unverified};
use transport::TlsOptions;
use transport::tls::TlsClient;

/// `openssl s_server -www`, which answers a GET with a page that describes the connection.
struct SServer {
    child: Child,
    address: SocketAddr,
}

impl SServer {
    fn start(dir: &Dir, arguments: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args([
                "s_server",
                "-www",
                "-accept",
                "127.0.0.1:0",
                "-cert",
                "server.pem",
            ])
            .args(["-key", "server.key"])
            .args(arguments)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().unwrap().unwrap();
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.parse().unwrap();
            }
        };
        // Keep reading, so that the server does not block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn get(&self, options: &TlsOptions, host: &str) -> Result<Agreed, String> {
        let (client, _) = TlsClient::open(options, host, false).unwrap();
        let ask = b"GET / HTTP/1.0\r\n\r\n";
        exchange(self.address, &client, ask, b"HTTP/1.0 200 ok\r\n")
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a CA in `ca.pem`, a server certificate with an RSA key, a client certificate, and an unrelated
/// CA.
fn certificates() -> Dir {
    let dir = Dir::new();
    dir.file("server.ext", "subjectAltName=DNS:localhost\n");
    dir.file("client.ext", "subjectAltName=DNS:client\n");
    for ca in ["ca", "other"] {
        dir.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            &format!("/CN={ca}"),
            "-keyout",
            &format!("{ca}.key"),
            "-out",
            &format!("{ca}.pem"),
            "-days",
            "30",
        ]);
    }
    for name in ["server", "client"] {
        let file = |extension: &str| format!("{name}.{extension}");
        dir.openssl(&[
            "req",
            "-new",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            &file("key"),
            "-out",
            &file("csr"),
        ]);
        dir.openssl(&[
            "x509",
            "-req",
            "-in",
            &file("csr"),
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-extfile",
            &file("ext"),
            "-days",
            "30",
            "-out",
            &file("pem"),
        ]);
    }
    dir
}

fn trusting(dir: &Dir, ca: &str) -> TlsOptions {
    TlsOptions {
        cacertfile: Some(dir.path().join(ca)),
        ..TlsOptions::default()
    }
}

#[test]
fn both_versions_verified() {
    let dir = certificates();
    for (flag, version) in [("-tls1_2", "TLSv1_2"), ("-tls1_3", "TLSv1_3")] {
        let server = SServer::start(&dir, &[flag]);
        let agreed = server.get(&trusting(&dir, "ca.pem"), "localhost").unwrap();
        assert_eq!(agreed.version, version);
        let error = server
            .get(&trusting(&dir, "other.pem"), "localhost")
            .unwrap_err();
        assert!(error.contains("UnknownIssuer"), "{error}");
        let error = server
            .get(&trusting(&dir, "ca.pem"), "elsewhere")
            .unwrap_err();
        assert!(error.contains("not valid for name"), "{error}");
        server.get(&unverified(), "elsewhere").unwrap();
    }
}

#[test]
fn ciphers_as_openssl_calls_them() {
    let dir = certificates();
    let server = SServer::start(&dir, &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]);
    let with = |ciphers: &str| TlsOptions {
        ciphers: Some(ciphers.to_owned()),
        ..trusting(&dir, "ca.pem")
    };
    let agreed = server
        .get(&with("ECDHE-RSA-AES128-GCM-SHA256"), "localhost")
        .unwrap();
    assert_eq!(agreed.suite, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    server.get(&with("HIGH:!aNULL"), "localhost").unwrap();
    let error = server
        .get(&with("ECDHE-RSA-AES256-GCM-SHA384"), "localhost")
        .unwrap_err();
    assert!(error.contains("HandshakeFailure"), "{error}");
}

#[test]
fn a_server_with_old_suites_only_is_refused() {
    let dir = certificates();
    let server = SServer::start(&dir, &["-tls1_2", "-cipher", "AES128-SHA256:@SECLEVEL=0"]);
    let error = server
        .get(&trusting(&dir, "ca.pem"), "localhost")
        .unwrap_err();
    assert!(error.contains("HandshakeFailure"), "{error}");
}

#[test]
fn client_certificates() {
    let dir = certificates();
    let demanding = ["-Verify", "1", "-verify_return_error", "-CAfile", "ca.pem"];
    dir.openssl(&[
        "pkcs8",
        "-topk8",
        "-in",
        "client.key",
        "-out",
        "secret.key",
        "-passout",
        "pass:s3cret",
    ]);
    for flag in ["-tls1_2", "-tls1_3"] {
        let server = SServer::start(&dir, &[&demanding[..], &[flag]].concat());
        let options = TlsOptions {
            certfile: Some(dir.path().join("client.pem")),
            keyfile: Some(dir.path().join("secret.key")),
            password: Some(transport::Secret::new("s3cret")),
            ..trusting(&dir, "ca.pem")
        };
        server.get(&options, "localhost").unwrap();
        let error = server
            .get(&trusting(&dir, "ca.pem"), "localhost")
            .unwrap_err();
        assert!(error.contains("alert"), "{error}");
    }
}

#[test]
fn differs_from_otp_an_x509_v1_certificate() {
    let dir = certificates();
    // Without extensions, OpenSSL makes an X.509 version 1 certificate.
    dir.openssl(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "30",
        "-out",
        "server.pem",
    ]);
    let text = dir.openssl(&["x509", "-in", "server.pem", "-noout", "-text"]);
    assert!(text.contains("Version: 1 "), "{text}");
    let server = SServer::start(&dir, &[]);
    let error = server
        .get(&trusting(&dir, "ca.pem"), "localhost")
        .unwrap_err();
    assert!(error.contains("UnsupportedCertVersion"), "{error}");
    server.get(&unverified(), "localhost").unwrap();
}
