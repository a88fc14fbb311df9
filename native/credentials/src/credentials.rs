//! A handler's credentials, compiled.

use std::sync::Arc;

use files::{Tell, Watched};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue};
use payload::signature::{SigningKey, parse_keys};
use rustls::RootCertStore;
use tokio::runtime::Handle;
use transport::names::Names;

use crate::fields::{Field, suffix};
use crate::path_secret;
use crate::token::{Tokens, google, oauth2};
use crate::{AuthOptions, CredentialError, CredentialOptions, OptionError};

/// What credentials need besides their options.
#[derive(Clone)]
pub struct Tools {
    /// Looks up the names of token endpoints.
    pub names: Arc<Names>,
    /// Receives what the operator should know. It may be called on any thread.
    pub tell: Tell,
    /// The certificates that token endpoints must lead to; the system's store if unset.
    pub trust: Option<Arc<RootCertStore>>,
}

/// The credentials of one handler.
#[derive(Debug)]
pub struct Credentials {
    fields: Vec<Field>,
    tokens: Option<Tokens>,
    signing: Option<Watched<Arc<[SigningKey]>>>,
    path_secret: Option<Watched<Arc<str>>>,
}

impl Credentials {
    /// Checks the options, and begins to read what they name, which may take longer than this call.
    pub fn compile(options: &CredentialOptions, tools: &Tools) -> Result<Self, OptionError> {
        let tell = &tools.tell;
        let mut fields = Vec::with_capacity(options.headers.len() + 1);
        for (name, source) in &options.headers {
            let field = Field::configured(name, source, tell)?;
            let wrong = |text: &str| OptionError::new(&format!("headers.{name}"), text);
            if field.name == AUTHORIZATION && options.auth.is_some() {
                return Err(wrong("it is set by auth; leave one of them out"));
            }
            if field.name == HOST && fields.iter().any(|field: &Field| field.name == HOST) {
                return Err(wrong("it is there twice; a request has one"));
            }
            fields.push(field);
        }
        let mut tokens = None;
        match &options.auth {
            None => {}
            Some(AuthOptions::Bearer(source)) => fields.push(Field::bearer(source, tell)),
            Some(AuthOptions::Basic { user, password }) => {
                fields.push(Field::basic(user, password, tell)?);
            }
            Some(AuthOptions::OAuth2(options)) => tokens = Some(oauth2::tokens(options, tools)?),
            Some(AuthOptions::Google(file)) => tokens = Some(google::tokens(file, tools)),
        }
        let signing = options.signing.as_ref().map(|source| {
            let option = format!("signing.secret{}", suffix(source));
            let parse = |bytes: &[u8]| {
                let keys = parse_keys(bytes).map_err(|error| error.to_string())?;
                Ok(Arc::from(keys))
            };
            Watched::new(&option, source.clone(), parse, tell.clone())
        });
        let path_secret = options.path_secret.as_ref();
        Ok(Self {
            fields,
            tokens,
            signing,
            path_secret: path_secret.map(|source| path_secret::watch(source, tell)),
        })
    }

    /// Begins to fetch a token, if one is needed, so that the first notification need not wait for it.
    pub fn start(&self, runtime: &Handle) {
        if let Some(tokens) = &self.tokens {
            let _entered = runtime.enter();
            tokens.start();
        }
    }

    /// The configured headers and `authorization`, for one attempt.
    pub async fn fields(&self) -> Result<Vec<(HeaderName, HeaderValue)>, CredentialError> {
        let mut fields = Vec::with_capacity(self.fields.len() + 1);
        for field in &self.fields {
            let value = field.value.get().await.map_err(CredentialError::Secret)?;
            fields.push((field.name.clone(), HeaderValue::clone(&value)));
        }
        if let Some(tokens) = &self.tokens {
            fields.push((AUTHORIZATION, tokens.get().await?));
        }
        Ok(fields)
    }

    /// The keys that sign; none if requests are not signed.
    pub async fn signing_keys(&self) -> Result<Option<Arc<[SigningKey]>>, CredentialError> {
        match &self.signing {
            None => Ok(None),
            Some(keys) => {
                let keys = keys.get().await.map_err(CredentialError::Secret)?;
                Ok(Some(Arc::clone(&keys)))
            }
        }
    }

    /// What stands in the path for its secret; none if the path has none.
    pub async fn path_secret(&self) -> Result<Option<Arc<str>>, CredentialError> {
        match &self.path_secret {
            None => Ok(None),
            Some(secret) => {
                let secret = secret.get().await.map_err(CredentialError::Secret)?;
                Ok(Some(Arc::clone(&secret)))
            }
        }
    }

    /// Says that the service answered 401: a token may have been revoked. A new one is fetched soon, but
    /// not more than once a minute; the old one is used until then.
    pub fn unauthorized(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.unauthorized();
        }
    }
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools").finish_non_exhaustive()
    }
}
