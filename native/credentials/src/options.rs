//! The options, as the caller has read them from a handler's section.

use std::path::PathBuf;

use files::Source;

/// The `headers`, `auth`, `signing` and `path_secret_…` of a handler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialOptions {
    /// Headers in the order of the file: name, and where the value comes from.
    pub headers: Vec<(String, Source)>,
    /// Who the request is from.
    pub auth: Option<AuthOptions>,
    /// Where the signing secrets are.
    pub signing: Option<Source>,
    /// What stands in the path for [`PLACE`](crate::path_secret::PLACE): `path_secret_file`, `path_secret_env`.
    pub path_secret: Option<Source>,
}

/// `auth`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthOptions {
    /// `bearer_file`, `bearer_env`.
    Bearer(Source),
    /// `basic_user` with `basic_password_file` or `basic_password_env`.
    Basic {
        /// The user, which is no secret.
        user: String,
        /// The password.
        password: Source,
    },
    /// `oauth2`: client credentials (RFC 6749, 4.4).
    OAuth2(OAuth2Options),
    /// `google_service_account_file`: a JWT (RFC 7523) for Google's services.
    Google(PathBuf),
}

/// `auth.oauth2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2Options {
    /// The token endpoint.
    pub token_url: String,
    /// The client's name, which is no secret.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Source,
    /// What the token is for, if the endpoint wants to know.
    pub scope: Option<String>,
}

impl CredentialOptions {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
