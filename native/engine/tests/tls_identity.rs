//! Client certificates and their keys, in every form that OpenSSL writes them.
#![allow(clippy::unwrap_used)]

mod tls_support;

use std::path::PathBuf;

use engine::settings::{Secret, TlsOptions};
use engine::tls::TlsClient;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tls_support::{Behaviour, Ca, Dir, Pair, Server, names, trusting};

/// A server that demands client certificates, options that trust it, and a client's pair.
struct Setting {
    dir: Dir,
    server: Server,
    options: TlsOptions,
    client: Pair,
}

fn setting() -> Setting {
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
    fn with(&self, cert: PathBuf, key: Option<PathBuf>, password: Option<&str>) -> TlsOptions {
        TlsOptions {
            certfile: Some(cert),
            keyfile: key,
            password: password.map(Secret::new),
            ..self.options.clone()
        }
    }

    #[track_caller]
    fn accepted(&self, options: &TlsOptions) {
        let (_, seen) = self.server.try_with(options, "localhost").unwrap();
        let own = CertificateDer::from_pem_slice(self.client.cert.as_bytes()).unwrap();
        assert_eq!(seen.client, Some(own));
    }

    #[track_caller]
    fn refused(options: &TlsOptions, option: &str, word: &str) {
        let error = TlsClient::open(options, "localhost", false).unwrap_err();
        assert_eq!(error.option, format!("connection.tls.{option}"), "{error}");
        assert!(error.text.contains(word), "{error}");
    }
}

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
    // An intermediate, signed by the CA that the server knows.
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

/// `client.pem` with a key of the given kind, made by OpenSSL and signed by the clients' CA.
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

fn with_key(genpkey: &[&str]) -> Setting {
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

const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const EC: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// The key, rewritten by `openssl`, must open with its password and with no other.
#[track_caller]
fn encrypted(setting: &Setting, command: &[&str]) {
    let (dir, cert) = (&setting.dir, setting.dir.path().join("client.pem"));
    dir.openssl(
        &[
            command,
            &["-in", "plain.key", "-out", "secret.key"],
            &["-passout", "pass:s3cret"],
        ]
        .concat(),
    );
    let key = dir.path().join("secret.key");
    let text = std::fs::read_to_string(&key).unwrap();
    assert!(text.contains("ENCRYPTED"), "{text}");
    setting.accepted(&setting.with(cert.clone(), Some(key.clone()), Some("s3cret")));
    for wrong in ["S3cret", ""] {
        let options = setting.with(cert.clone(), Some(key.clone()), Some(wrong));
        Setting::refused(&options, "password", "cannot be decrypted");
    }
    let options = setting.with(cert.clone(), Some(key.clone()), None);
    Setting::refused(&options, "password", "no password is set");
    let both = dir.file("both.pem", &format!("{}{text}", setting.client.cert));
    setting.accepted(&setting.with(both, None, Some("s3cret")));
}

#[test]
fn encrypted_rsa_keys() {
    let setting = with_key(RSA);
    for command in [
        &["pkcs8", "-topk8"][..],
        &["pkcs8", "-topk8", "-v2", "aes-128-cbc"],
        &["pkcs8", "-topk8", "-v2", "des3"],
        &[
            "pkcs8",
            "-topk8",
            "-v2",
            "aes-256-cbc",
            "-v2prf",
            "hmacWithSHA512",
        ],
        &[
            "pkcs8",
            "-topk8",
            "-v2",
            "aes-256-cbc",
            "-v2prf",
            "hmacWithSHA1",
        ],
        &["pkcs8", "-topk8", "-scrypt", "-scrypt_N", "1024"],
        &["rsa", "-traditional", "-aes128"],
        &["rsa", "-traditional", "-aes192"],
        &["rsa", "-traditional", "-aes256"],
        &["rsa", "-traditional", "-des3"],
    ] {
        encrypted(&setting, command);
    }
}

#[test]
fn encrypted_ec_keys() {
    let setting = with_key(EC);
    for command in [
        &["pkcs8", "-topk8", "-v2", "aes-256-cbc"][..],
        &["ec", "-aes256"],
        &["ec", "-des3"],
    ] {
        encrypted(&setting, command);
    }
}

#[test]
fn a_cipher_that_is_not_supported_is_named() {
    let setting = with_key(RSA);
    let (dir, cert) = (&setting.dir, setting.dir.path().join("client.pem"));
    let key = dir.path().join("camellia.key");
    dir.openssl(&[
        "rsa",
        "-traditional",
        "-camellia128",
        "-in",
        "plain.key",
        "-out",
        "camellia.key",
        "-passout",
        "pass:s3cret",
    ]);
    let options = setting.with(cert, Some(key), Some("s3cret"));
    Setting::refused(&options, "keyfile", "CAMELLIA-128-CBC");
}

#[test]
fn plain_keys_in_every_form() {
    let setting = with_key(RSA);
    let cert = setting.dir.path().join("client.pem");
    setting.dir.openssl(&[
        "rsa",
        "-traditional",
        "-in",
        "plain.key",
        "-out",
        "pkcs1.key",
    ]);
    for key in ["plain.key", "pkcs1.key"] {
        let key = setting.dir.path().join(key);
        setting.accepted(&setting.with(cert.clone(), Some(key.clone()), None));
        // A password that is not needed does no harm.
        setting.accepted(&setting.with(cert.clone(), Some(key), Some("s3cret")));
    }
    let setting = with_key(EC);
    let cert = setting.dir.path().join("client.pem");
    setting
        .dir
        .openssl(&["ec", "-in", "plain.key", "-out", "sec1.key"]);
    // `openssl ecparam -genkey` puts the curve before the key.
    let curve = setting.dir.openssl(&["ecparam", "-name", "prime256v1"]);
    let sec1 = std::fs::read_to_string(setting.dir.path().join("sec1.key")).unwrap();
    setting.dir.file("params.key", &format!("{curve}{sec1}"));
    for key in ["plain.key", "sec1.key", "params.key"] {
        setting.accepted(&setting.with(cert.clone(), Some(setting.dir.path().join(key)), None));
    }
    let setting = with_key(&["-algorithm", "ED25519"]);
    let cert = setting.dir.path().join("client.pem");
    setting.accepted(&setting.with(cert, Some(setting.dir.path().join("plain.key")), None));
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
    refused(
        &cert,
        &dir.file("broken.key", broken),
        "keyfile",
        "cannot be used",
    );
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
