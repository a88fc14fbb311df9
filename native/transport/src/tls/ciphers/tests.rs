//! Cipher strings as operators write them, and the suites that are offered for them.

use rustls::ALL_VERSIONS;
use rustls::version::{TLS12, TLS13};

use super::{SUITES, SupportedProtocolVersion, select};
use crate::ConfigError;

struct Outcome {
    names: Vec<&'static str>,
    versions: Vec<&'static SupportedProtocolVersion>,
    warnings: Vec<String>,
}

fn choose_from(
    versions: &[&'static SupportedProtocolVersion],
    text: &str,
) -> Result<Outcome, ConfigError> {
    let mut versions = versions.to_vec();
    let mut warnings = Vec::new();
    let suites = select(text, &mut versions, &mut warnings)?;
    let name = |suite| SUITES.iter().find(|(known, _)| *known == suite).unwrap().1;
    Ok(Outcome {
        names: suites.into_iter().map(name).collect(),
        versions,
        warnings: warnings.iter().map(ToString::to_string).collect(),
    })
}

#[track_caller]
fn choose(text: &str) -> Outcome {
    choose_from(ALL_VERSIONS, text).unwrap()
}

#[test]
fn names_mean_these_and_no_others() {
    let chosen = choose("ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384");
    let expected = [
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
    ];
    assert_eq!(chosen.names, expected);
    assert_eq!(chosen.versions, [&TLS12]);
    assert_eq!(chosen.warnings.len(), 1);
    assert!(chosen.warnings[0].contains("TLS 1.3 is not offered"));

    let chosen = choose("TLS_CHACHA20_POLY1305_SHA256");
    assert_eq!(chosen.names, ["TLS_CHACHA20_POLY1305_SHA256"]);
    assert_eq!(chosen.versions, [&TLS13]);

    let chosen = choose("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_eq!(chosen.names, ["ECDHE-RSA-AES128-GCM-SHA256"]);
}

#[test]
fn aliases_keep_tls_1_3() {
    for text in [
        "HIGH:!aNULL:!MD5",
        "DEFAULT",
        "ALL",
        "",
        "HIGH:!aNULL:@SECLEVEL=2",
    ] {
        let chosen = choose(text);
        assert_eq!(chosen.names.len(), 9, "{text}");
        assert_eq!(chosen.warnings, [""; 0], "{text}");
    }
    let chosen = choose("ECDHE+AESGCM");
    assert!(chosen.names.iter().all(|name| name.contains("GCM")));
    assert_eq!(chosen.names.len(), 6);
    assert_eq!(chosen.versions.len(), 2);
    let chosen = choose("EECDH+aRSA+AES128");
    assert_eq!(
        chosen.names,
        ["TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"]
    );
}

#[test]
fn taking_away_and_banning() {
    let chosen = choose("ALL:-ECDSA:!CHACHA20:CHACHA20:ECDHE-ECDSA-AES128-GCM-SHA256");
    let expected = [
        "TLS_AES_256_GCM_SHA384",
        "TLS_AES_128_GCM_SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ];
    assert_eq!(chosen.names, expected);
}

#[test]
fn order() {
    let chosen = choose("AES128:AES256:@STRENGTH:+TLSv1.3");
    assert!(chosen.names[0].contains("AES256"));
    assert_eq!(chosen.names[2], "ECDHE-ECDSA-AES128-GCM-SHA256");
    assert_eq!(chosen.names[4], "TLS_AES_256_GCM_SHA384");
    assert_eq!(chosen.names[5], "TLS_AES_128_GCM_SHA256");
    assert!(
        !choose("ALL:@SECLEVEL=5")
            .names
            .iter()
            .any(|name| name.contains("128-GCM"))
    );
}

#[test]
fn what_is_lacking_is_named() {
    let chosen = choose("AESGCM:DHE-RSA-AES256-SHA:kRSA:@FOO");
    assert_eq!(chosen.names.len(), 6);
    assert!(chosen.warnings[0].ends_with(": DHE-RSA-AES256-SHA, kRSA, @FOO"));
}

#[test]
fn nothing_left_is_an_error() {
    let error = choose_from(ALL_VERSIONS, "AES256-SHA:!aNULL")
        .err()
        .unwrap();
    assert_eq!(error.option, "connection.tls.ciphers");
    assert!(error.text.contains("ECDHE-RSA-AES256-GCM-SHA384"));
    let error = choose_from(&[&TLS13], "ECDHE-RSA-AES256-GCM-SHA384")
        .err()
        .unwrap();
    assert!(error.text.contains("versions"));
    assert!(choose_from(&[&TLS12], "ALL").unwrap().warnings.is_empty());
}
