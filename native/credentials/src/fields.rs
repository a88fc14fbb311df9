//! Header fields whose value comes from one source: configured headers, bearer and basic.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use files::{Source, Tell, Watched};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use payload::{header, signature};

use crate::OptionError;

/// A header field with a value that is kept up to date.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: HeaderName,
    pub(crate) value: Watched<HeaderValue>,
}

impl Field {
    /// A configured header.
    pub(crate) fn configured(
        name: &str,
        source: &Source,
        tell: &Tell,
    ) -> Result<Self, OptionError> {
        let option = format!("headers.{name}");
        let wrong = |text: String| OptionError::new(&option, text);
        // A value that any header may have, so that only the name is checked: `host` wants one, too.
        let (checked, _) =
            header::check(name.as_bytes(), b"x").map_err(|error| wrong(error.to_string()))?;
        if [signature::ID, signature::TIMESTAMP, signature::SIGNATURE].contains(&checked) {
            return Err(wrong("it is set by this client itself".to_owned()));
        }
        let made = checked.clone();
        let is_file = !matches!(source, Source::Value(_));
        let parse = move |bytes: &[u8]| {
            let value = if is_file { one_line(bytes)? } else { bytes };
            let (_, value) = header::check(made.as_str().as_bytes(), value)
                .map_err(|error| error.to_string())?;
            Ok(value)
        };
        if let Source::Value(value) = source {
            parse(value.reveal().as_bytes()).map_err(wrong)?;
        }
        Ok(Self::new(checked, &option, source, parse, tell))
    }

    /// `authorization: Bearer …`.
    pub(crate) fn bearer(source: &Source, tell: &Tell) -> Self {
        let parse = |bytes: &[u8]| bearer(one_line(bytes)?);
        Self::new(AUTHORIZATION, "auth.bearer", source, parse, tell)
    }

    /// `authorization: Basic …` (RFC 7617).
    pub(crate) fn basic(user: &str, password: &Source, tell: &Tell) -> Result<Self, OptionError> {
        if user.contains(':') || user.contains(char::is_control) {
            let text = "a user must not contain a colon or a control character (RFC 7617)";
            return Err(OptionError::new("auth.basic_user", text));
        }
        let user = user.to_owned();
        let parse = move |bytes: &[u8]| basic(&user, one_line(bytes)?);
        let option = "auth.basic_password";
        Ok(Self::new(AUTHORIZATION, option, password, parse, tell))
    }

    fn new(
        name: HeaderName,
        option: &str,
        source: &Source,
        parse: impl Fn(&[u8]) -> Result<HeaderValue, String> + Send + Sync + 'static,
        tell: &Tell,
    ) -> Self {
        let parse = move |bytes: &[u8]| {
            let mut value = parse(bytes)?;
            // Not shown by `{:?}`, and not kept in HTTP/2's table of headers.
            value.set_sensitive(true);
            Ok(value)
        };
        let option = format!("{option}{}", suffix(source));
        let value = Watched::new(&option, source.clone(), parse, tell.clone());
        Self { name, value }
    }
}

/// What the option's name ends with, depending on where the text comes from.
pub(crate) fn suffix(source: &Source) -> &'static str {
    match source {
        Source::Value(_) => "",
        Source::File(_) => "_file",
        Source::Env(_) => "_env",
    }
}

/// The text without the line's end. A file that an editor has written ends with one.
pub(crate) fn one_line(bytes: &[u8]) -> Result<&[u8], String> {
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.contains(&b'\n') {
        return Err("it has more than one line".to_owned());
    }
    Ok(text)
}

/// The value of `authorization` with a token.
pub(crate) fn bearer(token: &[u8]) -> Result<HeaderValue, String> {
    // A token may be any text without spaces (RFC 6750, 2.1, allows even less).
    if token.iter().any(|byte| !byte.is_ascii_graphic()) {
        return Err("a token has no spaces, control characters or other than ASCII".to_owned());
    }
    let value = [b"Bearer ", token].concat();
    HeaderValue::from_bytes(&value).map_err(|_| "it cannot be a header's value".to_owned())
}

/// The value of `authorization` with user and password.
pub(crate) fn basic(user: &str, password: &[u8]) -> Result<HeaderValue, String> {
    if password.iter().any(u8::is_ascii_control) {
        return Err("a password has no control characters (RFC 7617)".to_owned());
    }
    let pair = [user.as_bytes(), b":", password].concat();
    let value = format!("Basic {}", STANDARD.encode(pair));
    HeaderValue::try_from(value).map_err(|_| "it cannot be a header's value".to_owned())
}
