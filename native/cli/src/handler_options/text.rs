//! The kinds of text that options hold, and which texts are of a kind.

use payload::is_uri_reference;

use super::reserved_headers;

/// What a text has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    /// The tag of a pool.
    PoolName,
    /// The path of a URL.
    Path,
    /// An Erlang module.
    Module,
    /// Any text that is not empty.
    Text,
    /// The value of a header field.
    HeaderValue,
    /// The name of a header field that handlers may set.
    HeaderName,
    /// A media type.
    MediaType,
    /// The name of a file.
    File,
    /// A user name of basic authentication (RFC 7617).
    User,
    /// A variable of the environment.
    Variable,
    /// A URL of http or https.
    Url,
    /// A URI reference.
    UriReference,
    /// A domain.
    Domain,
    /// A status that may be a success.
    Success,
    /// A failure that may be tried again.
    Cause,
}

impl TextKind {
    /// The kind that has this name in the table.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "pool_name" => Self::PoolName,
            "path" => Self::Path,
            "module" => Self::Module,
            "text" => Self::Text,
            "value" => Self::HeaderValue,
            "header_name" => Self::HeaderName,
            "media_type" => Self::MediaType,
            "file" => Self::File,
            "variable" => Self::Variable,
            "user" => Self::User,
            "url" => Self::Url,
            "uri_reference" => Self::UriReference,
            "domain" => Self::Domain,
            "success" => Self::Success,
            "cause" => Self::Cause,
            _ => return None,
        })
    }

    /// Checks a text.
    ///
    /// # Errors
    ///
    /// What the text has to be.
    pub fn check(self, text: &str) -> Result<(), String> {
        if self.accepts(text) {
            Ok(())
        } else {
            Err(self.expected())
        }
    }

    /// As `http_pusher_host_option` in the node.
    fn accepts(self, text: &str) -> bool {
        match self {
            Self::Path => true,
            Self::HeaderValue => is_field_value(text),
            Self::PoolName | Self::Module => !text.is_empty(),
            Self::Text | Self::File => !text.is_empty() && is_printable(text),
            Self::Variable => !text.is_empty() && is_printable(text) && !text.contains('='),
            Self::User => !text.is_empty() && is_printable(text) && !text.contains(':'),
            Self::HeaderName => {
                is_token(text) && !reserved_headers().contains(&text.to_ascii_lowercase())
            }
            Self::MediaType => is_field_value(text) && is_media_type(text),
            Self::Url => is_url(text),
            Self::Success => text == "any" || is_statuses(text),
            Self::Cause => {
                matches!(text, "timeout" | "connection") || text != "410" && is_statuses(text)
            }
            Self::UriReference => is_uri_reference(text),
            Self::Domain => {
                text.len() < 1024
                    && !text.bytes().any(|c| c <= b' ' || b"@/\x7f".contains(&c))
                    && stringprep::nameprep(text).is_ok_and(|domain| !domain.is_empty())
            }
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Path => "must be a path".to_owned(),
            Self::PoolName | Self::Module => "must not be empty".to_owned(),
            Self::HeaderValue => {
                "must be the value of a header field: text without control characters".to_owned()
            }
            Self::HeaderName => format!(
                "must be the name of a header field, other than those that the client, the format or the signature \
                 sets: {}",
                reserved_headers().join(", ")
            ),
            Self::MediaType => {
                "must be a media type, for example \"text/plain; charset=utf-8\"".to_owned()
            }
            Self::Text => "must be text that is not empty".to_owned(),
            Self::File => "must be the name of a file".to_owned(),
            Self::Variable => "must be the name of a variable of the environment".to_owned(),
            Self::User => "must be a user name without a colon".to_owned(),
            Self::Url => {
                "must be a URL that begins with http:// or https://, without user name and fragment"
                    .to_owned()
            }
            Self::UriReference => {
                "must be a URI reference (RFC 3986): percent-encode other characters, a space as %20"
                    .to_owned()
            }
            Self::Domain => "is not a domain".to_owned(),
            Self::Success => {
                "must be a list of \"any\", \"2xx\" to \"5xx\", \"200\" to \"599\"".to_owned()
            }
            Self::Cause => {
                "must be a list of \"timeout\", \"connection\", \"2xx\" to \"5xx\", \"200\" to \
                            \"599\", without \"410\", which is always final"
                    .to_owned()
            }
        }
    }
}

/// A status, or a class of statuses.
fn is_statuses(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['2', '3', '4', '5']) else {
        return false;
    };
    rest == "xx" || rest.len() == 2 && rest.bytes().all(|c| c.is_ascii_digit())
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+.^_`|~-".contains(&c))
}

/// No control character, except for a tab.
fn is_field_value(text: &str) -> bool {
    !text.bytes().any(|c| c.is_ascii_control() && c != b'\t')
}

fn is_printable(text: &str) -> bool {
    !text.bytes().any(|c| c.is_ascii_control())
}

/// Two names with a slash between them, and perhaps parameters.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    essence
        .split_once('/')
        .is_some_and(|(main, sub)| is_token(main) && is_token(sub))
}

fn is_url(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
    else {
        return false;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    !authority.is_empty()
        && !authority.contains('@')
        && rest.bytes().all(|c| c.is_ascii_graphic() && c != b'#')
}
