//! Tokens from a token endpoint over HTTP and TLS, and what becomes of its faults.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::process::Command;

use credentials::{AuthOptions, CredentialError, CredentialOptions, Credentials, OAuth2Options};
use files::Source;
use support::{Answer, Endpoint, Scratch, tools};

const GRANTED: &str = r#"{"access_token":"t0k3n","token_type":"Bearer","expires_in":3600}"#;
const SECRET: &str = "s3cr&t+/: x";

fn oauth2(url: &str, scratch: &Scratch) -> CredentialOptions {
    let file = scratch.write("secret", &format!("{SECRET}\n"));
    CredentialOptions {
        auth: Some(AuthOptions::OAuth2(OAuth2Options {
            token_url: url.to_owned(),
            client_id: "the client".to_owned(),
            client_secret: Source::File(file),
            scope: Some("a b".to_owned()),
        })),
        ..CredentialOptions::default()
    }
}

async fn authorization(credentials: &Credentials) -> Result<String, CredentialError> {
    let fields = credentials.fields().await?;
    let [(name, value)] = &fields[..] else {
        panic!("{fields:?}");
    };
    assert!(name == "authorization" && value.is_sensitive());
    Ok(value.to_str().unwrap().to_owned())
}

async fn refused(answer: Answer) -> String {
    let endpoint = Endpoint::start(vec![answer]).await;
    let scratch = Scratch::new();
    let tools = tools();
    let options = oauth2(&endpoint.url("/token?q=hidden"), &scratch);
    let credentials = Credentials::compile(&options, &tools.tools).unwrap();
    let error = authorization(&credentials).await.unwrap_err();
    let told = format!("{:?}", tools.told());
    for text in [
        error.to_string(),
        format!("{error:?} {credentials:?} {options:?}"),
        told,
    ] {
        for secret in [SECRET, "s3cr%26t%2B%2F%3A+x", "t0k3n", "hidden"] {
            // The options are the operator's own; only the URL is in them.
            assert!(secret == "hidden" || !text.contains(secret), "{text}");
        }
    }
    assert!(matches!(error, CredentialError::Token(_)));
    error.to_string()
}

#[tokio::test]
async fn client_credentials_in_the_header_as_rfc_6749_prefers() {
    let endpoint = Endpoint::start(vec![Answer::json(200, GRANTED)]).await;
    let scratch = Scratch::new();
    let options = oauth2(&endpoint.url("/token"), &scratch);
    let credentials = Credentials::compile(&options, &tools().tools).unwrap();
    assert_eq!(authorization(&credentials).await.unwrap(), "Bearer t0k3n");
    assert_eq!(authorization(&credentials).await.unwrap(), "Bearer t0k3n");
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].head.starts_with("POST /token HTTP/1.1\r\n"),
        "{}",
        requests[0].head
    );
    assert_eq!(
        requests[0].header("authorization").unwrap(),
        // `the+client:s3cr%26t%2B%2F%3A+x`
        "Basic dGhlK2NsaWVudDpzM2NyJTI2dCUyQiUyRiUzQSt4"
    );
    assert_eq!(requests[0].body, "grant_type=client_credentials&scope=a+b");
}

