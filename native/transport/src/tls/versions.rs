//! `versions`: the protocol versions to offer.

use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, SupportedProtocolVersion};

use crate::{ConfigError, Warning};

const OPTION: &str = "connection.tls.versions";

/// The versions to offer; all supported ones if none is named.
///
/// # Errors
///
/// A name is unknown, or no version is left to offer.
pub(super) fn resolve(
    names: Option<&[String]>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<&'static SupportedProtocolVersion>, ConfigError> {
    let Some(names) = names else {
        return Ok(ALL_VERSIONS.to_vec());
    };
    let mut versions = Vec::new();
    let mut missing = Vec::new();
    for name in names {
        match name.as_str() {
            "tlsv1.3" => versions.push(&TLS13),
            "tlsv1.2" => versions.push(&TLS12),
            old @ ("tlsv1.1" | "tlsv1" | "sslv3") => missing.push(old),
            other => {
                return Err(ConfigError::new(
                    OPTION,
                    format!("{other:?} is not a version; expected \"tlsv1.2\" or \"tlsv1.3\""),
                ));
            }
        }
    }
    if versions.is_empty() {
        let what = if missing.is_empty() {
            "is empty".to_owned()
        } else {
            format!(
                "{} cannot be offered, and nothing else is named",
                missing.join(", ")
            )
        };
        return Err(ConfigError::new(
            OPTION,
            format!("{what}; add \"tlsv1.2\" or \"tlsv1.3\""),
        ));
    }
    if !missing.is_empty() {
        let text = format!(
            "{} cannot be offered, only tlsv1.2 and tlsv1.3",
            missing.join(", ")
        );
        warnings.push(Warning::new(OPTION, text));
    }
    Ok(versions)
}
