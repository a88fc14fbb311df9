//! Versions, cipher suites, ALPN and changed files, against a rustls server.
#![allow(clippy::unwrap_used)]

mod tls_support;

use rustls::crypto::ring::cipher_suite::{
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    TLS13_AES_128_GCM_SHA256,
};
use rustls::version::{TLS12, TLS13};
use tls_support::{Behaviour, Ca, Dir, Server, trusting, unverified};
use transport::TlsOptions;
use transport::tls::{Refreshed, TlsClient};

fn server(behaviour: Behaviour) -> Server {
    Server::with(&Ca::new("ca").server(&["localhost"]), behaviour)
}

fn versions(names: &[&str]) -> TlsOptions {
    TlsOptions {
        versions: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..unverified()
    }
}

fn ciphers(text: &str) -> TlsOptions {
    TlsOptions {
        ciphers: Some(text.to_owned()),
        ..unverified()
    }
}

#[test]
fn versions_are_those_that_are_named() {
    let both = server(Behaviour::default());
    for (names, version) in [
        (&["tlsv1.2", "tlsv1.3"][..], "TLSv1_3"),
        (&["tlsv1.3"], "TLSv1_3"),
        (&["tlsv1.2"], "TLSv1_2"),
        (&["tlsv1.1", "tlsv1.2"], "TLSv1_2"),
    ] {
        let (agreed, _) = both.try_with(&versions(names), "localhost").unwrap();
        assert_eq!(agreed.version, version, "{names:?}");
    }
    let (agreed, _) = both.try_with(&unverified(), "localhost").unwrap();
    assert_eq!(agreed.version, "TLSv1_3");
    let only13 = server(Behaviour {
        versions: Some(vec![&TLS13]),
        ..Behaviour::default()
    });
    assert!(
        only13
            .try_with(&versions(&["tlsv1.2"]), "localhost")
            .is_err()
    );
    let only12 = server(Behaviour {
        versions: Some(vec![&TLS12]),
        ..Behaviour::default()
    });
    assert!(
        only12
            .try_with(&versions(&["tlsv1.3"]), "localhost")
            .is_err()
    );
    only12.try_with(&unverified(), "localhost").unwrap();
}

#[test]
fn versions_that_do_not_exist_here() {
    let (_, warnings) =
        TlsClient::open(&versions(&["tlsv1", "tlsv1.3"]), "localhost", false).unwrap();
    assert_eq!(warnings[0].option, "connection.tls.versions");
    assert!(warnings[0].text.contains("tlsv1 cannot"), "{warnings:?}");
    for names in [
        &["tlsv1.1"][..],
        &["tlsv1", "sslv3"],
        &[],
        &["tlsv1.4"],
        &["TLSv1.2"],
    ] {
        let error = TlsClient::open(&versions(names), "localhost", false).unwrap_err();
        assert_eq!(error.option, "connection.tls.versions", "{names:?}");
        assert!(error.text.contains("tlsv1.2"), "{error}");
    }
}

#[test]
fn cipher_suites_are_those_that_are_named() {
    let all = server(Behaviour::default());
    for (text, suite) in [
        (
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        ),
        (
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS13_CHACHA20_POLY1305_SHA256",
        ),
        (
            "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
            "TLS13_AES_128_GCM_SHA256",
        ),
        (
            "CHACHA20:!TLSv1.3",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        ),
    ] {
        let (agreed, _) = all.try_with(&ciphers(text), "localhost").unwrap();
        assert_eq!(agreed.suite, suite, "{text}");
    }
    let chacha = server(Behaviour {
        suites: Some(vec![TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]),
        versions: Some(vec![&TLS12]),
        ..Behaviour::default()
    });
    assert!(chacha.try_with(&ciphers("AESGCM"), "localhost").is_err());
    let aes = server(Behaviour {
        suites: Some(vec![
            TLS13_AES_128_GCM_SHA256,
            TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ]),
        ..Behaviour::default()
    });
    let (agreed, _) = aes.try_with(&ciphers("AES"), "localhost").unwrap();
    assert_eq!(agreed.version, "TLSv1_3");
    assert!(aes.try_with(&ciphers("AES256"), "localhost").is_err());
}

