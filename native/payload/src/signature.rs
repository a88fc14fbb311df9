//! Signatures of Standard Webhooks 1.0.0, over the bytes that are sent.
//!
//! What is signed is `{id}.{timestamp}.{body}`. A `whsec_` secret signs with HMAC-SHA256 (`v1`), a
//! `whsk_` secret with Ed25519 (`v1a`). A file has one secret a line; all of them sign side by side, so
//! that a receiver can change its key without losing a notification. No error and no `{:?}` shows any
//! part of a secret.

mod file;
mod verify;

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use http::{HeaderName, HeaderValue};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};
use thiserror::Error;

pub use file::{KeysError, parse_keys, parse_verifying_keys};
pub use verify::{TOLERANCE, Verification, VerifyingKey, verify};

/// Carries the id of the notification, which is the same on each attempt.
pub const ID: HeaderName = HeaderName::from_static("webhook-id");
/// Carries the time of the attempt, in seconds since the epoch.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
/// Carries the signatures, separated by spaces.
pub const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// How many bytes a `whsec_` secret may have.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The bytes of an Ed25519 seed, and of a public key.
const ED25519_BYTES: usize = 32;

/// Standard base64, with or without padding: generators differ in that.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A secret that signs.
pub struct SigningKey(Kind);

enum Kind {
    Hmac(hmac::Key),
    Ed25519(Box<Ed25519KeyPair>),
}

/// Why a text is not a secret. It says nothing about the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Neither `whsec_` nor `whsk_` stands in front.
    #[error("it starts with neither whsec_ (HMAC-SHA256) nor whsk_ (Ed25519)")]
    Prefix,
    /// It is a public key, which cannot sign.
    #[error("whpk_ is a public key, which cannot sign; the secret key starts with whsk_")]
    Public,
    /// What follows the prefix is not base64.
    #[error("what follows {0} is not base64")]
    Base64(&'static str),
    /// A `whsec_` secret is shorter than 24 bytes.
    #[error("the secret is too short: {0} bytes, and whsec_ needs 24 to 64")]
    TooShort(usize),
    /// A `whsec_` secret is longer than 64 bytes.
    #[error("the secret is too long: {0} bytes, and whsec_ allows 24 to 64")]
    TooLong(usize),
    /// A `whsk_` secret is neither a seed nor a seed with its public key.
    #[error("the key has {0} bytes; whsk_ needs 64 (seed and public key) or 32 (seed)")]
    Ed25519Length(usize),
    /// A `whpk_` public key is not one of Ed25519.
    #[error("the key has {0} bytes; whpk_ needs 32")]
    PublicLength(usize),
    /// The second half of a `whsk_` secret is not the public key of the first.
    #[error("the public key in its second half does not belong to the first half")]
    Mismatch,
}

impl SigningKey {
    /// Reads a secret with its prefix.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if let Some(encoded) = text.strip_prefix("whsec_") {
            let secret = decode("whsec_", encoded)?;
            if secret.len() < *SECRET_BYTES.start() {
                return Err(KeyError::TooShort(secret.len()));
            }
            if secret.len() > *SECRET_BYTES.end() {
                return Err(KeyError::TooLong(secret.len()));
            }
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            return Ok(Self(Kind::Hmac(key)));
        }
        if let Some(encoded) = text.strip_prefix("whsk_") {
            let key = ed25519(&decode("whsk_", encoded)?)?;
            return Ok(Self(Kind::Ed25519(Box::new(key))));
        }
        Err(if text.starts_with("whpk_") {
            KeyError::Public
        } else {
            KeyError::Prefix
        })
    }

    /// The signature with its version in front: `v1,…` or `v1a,…`.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let head = format!("{id}.{timestamp}.");
        match &self.0 {
            Kind::Hmac(key) => {
                let mut context = hmac::Context::with_key(key);
                context.update(head.as_bytes());
                context.update(body);
                format!("v1,{}", STANDARD.encode(context.sign()))
            }
            Kind::Ed25519(key) => {
                // Ed25519 reads the message twice, so it wants all of it at once.
                let message = [head.as_bytes(), body].concat();
                format!("v1a,{}", STANDARD.encode(key.sign(&message)))
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Hmac(_) => "\"whsec_...\"",
            Kind::Ed25519(_) => "\"whsk_...\"",
        })
    }
}

/// The value of [`SIGNATURE`]: the signature of each key. `None` without keys.
#[must_use]
pub fn value(keys: &[SigningKey], id: &str, timestamp: u64, body: &[u8]) -> Option<HeaderValue> {
    let signatures: Vec<_> = keys
        .iter()
        .map(|key| key.sign(id, timestamp, body))
        .collect();
    if signatures.is_empty() {
        return None;
    }
    // Base64, commas and spaces are legal in a value.
    HeaderValue::try_from(signatures.join(" ")).ok()
}

fn decode(prefix: &'static str, encoded: &str) -> Result<Vec<u8>, KeyError> {
    LENIENT
        .decode(encoded)
        .map_err(|_| KeyError::Base64(prefix))
}

fn ed25519(bytes: &[u8]) -> Result<Ed25519KeyPair, KeyError> {
    let wrong_length = KeyError::Ed25519Length(bytes.len());
    if bytes.len() != ED25519_BYTES && bytes.len() != 2 * ED25519_BYTES {
        return Err(wrong_length);
    }
    let (seed, public) = bytes.split_at(ED25519_BYTES);
    let key = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| wrong_length)?;
    if !public.is_empty() && key.public_key().as_ref() != public {
        return Err(KeyError::Mismatch);
    }
    Ok(key)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod verify_tests;
