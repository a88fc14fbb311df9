//! OAuth 2 client credentials (RFC 6749, 4.4).
//!
//! A client says who it is by HTTP Basic, which every endpoint must support (2.3.1); many support only
//! the form instead. So if Basic is refused, the form is tried, and what has worked is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use files::{Source, Watched};
use form_urlencoded::byte_serialize;
use futures_util::FutureExt;
use http::HeaderValue;

use super::client::{Answer, Endpoint};
use super::{Granted, Refused, Tokens, answer};
use crate::fields::{basic, one_line, suffix};
use crate::{OAuth2Options, OptionError, Tools};

const OPTION: &str = "auth.oauth2";

struct Client {
    endpoint: Endpoint,
    id: String,
    secret: Watched<Vec<u8>>,
    scope: Option<String>,
    in_form: AtomicBool,
}

/// Tokens of a client that has its own credentials.
pub(crate) fn tokens(options: &OAuth2Options, tools: &Tools) -> Result<Tokens, OptionError> {
    let endpoint = Endpoint::new(&options.token_url, tools)
        .map_err(|text| OptionError::new("auth.oauth2.token_url", text))?;
    if options.client_id.is_empty() {
        return Err(OptionError::new("auth.oauth2.client_id", "it is empty"));
    }
    let client = Arc::new(Client {
        endpoint,
        id: options.client_id.clone(),
        secret: secret(&options.client_secret, tools),
        scope: options.scope.clone(),
        in_form: AtomicBool::new(false),
    });
    let fetch = move || {
        let client = Arc::clone(&client);
        async move { client.fetch().await }.boxed()
    };
    Ok(Tokens::new(OPTION, tools.tell.clone(), Box::new(fetch)))
}

/// The client's secret in the content of a file or variable. No error shows any of it.
pub(crate) fn client_secret(content: &[u8]) -> Result<&[u8], String> {
    let line = one_line(content)?;
    std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(line)
}

fn secret(source: &Source, tools: &Tools) -> Watched<Vec<u8>> {
    let option = format!("{OPTION}.client_secret{}", suffix(source));
    let parse = |bytes: &[u8]| client_secret(bytes).map(<[u8]>::to_vec);
    Watched::new(&option, source.clone(), parse, tools.tell.clone())
}

impl Client {
    async fn fetch(&self) -> Result<Granted, Refused> {
        let secret = self.secret.get().await.map_err(|text| Refused {
            text,
            retry_after: None,
            secret: true,
        })?;
        let secret = String::from_utf8_lossy(&secret);
        let in_form = self.in_form.load(Ordering::Relaxed);
        let mut answer = self.ask(&secret, in_form).await?;
        if !in_form && refuses_client(&answer) {
            let other = self.ask(&secret, true).await?;
            if other.status / 100 == 2 {
                self.in_form.store(true, Ordering::Relaxed);
                answer = other;
            }
        }
        if answer.status / 100 != 2 {
            // The file may be newer than what was read of it.
            self.secret.hurry();
            let pair = self.pair_in_base64(&secret).unwrap_or_default();
            let hidden = [&*pair, &*secret, &*encoded(&secret)];
            let said = answer::explanation(&answer.body, &hidden);
            let said = said.map(|said| format!(": {said}")).unwrap_or_default();
            let mut refused = self
                .endpoint
                .refused(format!("it answered {}{said}", answer.status));
            refused.retry_after = answer.retry_after;
            return Err(refused);
        }
        answer::token(&answer.body).map_err(|text| self.endpoint.refused(text))
    }

    async fn ask(&self, secret: &str, in_form: bool) -> Result<Answer, Refused> {
        let mut fields = vec![("grant_type", "client_credentials")];
        if let Some(scope) = &self.scope {
            fields.push(("scope", scope));
        }
        let mut authorization = None;
        if in_form {
            fields.extend([("client_id", &*self.id), ("client_secret", secret)]);
        } else {
            let value = self.basic(secret);
            let mut value = value.map_err(|text| self.endpoint.refused(text))?;
            value.set_sensitive(true);
            authorization = Some(value);
        }
        self.endpoint.post(&fields, authorization).await
    }

    /// The client and its secret, each encoded as in a form first (RFC 6749, 2.3.1).
    fn basic(&self, secret: &str) -> Result<HeaderValue, String> {
        basic(&encoded(&self.id), encoded(secret).as_bytes())
    }

    /// What of that holds the secret.
    fn pair_in_base64(&self, secret: &str) -> Option<String> {
        let value = self.basic(secret).ok()?;
        let pair = value.to_str().ok()?.strip_prefix("Basic ")?;
        Some(pair.to_owned())
    }
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// Whether the endpoint does not know the client, or wants to be told otherwise.
fn refuses_client(answer: &Answer) -> bool {
    let code = || answer::code(&answer.body);
    match answer.status {
        401 => true,
        400 => code().is_some_and(|code| matches!(&*code, "invalid_client" | "invalid_request")),
        _ => false,
    }
}