#[test]
fn cipher_suites_that_do_not_exist_here() {
    let text = "ECDHE-RSA-AES256-SHA384:AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256:AESGCM";
    let (_, warnings) = TlsClient::open(&ciphers(text), "localhost", false).unwrap();
    assert_eq!(warnings[0].option, "connection.tls.ciphers");
    for name in text.split(':').take(3) {
        assert!(warnings[0].text.contains(name), "{warnings:?}");
    }
    let error = TlsClient::open(&ciphers("AES256-SHA:RC4-MD5"), "localhost", false).unwrap_err();
    assert_eq!(error.option, "connection.tls.ciphers");
    let contradiction = TlsOptions {
        versions: Some(vec!["tlsv1.3".to_owned()]),
        ..ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    };
    let error = TlsClient::open(&contradiction, "localhost", false).unwrap_err();
    assert!(error.text.contains("versions"), "{error}");
}

#[test]
fn http2_is_asked_for_where_it_is_set() {
    let both = server(Behaviour {
        alpn: vec!["h2", "http/1.1"],
        ..Behaviour::default()
    });
    for (http2, protocol) in [(true, Some("h2")), (false, None)] {
        let (client, _) = TlsClient::open(&unverified(), "localhost", http2).unwrap();
        let (agreed, _) = both.meet(&client).unwrap();
        assert_eq!(agreed.alpn.as_deref(), protocol);
    }
    let old = server(Behaviour {
        alpn: vec!["http/1.1"],
        ..Behaviour::default()
    });
    let (client, _) = TlsClient::open(&unverified(), "localhost", true).unwrap();
    let error = old.meet(&client).unwrap_err();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[test]
fn a_new_ca_file_is_taken_up() {
    let dir = Dir::new();
    let (old, new) = (Ca::new("old"), Ca::new("new"));
    let (client, _) = TlsClient::open(&trusting(&dir, &old), "localhost", false).unwrap();
    let before = Server::new(&old.server(&["localhost"]));
    let after = Server::new(&new.server(&["localhost"]));
    before.meet(&client).unwrap();
    after.meet(&client).unwrap_err();
    assert_eq!(client.refresh_now(), Refreshed::Unchanged);
    dir.file("ca.pem", &format!("{}{}", new.pem(), old.pem()));
    assert_eq!(client.refresh_now(), Refreshed::Renewed(vec![]));
    after.meet(&client).unwrap();
    dir.file("ca.pem", &new.pem());
    assert_eq!(client.refresh_now(), Refreshed::Renewed(vec![]));
    before.meet(&client).unwrap_err();
}

#[test]
fn a_bad_new_file_keeps_the_old_one_and_is_said_once() {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    let server = Server::new(&ca.server(&["localhost"]));
    let (client, _) = TlsClient::open(&trusting(&dir, &ca), "localhost", false).unwrap();
    dir.file("ca.pem", "half a fi");
    let Refreshed::Kept(error) = client.refresh_now() else {
        panic!("taken up");
    };
    assert!(error.text.contains("ca.pem: no PEM block"), "{error}");
    assert_eq!(client.refresh_now(), Refreshed::Unchanged);
    server.meet(&client).unwrap();
    std::fs::remove_file(dir.path().join("ca.pem")).unwrap();
    let Refreshed::Kept(error) = client.refresh_now() else {
        panic!("taken up");
    };
    assert!(error.text.contains("No such file"), "{error}");
    server.meet(&client).unwrap();
    dir.file("ca.pem", &ca.pem());
    assert_eq!(client.refresh_now(), Refreshed::Renewed(vec![]));
}

#[test]
fn a_new_client_certificate_is_taken_up_when_its_key_is_there_too() {
    let dir = Dir::new();
    let (ca, clients) = (Ca::new("ca"), Ca::new("clients"));
    let behaviour = Behaviour {
        client_ca: Some(clients.pem()),
        ..Behaviour::default()
    };
    let server = Server::with(&ca.server(&["localhost"]), behaviour);
    let (old, new) = (clients.server(&["old"]), clients.server(&["new"]));
    let options = TlsOptions {
        certfile: Some(dir.file("client.pem", &old.cert)),
        keyfile: Some(dir.file("client.key", &old.key)),
        ..trusting(&dir, &ca)
    };
    let (client, _) = TlsClient::open(&options, "localhost", false).unwrap();
    let shown = |client: &TlsClient| server.meet(client).unwrap().1.client.unwrap();
    let first = shown(&client);
    dir.file("client.pem", &new.cert);
    let Refreshed::Kept(error) = client.refresh_now() else {
        panic!("a certificate without its key was taken up");
    };
    assert!(error.text.contains("not that of"), "{error}");
    assert_eq!(shown(&client), first);
    dir.file("client.key", &new.key);
    assert_eq!(client.refresh_now(), Refreshed::Renewed(vec![]));
    assert_ne!(shown(&client), first);
}