#[tokio::test]
async fn client_credentials_in_the_form_if_the_header_is_refused() {
    let endpoint = Endpoint::start(vec![
        Answer::json(401, r#"{"error":"invalid_client"}"#),
        Answer::json(200, GRANTED),
    ])
    .await;
    let scratch = Scratch::new();
    let options = oauth2(&endpoint.url("/token"), &scratch);
    let credentials = Credentials::compile(&options, &tools().tools).unwrap();
    assert_eq!(authorization(&credentials).await.unwrap(), "Bearer t0k3n");
    let requests = endpoint.requests();
    assert_eq!(requests[1].header("authorization"), None);
    assert_eq!(
        requests[1].body,
        "grant_type=client_credentials&scope=a+b&client_id=the+client&client_secret=s3cr%26t%2B%2F%3A+x"
    );
}

#[tokio::test]
async fn an_endpoint_that_refuses_is_quoted_without_the_secret() {
    let body = format!(r#"{{"error":"access_denied","error_description":"not with {SECRET}"}}"#);
    let error = refused(Answer::json(403, &body)).await;
    assert!(
        error.contains("/token: it answered 403: access_denied: not with ..."),
        "{error}"
    );
}

#[tokio::test]
async fn an_endpoint_that_repeats_the_authorization_is_quoted_without_it() {
    // What is sent: `the+client` and the secret, each encoded as in a form, in base64.
    let sent = "dGhlK2NsaWVudDpzM2NyJTI2dCUyQiUyRiUzQSt4";
    let body = format!(r#"{{"error":"invalid_scope","error_description":"got Basic {sent}"}}"#);
    let error = refused(Answer::json(403, &body)).await;
    assert!(
        error.contains("it answered 403: invalid_scope: got Basic ..."),
        "{error}"
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let error = refused(Answer::raw(
        "HTTP/1.1 302 Found\r\nlocation: /token\r\ncontent-length: 0\r\n\r\n",
    ))
    .await;
    assert!(error.ends_with("it answered 302"), "{error}");
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_read_to_it() {
    let error = refused(Answer::Endless).await;
    assert!(error.contains("more than 65536 bytes"), "{error}");
}

#[tokio::test]
async fn answers_that_are_no_tokens() {
    for (answer, expected) in [
        (Answer::json(200, "<html>"), "not a JSON object"),
        (
            Answer::json(200, r#"{"access_token":"t0k3n","token_type":"mac"}"#),
            "of type mac",
        ),
        (Answer::raw("nonsense\r\n\r\n"), "invalid HTTP"),
        (Answer::Close, "connection closed"),
    ] {
        let error = refused(answer).await;
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_and_a_secret_that_is_not() {
    let scratch = Scratch::new();
    let options = oauth2("http://127.0.0.1:1/token", &scratch);
    let credentials = Credentials::compile(&options, &tools().tools).unwrap();
    let error = authorization(&credentials).await.unwrap_err();
    assert!(
        error.to_string().contains("http://127.0.0.1:1/token: "),
        "{error}"
    );

    let mut options = options;
    if let Some(AuthOptions::OAuth2(oauth2)) = &mut options.auth {
        oauth2.client_secret = Source::File(scratch.path("missing"));
    }
    let credentials = Credentials::compile(&options, &tools().tools).unwrap();
    let error = authorization(&credentials).await.unwrap_err();
    assert!(
        matches!(&error, CredentialError::Secret(text) if text.contains("client_secret_file")),
        "{error}"
    );
}

#[tokio::test]
async fn a_corrected_secret_is_used_soon() {
    // `the+client:another`
    let right = "Basic dGhlK2NsaWVudDphbm90aGVy";
    let endpoint = Endpoint::start(vec![Answer::OnlyTo(right, GRANTED)]).await;
    let scratch = Scratch::new();
    let options = oauth2(&endpoint.url("/token"), &scratch);
    let credentials = Credentials::compile(&options, &tools().tools).unwrap();
    authorization(&credentials).await.unwrap_err();
    scratch.write("secret", "another");
    let got = support::eventually(async || authorization(&credentials).await.ok()).await;
    assert_eq!(got, "Bearer t0k3n");
}

#[tokio::test]
async fn a_token_endpoint_is_verified_by_its_certificate() {
    let (endpoint, trust) = Endpoint::start_tls(vec![Answer::json(200, GRANTED)]).await;
    let scratch = Scratch::new();
    let options = oauth2(&endpoint.url("/token"), &scratch);
    // The system's store does not know it.
    let credentials = Credentials::compile(&options, &tools().tools).unwrap();
    let error = authorization(&credentials).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    let mut tools = tools();
    tools.tools.trust = Some(trust);
    let credentials = Credentials::compile(&options, &tools.tools).unwrap();
    assert_eq!(authorization(&credentials).await.unwrap(), "Bearer t0k3n");
}

#[tokio::test]
async fn a_service_account_sends_its_assertion() {
    let endpoint = Endpoint::start(vec![Answer::json(200, GRANTED)]).await;
    let scratch = Scratch::new();
    let words = [
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
    ];
    let key = Command::new("openssl")
        .args(words)
        .output()
        .expect("openssl")
        .stdout;
    let account = serde_json::json!({
        "type": "service_account",
        "private_key": String::from_utf8(key).unwrap(),
        "client_email": "pusher@example",
        "token_uri": endpoint.url("/token"),
    });
    let options = CredentialOptions {
        auth: Some(AuthOptions::Google(
            scratch.write("account.json", &account.to_string()),
        )),
        ..CredentialOptions::default()
    };
    let tools = tools();
    let credentials = Credentials::compile(&options, &tools.tools).unwrap();
    // Before a notification asks for it.
    credentials.start(&tokio::runtime::Handle::current());
    support::eventually(async || (!endpoint.requests().is_empty()).then_some(())).await;
    assert_eq!(authorization(&credentials).await.unwrap(), "Bearer t0k3n");
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 1);
    let form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJ";
    assert!(requests[0].body.starts_with(form), "{}", requests[0].body);
    assert!(tools.told().is_empty());
}

#[test]
fn urls_that_are_none() {
    let scratch = Scratch::new();
    for url in [
        "",
        "token",
        "ftp://x/",
        "https://user:hunter2@x/",
        "file:///etc/passwd",
    ] {
        let error = Credentials::compile(&oauth2(url, &scratch), &tools().tools).unwrap_err();
        assert_eq!(error.option, "auth.oauth2.token_url");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

/// The test above, in a process whose environment names a proxy that is not there.
#[test]
fn proxies_of_the_environment_are_not_used() {
    let mut again = Command::new(std::env::current_exe().unwrap());
    for name in [
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ] {
        again.env(name, "http://127.0.0.1:1");
    }
    let test = "client_credentials_in_the_header_as_rfc_6749_prefers";
    let done = again.args(["--exact", test]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}
