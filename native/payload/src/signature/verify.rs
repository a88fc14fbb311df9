//! The receiver's side of Standard Webhooks: whether the signatures of a request are good.

use ring::hmac;
use ring::signature::{ED25519, KeyPair, UnparsedPublicKey};
use thiserror::Error;

use super::{ED25519_BYTES, KeyError, Kind, STANDARD, SigningKey, decode};
use base64::Engine;

/// How many seconds the time of an attempt may differ from the receiver's clock, as in the libraries of Standard Webhooks.
pub const TOLERANCE: u64 = 300;

/// A key that checks signatures: a secret (`whsec_`, `whsk_`) or a public key (`whpk_`).
pub struct VerifyingKey(Check);

enum Check {
    Hmac(hmac::Key),
    Ed25519(UnparsedPublicKey<Vec<u8>>),
}

/// Whether a request is signed by one of the keys. Only [`Verification::Valid`] may be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Verification {
    /// A signature of this version (`v1` or `v1a`) is good.
    #[error("valid ({0})")]
    Valid(&'static str),
    /// A header is missing.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// `webhook-timestamp` is not a number of seconds.
    #[error("webhook-timestamp is not a number of seconds")]
    BadTimestamp,
    /// A signature is good, but the time of the attempt is too far from now: perhaps a recorded request.
    #[error("signed {seconds} seconds {}, and {TOLERANCE} are allowed", if *.ahead { "ahead of this clock" } else { "ago" })]
    Time {
        /// The distance.
        seconds: u64,
        /// The time of the attempt is in the future.
        ahead: bool,
    },
    /// There are signatures, of no version that is known or that there is a key for.
    #[error("no signature is of a version that the keys are for")]
    OtherVersion,
    /// No signature is that of a key: another secret, or other bytes than were signed.
    #[error("no signature fits the keys and the body")]
    Wrong,
}

impl Verification {
    /// Whether the request is signed by one of the keys, just now.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        matches!(self, Self::Valid(_))
    }
}

impl VerifyingKey {
    /// Reads a key with its prefix.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if let Some(encoded) = text.strip_prefix("whpk_") {
            let bytes = decode("whpk_", encoded)?;
            if bytes.len() != ED25519_BYTES {
                return Err(KeyError::PublicLength(bytes.len()));
            }
            return Ok(Self::ed25519(bytes));
        }
        Ok(match SigningKey::parse(text)?.0 {
            Kind::Hmac(key) => Self(Check::Hmac(key)),
            Kind::Ed25519(pair) => Self::ed25519(pair.public_key().as_ref().to_vec()),
        })
    }

    fn ed25519(public: Vec<u8>) -> Self {
        Self(Check::Ed25519(UnparsedPublicKey::new(&ED25519, public)))
    }

    const fn version(&self) -> &'static str {
        match &self.0 {
            Check::Hmac(_) => "v1",
            Check::Ed25519(_) => "v1a",
        }
    }

    fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Check::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            Check::Ed25519(key) => key.verify(message, signature).is_ok(),
        }
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}...\"", self.version())
    }
}

/// Checks the three header values of a request with the bytes of its body as they were sent. `now` is in seconds
/// since the epoch.
#[must_use]
pub fn verify(
    keys: &[VerifyingKey],
    id: Option<&str>,
    timestamp: Option<&str>,
    signatures: Option<&str>,
    body: &[u8],
    now: u64,
) -> Verification {
    let Some(id) = id else {
        return Verification::Missing("webhook-id");
    };
    let Some(timestamp) = timestamp else {
        return Verification::Missing("webhook-timestamp");
    };
    let Some(signatures) = signatures else {
        return Verification::Missing("webhook-signature");
    };
    // `parse` alone would accept a sign.
    let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let Some(signed_at) = timestamp.parse::<u64>().ok().filter(|_| digits) else {
        return Verification::BadTimestamp;
    };
    let message = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    let mut found = Verification::OtherVersion;
    for signature in signatures.split_ascii_whitespace() {
        let Some((version, encoded)) = signature.split_once(',') else {
            continue;
        };
        for key in keys.iter().filter(|key| key.version() == version) {
            let decoded = STANDARD.decode(encoded).unwrap_or_default();
            if key.accepts(&message, &decoded) {
                let seconds = now.abs_diff(signed_at);
                if seconds > TOLERANCE {
                    let ahead = signed_at > now;
                    return Verification::Time { seconds, ahead };
                }
                return Verification::Valid(key.version());
            }
            found = Verification::Wrong;
        }
    }
    found
}
