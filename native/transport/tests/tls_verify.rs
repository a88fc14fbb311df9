//! What a server's certificate must satisfy, against a rustls server.
#![allow(clippy::unwrap_used)]

mod tls_support;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa};
use tls_support::{Ca, Dir, Pair, Server, expired, names, self_signed, trusting, unverified};
use transport::tls::TlsClient;
use transport::{TlsOptions, Verify};

const LOCALHOST: &[&str] = &["localhost"];

#[test]
fn right_and_wrong_ca() {
    let dir = Dir::new();
    let (ca, other) = (Ca::new("right"), Ca::new("other"));
    let options = trusting(&dir, &ca);
    let right = Server::new(&ca.server(LOCALHOST));
    let (_, seen) = right.try_with(&options, "localhost").unwrap();
    assert_eq!(seen.sni.as_deref(), Some("localhost"));
    let wrong = Server::new(&other.server(LOCALHOST));
    let error = wrong.try_with(&options, "localhost").unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[test]
fn the_system_store_is_used_without_a_ca_file_and_does_not_know_ours() {
    let server = Server::new(&Ca::new("ours").server(LOCALHOST));
    let error = server
        .try_with(&TlsOptions::default(), "localhost")
        .unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[test]
fn verification_off_accepts_everything() {
    let server = Server::new(&self_signed(&expired(&["elsewhere"])));
    server.try_with(&unverified(), "localhost").unwrap();
    let accepting = TlsOptions {
        accept_any: true,
        ..TlsOptions::default()
    };
    server.try_with(&accepting, "localhost").unwrap();
    let (_, warnings) = TlsClient::open(&unverified(), "localhost", false).unwrap();
    assert!(warnings[0].text.contains("not verified"), "{warnings:?}");
    let (_, warnings) = TlsClient::open(&accepting, "localhost", false).unwrap();
    assert_eq!(warnings[0].option, "connection.tls.disconnect_on_failure");
}

#[test]
fn an_expired_certificate_is_refused() {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    let server = Server::new(&ca.sign(&expired(LOCALHOST)));
    let error = server
        .try_with(&trusting(&dir, &ca), "localhost")
        .unwrap_err();
    assert!(error.contains("expired"), "{error}");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    let server = Server::new(&ca.server(&["elsewhere.example"]));
    let (client, _) = TlsClient::open(&trusting(&dir, &ca), "localhost", false).unwrap();
    assert_eq!(client.last_peer().certificate(), None);
    let error = server.meet(&client).unwrap_err();
    assert!(error.contains("not valid for name"), "{error}");
    // The refused certificate can be shown to the operator.
    let refused = client.last_peer().certificate().unwrap();
    assert_eq!(refused.names, ["elsewhere.example"]);
    assert_eq!(refused.subject, "CN=a server");
    assert_eq!(refused.issuer, "CN=ca");
}

#[test]
fn another_name_can_be_asked_for_and_checked() {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    let server = Server::new(&ca.server(&["elsewhere.example"]));
    let options = TlsOptions {
        sni_host: Some("elsewhere.example".into()),
        ..trusting(&dir, &ca)
    };
    let (_, seen) = server.try_with(&options, "localhost").unwrap();
    assert_eq!(seen.sni.as_deref(), Some("elsewhere.example"));
    // With `sni_host`, the name in the URL does not count.
    let server = Server::new(&ca.server(LOCALHOST));
    assert!(server.try_with(&options, "localhost").is_err());
}

#[test]
fn without_server_name_indication_the_name_is_not_checked_but_the_ca_is() {
    let dir = Dir::new();
    let (ca, other) = (Ca::new("ca"), Ca::new("other"));
    let options = TlsOptions {
        sni: false,
        ..trusting(&dir, &ca)
    };
    let server = Server::new(&ca.server(&["elsewhere.example"]));
    let (_, seen) = server.try_with(&options, "localhost").unwrap();
    assert_eq!(seen.sni, None);
    let server = Server::new(&other.server(LOCALHOST));
    assert!(server.try_with(&options, "localhost").is_err());
    let (_, warnings) = TlsClient::open(&options, "localhost", false).unwrap();
    assert_eq!(warnings[0].option, "connection.tls.server_name_indication");
}

#[test]
fn wildcards() {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    let server = Server::new(&ca.server(&["*.push.example"]));
    let with = |host: Option<&str>, protocol: Option<&str>| TlsOptions {
        sni_host: host.map(str::to_owned),
        sni_protocol: protocol.map(str::to_owned),
        ..trusting(&dir, &ca)
    };
    // A name from the URL follows the rules of https, whatever the protocol option says.
    server
        .try_with(&with(None, None), "a.push.example")
        .unwrap();
    server
        .try_with(&with(None, Some("default")), "a.push.example")
        .unwrap();
    assert!(
        server
            .try_with(&with(None, None), "a.b.push.example")
            .is_err()
    );
    let host = Some("a.push.example");
    server
        .try_with(&with(host, Some("https")), "localhost")
        .unwrap();
    for protocol in [None, Some("default")] {
        let error = server
            .try_with(&with(host, protocol), "localhost")
            .unwrap_err();
        assert!(error.contains("not valid for name"), "{error}");
    }
    let exact = Server::new(&ca.server(&["a.push.example"]));
    exact
        .try_with(&with(host, Some("default")), "localhost")
        .unwrap();
}

#[test]
fn addresses_are_checked_as_addresses() {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    let options = trusting(&dir, &ca);
    let server = Server::new(&ca.server(&["127.0.0.1", "::1"]));
    let (_, seen) = server.try_with(&options, "127.0.0.1").unwrap();
    assert_eq!(seen.sni, None);
    server.try_with(&options, "::1").unwrap();
    assert!(server.try_with(&options, "127.0.0.2").is_err());
}

/// Self-signed, as `openssl req -x509` makes them.
fn self_signed_ca(mut params: CertificateParams) -> Pair {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    self_signed(&params)
}

#[test]
fn self_signed_certificates() {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    let strict = trusting(&dir, &ca);
    let lenient = TlsOptions {
        verify: Verify::SelfsignedPeer,
        ..strict.clone()
    };
    for pair in [
        self_signed(&names(LOCALHOST)),
        self_signed_ca(names(LOCALHOST)),
    ] {
        let server = Server::new(&pair);
        server.try_with(&strict, "localhost").unwrap_err();
        server.try_with(&lenient, "localhost").unwrap();
        let error = server.try_with(&lenient, "elsewhere").unwrap_err();
        assert!(error.contains("not valid for name"), "{error}");
    }
    let server = Server::new(&self_signed(&expired(LOCALHOST)));
    let error = server.try_with(&lenient, "localhost").unwrap_err();
    assert!(error.contains("expired"), "{error}");
    let mut of_a_client = names(LOCALHOST);
    of_a_client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let error = Server::new(&self_signed(&of_a_client))
        .try_with(&lenient, "localhost")
        .unwrap_err();
    assert!(error.contains("Purpose"), "{error}");
    // It has its CA's name, but the CA signed it, not itself.
    let namesake = Ca::new("a server").server(LOCALHOST);
    let error = Server::new(&namesake)
        .try_with(&lenient, "localhost")
        .unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
    // `selfsigned_peer` accepts nothing else.
    Server::new(&ca.server(LOCALHOST))
        .try_with(&lenient, "localhost")
        .unwrap();
    let other = Server::new(&Ca::new("other").server(LOCALHOST));
    other.try_with(&lenient, "localhost").unwrap_err();
}

#[test]
fn a_certificate_that_is_itself_in_the_ca_file() {
    let dir = Dir::new();
    for pair in [
        self_signed(&names(LOCALHOST)),
        self_signed_ca(names(LOCALHOST)),
    ] {
        let pinned = TlsOptions {
            cacertfile: Some(dir.file("pinned.pem", &pair.cert)),
            ..TlsOptions::default()
        };
        let server = Server::new(&pair);
        server.try_with(&pinned, "localhost").unwrap();
        server.try_with(&pinned, "elsewhere").unwrap_err();
        let other = Server::new(&self_signed_ca(names(LOCALHOST)));
        other.try_with(&pinned, "localhost").unwrap_err();
    }
    let pair = self_signed_ca(expired(LOCALHOST));
    let pinned = TlsOptions {
        cacertfile: Some(dir.file("pinned.pem", &pair.cert)),
        ..TlsOptions::default()
    };
    Server::new(&pair)
        .try_with(&pinned, "localhost")
        .unwrap_err();
}

// Certificates that OTP 25 accepts and webpki does not; docs/configuration.md lists them.

#[test]
fn differs_from_otp_a_name_in_the_common_name_only() {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    let server = Server::new(&ca.sign(&params));
    let error = server
        .try_with(&trusting(&dir, &ca), "localhost")
        .unwrap_err();
    assert!(error.contains("not valid for"), "{error}");
}

#[test]
fn differs_from_otp_a_ca_certificate_as_the_servers_own() {
    let dir = Dir::new();
    let ca = Ca::new("ca");
    let mut params = names(LOCALHOST);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let server = Server::new(&ca.sign(&params));
    let error = server
        .try_with(&trusting(&dir, &ca), "localhost")
        .unwrap_err();
    assert!(error.contains("CaUsedAsEndEntity"), "{error}");
}

#[test]
fn unusable_ca_files() {
    let dir = Dir::new();
    let open = |cacertfile| {
        let options = TlsOptions {
            cacertfile: Some(cacertfile),
            ..TlsOptions::default()
        };
        TlsClient::open(&options, "localhost", false)
    };
    let key = self_signed(&names(LOCALHOST)).key;
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (file, word) in [
        (dir.path().join("none.pem"), "No such file"),
        (dir.path().to_owned(), "directory"),
        (dir.file("text.pem", "hello"), "no PEM block"),
        (dir.file("key.pem", &key), "no certificate"),
        (dir.file("broken.pem", broken), "no usable certificate"),
    ] {
        let error = open(file.clone()).unwrap_err();
        assert_eq!(error.option, "connection.tls.cacertfile");
        assert!(error.text.contains(word), "{error}");
        assert!(error.text.contains(&*file.to_string_lossy()), "{error}");
    }
    let relative = open("no/such/ca.pem".into()).unwrap_err();
    assert!(relative.text.contains("relative to /"), "{relative}");
    dir.file("ca.pem", &Ca::new("ca").pem());
    dir.openssl(&["x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der"]);
    let der = open(dir.path().join("ca.der")).unwrap_err();
    assert!(der.text.contains("it is DER"), "{der}");
    // One bad certificate among good ones is reported by name, and the good ones are used.
    let file = dir.file("mixed.pem", &format!("{broken}{}", Ca::new("ca").pem()));
    let (_, warnings) = open(file).unwrap();
    assert_eq!(warnings[0].option, "connection.tls.cacertfile");
    // Without verification the file is not needed.
    let options = TlsOptions {
        cacertfile: Some("none.pem".into()),
        ..unverified()
    };
    TlsClient::open(&options, "localhost", false).unwrap();
}

#[test]
fn options_without_effect_are_named() {
    let options = TlsOptions {
        ignored: vec!["dhfile".into()],
        ..TlsOptions::default()
    };
    let (_, warnings) = TlsClient::open(&options, "localhost", false).unwrap();
    assert!(warnings[0].text.contains("dhfile"), "{warnings:?}");
    let (_, warnings) = TlsClient::open(&TlsOptions::default(), "localhost", false).unwrap();
    assert_eq!(warnings, []);
}

#[test]
fn a_name_that_no_certificate_can_have() {
    let options = TlsOptions {
        sni_host: Some("a b".into()),
        ..TlsOptions::default()
    };
    let error = TlsClient::open(&options, "localhost", false).unwrap_err();
    assert_eq!(error.option, "connection.tls.server_name_indication.host");
    let error = TlsClient::open(&TlsOptions::default(), "-", false).unwrap_err();
    assert_eq!(error.option, "connection.host");
}
