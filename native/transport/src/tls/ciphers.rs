//! `ciphers`: an OpenSSL cipher string, which selects among the suites that rustls supports.
//!
//! The language is that of `openssl ciphers`. Names and aliases add suites in turn, `-` removes suites,
//! `!` bans them for good, a leading `+` moves them to the end, `A+B` selects what both select, and
//! `@STRENGTH` sorts. The resulting order is the order of preference.
//!
//! One thing differs from OpenSSL. There the string does not affect TLS 1.3, but OTP, to which the host
//! passes the string, offers only the listed suites. So here, too, a list of names means only these
//! suites. OTP knows no aliases. Here an alias selects TLS 1.3 suites with the rest (`ECDHE+AESGCM`
//! does), because an operator who uses aliases knows them from OpenSSL and expects TLS 1.3 to stay.

use rustls::crypto::ring::cipher_suite as suite;
use rustls::{ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion};

use crate::{ConfigError, Warning};

const OPTION: &str = "connection.tls.ciphers";

/// Every supported suite with its OpenSSL name, in the library's order of preference.
const SUITES: [(SupportedCipherSuite, &str); 9] = [
    (suite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (suite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    (
        suite::TLS13_CHACHA20_POLY1305_SHA256,
        "TLS_CHACHA20_POLY1305_SHA256",
    ),
    (
        suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-ECDSA-AES256-GCM-SHA384",
    ),
    (
        suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ),
    (
        suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ),
    (
        suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-RSA-AES256-GCM-SHA384",
    ),
    (
        suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-RSA-AES128-GCM-SHA256",
    ),
    (
        suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-RSA-CHACHA20-POLY1305",
    ),
];

/// The suites that `text` selects, in order of preference. Removes each version from `versions` for
/// which no suite is left.
///
/// # Errors
///
/// No usable suite is left.
pub(super) fn select(
    text: &str,
    versions: &mut Vec<&'static SupportedProtocolVersion>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<SupportedCipherSuite>, ConfigError> {
    let mut choice = Choice::default();
    for word in text
        .split([':', ',', ';', ' '])
        .filter(|word| !word.is_empty())
    {
        choice.apply(word);
    }
    // OTP treats an empty string as unset.
    if text.trim().is_empty() {
        choice.apply("ALL");
    }
    if choice.suites.is_empty() {
        let names: Vec<_> = SUITES.iter().map(|(_, name)| *name).collect();
        return Err(ConfigError::new(
            OPTION,
            format!(
                "{text:?} leaves no usable suite; there are {}",
                names.join(", ")
            ),
        ));
    }
    if !choice.unusable.is_empty() {
        let text = format!(
            "not offered, because this TLS library has no such suite: {}",
            choice.unusable.join(", ")
        );
        warnings.push(Warning::new(OPTION, text));
    }
    let suites: Vec<_> = choice.suites.iter().map(|&index| SUITES[index].0).collect();
    let (kept, dropped): (Vec<_>, Vec<&'static SupportedProtocolVersion>) = versions
        .iter()
        .copied()
        .partition(|version| suites.iter().any(|suite| suite.version() == *version));
    if kept.is_empty() {
        return Err(ConfigError::new(
            OPTION,
            format!("{text:?} has no suite for the versions in connection.tls.versions"),
        ));
    }
    for version in dropped {
        let (name, example) = match version.version {
            ProtocolVersion::TLSv1_3 => ("TLS 1.3", "TLS_AES_256_GCM_SHA384"),
            _ => ("TLS 1.2", "ECDHE+AESGCM"),
        };
        warnings.push(Warning::new(
            OPTION,
            format!("names no suite of {name}, so {name} is not offered; to offer it, add for example {example}"),
        ));
    }
    *versions = kept;
    Ok(suites)
}

/// The result of the words read so far. Suites are indexes into [`SUITES`].
#[derive(Default)]
struct Choice {
    suites: Vec<usize>,
    banned: Vec<usize>,
    unusable: Vec<String>,
}

impl Choice {
    fn apply(&mut self, word: &str) {
        if let Some(command) = word.strip_prefix('@') {
            self.command(command);
        } else if let Some(word) = word.strip_prefix('!') {
            self.banned.extend(selected(word, true));
            self.suites.retain(|suite| !self.banned.contains(suite));
        } else if let Some(word) = word.strip_prefix('-') {
            let gone = selected(word, true);
            self.suites.retain(|suite| !gone.contains(suite));
        } else if let Some(word) = word.strip_prefix('+') {
            let last = selected(word, true);
            // The sort is stable, and false (for suites that stay) sorts before true.
            self.suites.sort_by_key(|suite| last.contains(suite));
        } else {
            let found = selected(word, false);
            if found.is_empty() {
                self.unusable.push(word.to_owned());
            }
            for suite in found {
                if !self.suites.contains(&suite) && !self.banned.contains(&suite) {
                    self.suites.push(suite);
                }
            }
        }
    }

    fn command(&mut self, command: &str) {
        match command.to_ascii_uppercase().as_str() {
            "STRENGTH" => self
                .suites
                .sort_by_key(|&suite| std::cmp::Reverse(bits(suite))),
            // All suites have at least the 128 bits of level 3.
            "SECLEVEL=4" | "SECLEVEL=5" => self.suites.retain(|&suite| bits(suite) >= 256),
            "SECLEVEL=0" | "SECLEVEL=1" | "SECLEVEL=2" | "SECLEVEL=3" => {}
            _ => self.unusable.push(format!("@{command}")),
        }
    }
}

fn bits(suite: usize) -> u16 {
    if is_about(suite, "AES128") { 128 } else { 256 }
}

/// Whether the suite's name contains `part`, ignoring punctuation.
fn is_about(suite: usize, part: &str) -> bool {
    SUITES[suite].1.replace(['-', '_'], "").contains(part)
}

/// The suites that every part of `A+B` selects.
fn selected(word: &str, removing: bool) -> Vec<usize> {
    let parts: Vec<_> = word.split('+').map(str::to_ascii_uppercase).collect();
    (0..SUITES.len())
        .filter(|&suite| parts.iter().all(|part| selects(part, suite, removing)))
        .collect()
}

/// Whether a name or an alias, in upper case, selects a suite. A TLS 1.3 suite does not include the key
/// exchange and authentication, so aliases for those add TLS 1.3 suites but do not remove them.
fn selects(word: &str, suite: usize, removing: bool) -> bool {
    let (supported, name) = SUITES[suite];
    let tls13 = supported.tls13().is_some();
    match word {
        "ALL" | "DEFAULT" | "HIGH" => true,
        "AES" | "AESGCM" | "AES128" | "AES256" | "CHACHA20" => {
            is_about(suite, word.trim_end_matches("GCM"))
        }
        "TLSV1.2" => !tls13,
        "TLSV1.3" => tls13,
        "ECDHE" | "EECDH" | "KECDHE" | "KEECDH" | "ECDH" => !(tls13 && removing),
        "ARSA" => is_about(suite, "ECDHERSA") || tls13 && !removing,
        "AECDSA" | "ECDSA" => is_about(suite, "ECDHEECDSA") || tls13 && !removing,
        _ => {
            let iana = format!("{:?}", supported.suite());
            word == name || word == iana
        }
    }
}

#[cfg(test)]
mod tests;
