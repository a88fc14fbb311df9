//! Private keys in every form that OpenSSL writes them, with and without a password.
#![allow(clippy::unwrap_used)]

mod tls_support;

use tls_support::client_auth::{Setting, with_key};

const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const EC: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// A key rewritten by `openssl` must open with its password and with no other.
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
fn a_wrong_password_that_leaves_valid_padding_is_wrong_all_the_same() {
    let setting = with_key(EC);
    let (dir, cert) = (&setting.dir, setting.dir.path().join("client.pem"));
    dir.openssl(&[
        "ec",
        "-aes128",
        "-in",
        "plain.key",
        "-out",
        "secret.key",
        "-passout",
        "pass:s3cret",
    ]);
    let key = dir.path().join("secret.key");
    // One wrong password in 256 leaves valid padding, so some of these do.
    for number in 0..1500 {
        let options = setting.with(cert.clone(), Some(key.clone()), Some(&number.to_string()));
        Setting::refused(&options, "password", "cannot be decrypted");
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
        // A password that is not needed is harmless.
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
