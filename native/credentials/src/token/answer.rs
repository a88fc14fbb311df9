//! What a token endpoint says (RFC 6749, 5.1 and 5.2).

use std::time::Duration;

use serde::Deserialize;

use super::Granted;
use crate::fields::bearer;

/// For how long a token is taken to be good if the endpoint does not say.
const UNSAID: Duration = Duration::from_mins(5);
/// The longest life that is believed: a number may be one of milliseconds, or the end of time.
const LONGEST: Duration = Duration::from_hours(24 * 30);
/// The most characters of an endpoint's explanation that are shown.
const SHOWN: usize = 200;

#[derive(Deserialize)]
struct Success {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<Seconds>,
}

/// Some endpoints write numbers as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

#[derive(Deserialize)]
struct Failure {
    error: String,
    error_description: Option<String>,
}

/// Reads the body of a 2xx answer. The error says what is wrong without showing the body.
pub(super) fn token(body: &[u8]) -> Result<Granted, String> {
    let token: Success = serde_json::from_slice(body)
        .map_err(|_| "its answer is not a JSON object with an access_token".to_owned())?;
    if let Some(kind) = &token.token_type
        && !kind.eq_ignore_ascii_case("bearer")
    {
        return Err(format!("its token is of type {}, not Bearer", tidy(kind)));
    }
    let value = bearer(token.access_token.as_bytes())
        .map_err(|error| format!("its access_token cannot be used: {error}"))?;
    if token.access_token.is_empty() {
        return Err("its access_token is empty".to_owned());
    }
    let seconds = match token.expires_in {
        None => Some(UNSAID.as_secs_f64()),
        Some(Seconds::Number(number)) => Some(number),
        Some(Seconds::Text(text)) => text.trim().parse().ok(),
    };
    let life = seconds
        .filter(|seconds| *seconds >= 1.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(Granted {
        value: sensitive(value),
        expires_in: life
            .ok_or("the expires_in of its answer is not a number of seconds")?
            .min(LONGEST),
    })
}

fn sensitive(mut value: http::HeaderValue) -> http::HeaderValue {
    value.set_sensitive(true);
    value
}

/// What an endpoint says in the body of an error, without `secrets`, should it repeat one.
pub(super) fn explanation(body: &[u8], secrets: &[&str]) -> Option<String> {
    let failure: Failure = serde_json::from_slice(body).ok()?;
    let mut text = failure.error;
    if let Some(description) = failure.error_description {
        text = format!("{text}: {description}");
    }
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(*secret, "...");
    }
    Some(tidy(&text))
}

/// The error code of RFC 6749.
pub(super) fn code(body: &[u8]) -> Option<String> {
    let failure: Failure = serde_json::from_slice(body).ok()?;
    Some(failure.error)
}

/// One line of bounded length.
fn tidy(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(SHOWN).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_as_endpoints_write_it() {
        for (body, seconds) in [
            (
                r#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#,
                3600,
            ),
            (
                r#"{"access_token":"t","token_type":"bearer","expires_in":"60"}"#,
                60,
            ),
            (
                r#"{"access_token":"t","expires_in":3599.5,"scope":"x"}"#,
                3599,
            ),
            (r#"{"access_token":"t"}"#, 300),
            (
                r#"{"access_token":"t","expires_in":99999999999999}"#,
                24 * 30 * 3600,
            ),
        ] {
            let granted = token(body.as_bytes()).expect(body);
            assert_eq!(granted.value, "Bearer t");
            assert!(granted.value.is_sensitive());
            assert_eq!(granted.expires_in.as_secs(), seconds, "{body}");
        }
    }

    #[test]
    fn answers_that_are_no_tokens_are_not_shown() {
        for body in [
            "",
            "hunter2",
            r#"["hunter2"]"#,
            r#"{"token":"hunter2"}"#,
            r#"{"access_token":7}"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":"hunter2\r\nx: y"}"#,
            r#"{"access_token":"hunter2 x"}"#,
            r#"{"access_token":"hunter2","token_type":"mac"}"#,
            r#"{"access_token":"hunter2","expires_in":0}"#,
            r#"{"access_token":"hunter2","expires_in":-5}"#,
            r#"{"access_token":"hunter2","expires_in":"soon"}"#,
        ] {
            let error = token(body.as_bytes()).expect_err(body);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_explanation_has_no_secret_and_one_line() {
        let body = br#"{"error":"invalid_client","error_description":"no\nclient hunter2"}"#;
        assert_eq!(
            explanation(body, &["hunter2", ""]).unwrap(),
            "invalid_client: no client ..."
        );
        let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(1000));
        assert_eq!(explanation(long.as_bytes(), &[]).unwrap().len(), SHOWN);
        assert_eq!(explanation(b"<html>", &[]), None);
    }
}
