//! Configured headers, bearer and basic, and the signing keys.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;

use credentials::{AuthOptions, CredentialError, CredentialOptions, Credentials};
use files::{Remark, Secret, Source};
use support::{Scratch, tools};

const SIGNING: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn value(text: &str) -> Source {
    Source::Value(Secret::new(text))
}

fn headers(headers: &[(&str, Source)]) -> CredentialOptions {
    let owned = headers
        .iter()
        .map(|(name, source)| ((*name).to_owned(), source.clone()));
    CredentialOptions {
        headers: owned.collect(),
        ..CredentialOptions::default()
    }
}

fn auth(auth: AuthOptions) -> CredentialOptions {
    CredentialOptions {
        auth: Some(auth),
        ..CredentialOptions::default()
    }
}

async fn fields(options: &CredentialOptions) -> Result<Vec<(String, String)>, CredentialError> {
    let credentials = Credentials::compile(options, &tools().tools).unwrap();
    let fields = credentials.fields().await?;
    let shown = format!("{fields:?} {credentials:?} {options:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ok(fields
        .iter()
        .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
        .collect())
}

fn wrong(options: &CredentialOptions) -> String {
    let error = Credentials::compile(options, &tools().tools).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    error.to_string()
}

#[tokio::test]
async fn headers_from_values_files_and_the_environment() {
    let scratch = Scratch::new();
    let file = scratch.write("key", "  hunter2 \r\n");
    let options = headers(&[
        ("X-Tenant", value("acme")),
        ("x-key", Source::File(file)),
        ("x-path", Source::Env("PATH".to_owned())),
    ]);
    let expected = [
        ("x-tenant", "acme"),
        ("x-key", "hunter2"),
        ("x-path", &std::env::var("PATH").unwrap()),
    ];
    let got = fields(&options).await.unwrap();
    let got: Vec<_> = got
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn bearer_and_basic() {
    let scratch = Scratch::new();
    let file = scratch.write("secret", "hunter2\n");
    let bearer = auth(AuthOptions::Bearer(Source::File(file.clone())));
    let expected = ("authorization".to_owned(), "Bearer hunter2".to_owned());
    assert_eq!(fields(&bearer).await.unwrap(), [expected]);
    // The example of RFC 7617, section 2.
    let basic = auth(AuthOptions::Basic {
        user: "Aladdin".to_owned(),
        password: Source::File(scratch.write("open", "open sesame")),
    });
    let expected = (
        "authorization".to_owned(),
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned(),
    );
    assert_eq!(fields(&basic).await.unwrap(), [expected]);
}

#[tokio::test]
async fn secrets_that_are_unusable_are_named_and_not_shown() {
    let scratch = Scratch::new();
    let source = |content: &str| Source::File(scratch.write("secret", content));
    for (content, expected) in [
        ("", "it is empty"),
        (" \r\n", "it is empty"),
        ("hunter2\nhunter2", "more than one line"),
        ("hunter2 hunter2", "a token has no spaces"),
        ("hunter2\u{e9}", "a token has no spaces"),
    ] {
        let options = auth(AuthOptions::Bearer(source(content)));
        let error = fields(&options).await.unwrap_err();
        let CredentialError::Secret(text) = error else {
            panic!("{error:?}");
        };
        assert!(
            text.starts_with("auth.bearer_file: ") && text.contains("/secret: "),
            "{text}"
        );
        assert!(
            text.contains(expected) && !text.contains("hunter2"),
            "{text}"
        );
    }
    let error = fields(&headers(&[("x-key", source("hunter2\0"))]))
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("headers.x-key_file: "),
        "{error}"
    );
    assert!(error.to_string().contains("a control character"), "{error}");
}

#[test]
fn headers_that_must_not_be_configured() {
    for (name, expected) in [
        ("content-length", "set by the client itself"),
        ("Webhook-Signature", "set by this client itself"),
        ("webhook-id", "set by this client itself"),
        ("a b", "not allowed in HTTP"),
    ] {
        let error = wrong(&headers(&[(name, value("hunter2"))]));
        assert!(error.contains(expected), "{error}");
    }
    let error = wrong(&headers(&[("x-a", value("hunter2\r\nx-b: c"))]));
    assert_eq!(
        error,
        "headers.x-a: the value of header x-a has a control character (CR, LF, NUL), which HTTP does not allow"
    );
    let error = wrong(&headers(&[("host", value("a")), ("Host", value("b"))]));
    assert!(error.contains("twice"), "{error}");
    let mut both = headers(&[("Authorization", value("hunter2"))]);
    both.auth = Some(AuthOptions::Bearer(Source::Env("HOME".to_owned())));
    assert!(wrong(&both).contains("it is set by auth"));
    let user = AuthOptions::Basic {
        user: "a:b".to_owned(),
        password: Source::Env("HOME".to_owned()),
    };
    assert!(wrong(&auth(user)).contains("colon"));
}

#[tokio::test]
async fn signing_keys_come_from_a_file() {
    let scratch = Scratch::new();
    let compile = |path: &Path| {
        let told = tools();
        let options = CredentialOptions {
            signing: Some(Source::File(path.to_owned())),
            ..CredentialOptions::default()
        };
        (Credentials::compile(&options, &told.tools).unwrap(), told)
    };
    let (credentials, _) = compile(&scratch.write("keys", &format!("{SIGNING}\n{SIGNING}\n")));
    assert_eq!(
        credentials
            .signing_keys()
            .await
            .unwrap()
            .expect("keys")
            .len(),
        2
    );
    assert!(credentials.fields().await.unwrap().is_empty());

    for (content, expected) in [
        ("", "there is no secret in it"),
        (
            "# a comment\nwhsec_aHVudGVyMg==",
            "line 2: the secret is too short: 7 bytes",
        ),
        ("hunter2", "line 1: it starts with neither"),
        (
            "whsec_hunter2!",
            "line 1: what follows whsec_ is not base64",
        ),
    ] {
        let (credentials, told) = compile(&scratch.write("keys", content));
        let error = credentials.signing_keys().await.unwrap_err().to_string();
        assert!(error.starts_with("signing.secret_file: "), "{error}");
        assert!(
            error.contains(expected) && !error.contains("unter2"),
            "{error}"
        );
        assert!(matches!(&told.told()[..], [Remark::Problem(text)] if text.contains(expected)));
    }
    let none = Credentials::compile(&CredentialOptions::default(), &tools().tools).unwrap();
    assert!(none.signing_keys().await.unwrap().is_none());
}
