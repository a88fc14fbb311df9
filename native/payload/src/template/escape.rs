//! What `{{ }}` writes, depending on where: a name or a message must not become part of the structure
//! that the template writes.

use minijinja::{AutoEscape, Error, Output, State, Value, escape_formatter};
use serde::de::IgnoredAny;

use super::filters::{json, percent_encoded, text};

/// How values are written, and what the whole must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// As they are: plain text, and header values, which are checked afterwards.
    None,
    /// As JSON values; a text with its quotes. The whole is one JSON document.
    Json,
    /// As JSON values, with a JSON document on each line.
    JsonLines,
    /// For HTML and XML.
    Markup,
    /// Percent-encoded.
    Form,
    /// Percent-encoded, also what is marked as safe. The whole is a path.
    Path,
}

impl Escape {
    /// For a body of this type.
    pub(super) fn of_content_type(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" | "text/json" => Self::Json,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Self::JsonLines,
            "application/x-www-form-urlencoded" => Self::Form,
            "text/html" | "text/xml" | "application/xml" => Self::Markup,
            other if other.ends_with("+json") => Self::Json,
            other if other.ends_with("+xml") => Self::Markup,
            _ => Self::None,
        }
    }

    pub(super) fn automatic(self) -> AutoEscape {
        match self {
            Self::None => AutoEscape::None,
            Self::Json | Self::JsonLines => AutoEscape::Json,
            Self::Markup => AutoEscape::Html,
            Self::Form | Self::Path => AutoEscape::Custom("percent".into()),
        }
    }

    /// Writes a value.
    pub(super) fn write(
        self,
        out: &mut Output<'_>,
        state: &mut State<'_, '_>,
        value: &Value,
    ) -> Result<(), Error> {
        match self {
            // `safe` has no effect here: nothing that is not percent-encoded belongs into a value.
            Self::Form | Self::Path => out.write_str(&percent_encoded(&text(value)?))?,
            Self::Json | Self::JsonLines if !value.is_safe() => out.write_str(&json(value)?)?,
            Self::Markup if !value.is_safe() => {
                return escape_formatter(out, state, &text(value)?.into());
            }
            _ => out.write_str(&text(value)?)?,
        }
        Ok(())
    }

    /// Checks the whole.
    pub(super) fn finish(self, mut output: Vec<u8>) -> Result<Vec<u8>, String> {
        match self {
            Self::Json => is_json(&output)?,
            Self::JsonLines => {
                let lines = output.split(|&byte| byte == b'\n');
                for (number, line) in (1..).zip(lines).filter(|(_, line)| !line.is_empty()) {
                    is_json(line).map_err(|text| format!("line {number} of its output: {text}"))?;
                }
                if output.last().is_some_and(|&byte| byte != b'\n') {
                    output.push(b'\n');
                }
            }
            Self::Path => path(&output)?,
            Self::None | Self::Markup | Self::Form => {}
        }
        Ok(output)
    }
}

fn is_json(text: &[u8]) -> Result<(), String> {
    serde_json::from_slice::<IgnoredAny>(text).map_err(|error| {
        let hint = "write {{ value }} without quotes around it";
        format!("its output is not JSON: {error}; {hint}")
    })?;
    Ok(())
}

/// Checks that it can be a request's target, and that no value has become a step upwards.
fn path(text: &[u8]) -> Result<(), String> {
    let target = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    if target.bytes().any(|byte| !byte.is_ascii_graphic()) || target.contains('#') {
        return Err("its output has a space, a line break, # or other than ASCII".to_owned());
    }
    let path = target.split('?').next().unwrap_or_default();
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("a part of the path between slashes is . or ..".to_owned());
    }
    Ok(())
}
