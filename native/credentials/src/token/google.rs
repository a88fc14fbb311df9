//! Tokens of a Google service account: a JWT that the account's key signs, for a token (RFC 7523, 2.1).
//!
//! The file is the JSON that Google's console hands out. The scope is that of Firebase Cloud Messaging.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use files::{Source, Watched};
use futures_util::FutureExt;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::json;

use super::client::Endpoint;
use super::{Granted, Refused, Tokens, answer};
use crate::Tools;

const OPTION: &str = "auth.google_service_account_file";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// How long the JWT is good, in seconds; Google allows an hour at most.
const GOOD_FOR: u64 = 3600;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: String,
}

struct Account {
    email: String,
    key: RsaKeyPair,
    key_id: Option<String>,
    token_uri: String,
    endpoint: Endpoint,
}

/// Tokens of the account whose file this is.
pub(crate) fn tokens(file: &Path, tools: &Tools) -> Tokens {
    let for_parse = tools.clone();
    let account = Arc::new(Watched::new(
        OPTION,
        Source::File(file.to_owned()),
        move |bytes| Account::parse(bytes, &for_parse),
        tools.tell.clone(),
    ));
    let fetch = move || {
        let account = Arc::clone(&account);
        async move { fetch(&account).await }.boxed()
    };
    Tokens::new(
        "auth.google_service_account",
        tools.tell.clone(),
        Box::new(fetch),
    )
}

/// Whether this is the content of a usable file. The error shows nothing of it.
pub(crate) fn check(content: &[u8], tools: &Tools) -> Result<(), String> {
    Account::parse(content, tools).map(drop)
}

async fn fetch(account: &Watched<Account>) -> Result<Granted, Refused> {
    let now = account.get().await.map_err(|text| Refused {
        text,
        retry_after: None,
        secret: true,
    })?;
    let endpoint = &now.endpoint;
    let jwt = now
        .jwt(SystemTime::now())
        .map_err(|text| endpoint.refused(text))?;
    let fields = [("grant_type", GRANT), ("assertion", &jwt)];
    let answer = endpoint.post(&fields, None).await?;
    if answer.status / 100 != 2 {
        account.hurry();
        let said = answer::explanation(&answer.body, &[&jwt]);
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        let mut refused = endpoint.refused(format!("it answered {}{said}", answer.status));
        refused.retry_after = answer.retry_after;
        return Err(refused);
    }
    answer::token(&answer.body).map_err(|text| endpoint.refused(text))
}

impl Account {
    /// Reads the file. No error shows any of it.
    fn parse(bytes: &[u8], tools: &Tools) -> Result<Self, String> {
        let file: File = serde_json::from_slice(bytes).map_err(|error| {
            // serde's own words can show a value.
            let place = format!("line {}, column {}", error.line(), error.column());
            format!(
                "it is not the JSON of a service account with type, client_email, private_key and \
                 token_uri ({place})"
            )
        })?;
        if file.kind != "service_account" {
            return Err("its type is not service_account".to_owned());
        }
        let pem =
            pem::parse(&file.private_key).map_err(|_| "its private_key is not PEM".to_owned())?;
        if pem.tag() != "PRIVATE KEY" {
            return Err("its private_key is not a PKCS#8 key (BEGIN PRIVATE KEY)".to_owned());
        }
        let key = RsaKeyPair::from_pkcs8(pem.contents())
            .map_err(|error| format!("its private_key is not a usable RSA key: {error}"))?;
        let endpoint = Endpoint::new(&file.token_uri, tools)
            .map_err(|error| format!("its token_uri: {error}"))?;
        Ok(Self {
            email: file.client_email,
            key,
            key_id: file.private_key_id,
            token_uri: file.token_uri,
            endpoint,
        })
    }

    /// The assertion: who asks, for what, until when.
    fn jwt(&self, now: SystemTime) -> Result<String, String> {
        let issued = now
            .duration_since(UNIX_EPOCH)
            .map_err(|_| "the clock is wrong")?
            .as_secs();
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if let Some(id) = &self.key_id {
            header["kid"] = id.as_str().into();
        }
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": issued,
            "exp": issued + GOOD_FOR,
        });
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| "the key cannot sign")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests;
