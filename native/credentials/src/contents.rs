//! What the content of each file or variable has to be, for who looks at it before the node does. It is what the node
//! itself demands, in the same words, and no word of the content is among them.

use std::sync::Arc;

use payload::{header, signature};

use crate::fields::{basic, bearer, one_line};
use crate::token::{google, oauth2};
use crate::{Tools, path_secret};

/// What a file or variable is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The value of a header field: `value_file`, `value_env`.
    Header,
    /// `bearer_file`, `bearer_env`.
    Bearer,
    /// `basic_password_file`, `basic_password_env`.
    Password,
    /// `client_secret_file`, `client_secret_env`.
    ClientSecret,
    /// `google_service_account_file`.
    ServiceAccount,
    /// `signing.secret_file`, `signing.secret_env`.
    SigningKeys,
    /// `path_secret_file`, `path_secret_env`.
    PathPart,
}

impl Content {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Header,
        Self::Bearer,
        Self::Password,
        Self::ClientSecret,
        Self::ServiceAccount,
        Self::SigningKeys,
        Self::PathPart,
    ];

    /// Whether the node could use this.
    ///
    /// # Errors
    ///
    /// Why it could not. The text shows nothing of the content.
    pub fn check(self, content: &[u8]) -> Result<(), String> {
        match self {
            Self::Header => {
                let value = header::check(b"x", one_line(content)?);
                value.map(drop).map_err(|error| error.to_string())
            }
            Self::Bearer => bearer(one_line(content)?).map(drop),
            Self::Password => basic("user", one_line(content)?).map(drop),
            Self::ClientSecret => oauth2::client_secret(content).map(drop),
            Self::ServiceAccount => {
                let tools = Tools {
                    names: Arc::default(),
                    tell: Arc::new(|_| {}),
                    trust: None,
                };
                google::check(content, &tools)
            }
            Self::SigningKeys => signature::parse_keys(content)
                .map(drop)
                .map_err(|error| error.to_string()),
            Self::PathPart => path_secret::parse(content).map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_node_refuses_is_refused() {
        for (content, good, bad) in [
            (Content::Header, "a b", "a\u{7}b"),
            (Content::Bearer, "t0k3n", "two words"),
            (Content::Password, "two words", "a\u{7}b"),
            (Content::ClientSecret, "s3cr3t", ""),
            (Content::PathPart, "T0/B0/x", "T0?B0"),
            (
                Content::SigningKeys,
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "whsec_c2hvcnQ=",
            ),
        ] {
            assert_eq!(content.check(good.as_bytes()), Ok(()), "{content:?}");
            assert_eq!(content.check(format!("{good}\r\n").as_bytes()), Ok(()));
            let error = content.check(bad.as_bytes()).expect_err("unusable");
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
        for bad in ["", "{}", r#"{"type": "hunter2"}"#] {
            let error = Content::ServiceAccount.check(bad.as_bytes());
            assert!(!error.expect_err("unusable").contains("hunter2"));
        }
    }
}
