//! The templates of one handler.

use std::path::PathBuf;

use files::{Source, Tell, Watched};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use minijinja::Value;
use notification::FailureReason;

use super::escape::Escape;
use super::{Failure, Scope, Template, limits, variables};
use crate::event::Event;
use crate::{Made, PayloadError, PlanError, forms, header};

/// What a handler's section says of templates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TemplateOptions {
    /// `template_file`: makes the body.
    pub file: PathBuf,
    /// `content_type`: what the body is, which also says how values are escaped.
    pub content_type: String,
    /// `path`, if templates may be in it.
    pub path: Option<String>,
    /// Those of `headers` that have a `value`.
    pub headers: Vec<(String, String)>,
}

/// The compiled templates of a handler.
#[derive(Debug)]
pub(crate) struct Templates {
    body: Watched<Template>,
    file: PathBuf,
    content_type: HeaderValue,
    path: Option<Template>,
    headers: Vec<(HeaderName, Template)>,
}

impl Templates {
    /// Compiles path and headers, and begins to read the file.
    pub(crate) fn compile(
        options: TemplateOptions,
        batched: bool,
        tell: &Tell,
    ) -> Result<Self, PlanError> {
        let scope = Scope::of(batched);
        let TemplateOptions {
            file,
            content_type,
            path,
            headers,
        } = options;
        let wrong = |option: &str, text: String| PlanError::Template {
            option: option.to_owned(),
            text,
        };
        let checked =
            Self::check_content_type(&content_type).map_err(|text| wrong("content_type", text))?;
        let path = path.filter(|path| has_template(path));
        let path = path.map(|path| Self::path(&path, scope).map_err(|text| wrong("path", text)));
        let headers = headers.into_iter().map(|(name, value)| {
            let option = format!("headers.{name}");
            // A value that any header may have: this checks the name.
            let (name, _) = header::check(name.as_bytes(), b"x")
                .map_err(|error| wrong(&option, error.to_string()))?;
            let template = Self::header(&value, scope).map_err(|text| wrong(&option, text))?;
            Ok((name, template))
        });
        Ok(Self {
            path: path.transpose()?,
            headers: headers.collect::<Result<_, PlanError>>()?,
            content_type: checked,
            body: Watched::new(
                "template_file",
                Source::File(file.clone()),
                move |bytes| Self::body(bytes, &content_type, scope),
                tell.clone(),
            ),
            file,
        })
    }

    /// The template of a body.
    pub(super) fn body(bytes: &[u8], content_type: &str, scope: Scope) -> Result<Template, String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let source = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        Template::compile(source, Escape::of_content_type(content_type), scope)
    }

    /// The template of a path.
    pub(super) fn path(source: &str, scope: Scope) -> Result<Template, String> {
        Template::compile(source, Escape::Path, scope)
    }

    /// The template of a header's value.
    pub(super) fn header(source: &str, scope: Scope) -> Result<Template, String> {
        Template::compile(source, Escape::None, scope)
    }

    pub(super) fn check_content_type(text: &str) -> Result<HeaderValue, String> {
        let has_two_parts = text
            .split_once('/')
            .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
        HeaderValue::from_str(text)
            .ok()
            .filter(|_| has_two_parts)
            .ok_or_else(|| "it is not a media type such as application/json".to_owned())
    }

    /// Waits for the first read of the file, within bounds, and has it read again when it has changed.
    pub(crate) async fn ready(&self) -> Result<(), PayloadError> {
        self.body.get().await.map(drop).map_err(failed)
    }

    /// Whether there is a template for the body.
    pub(super) fn is_there(&self) -> Result<(), PayloadError> {
        self.body.now().map(drop).map_err(failed)
    }

    /// Makes a request's part of an event.
    pub(crate) fn render(&self, event: &Event<'_>, id: &str) -> Result<Made, PayloadError> {
        let variables = variables::of(event, id)?;
        self.render_with(&variables, limits::OUTPUT)
            .map_err(|failure| failed(failure.text))
    }

    /// Makes a request's part of these variables, with no more bytes in the body than these.
    pub(super) fn render_with(&self, variables: &Value, most: usize) -> Result<Made, Failure> {
        let body = self.body.now().map_err(|text| Failure {
            text,
            too_much: false,
        })?;
        let body = body.render_within(variables, most).map_err(|failure| {
            let file = self.file.display();
            failure.at(&format!("template_file: {file}"))
        })?;
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        headers.push((CONTENT_TYPE, self.content_type.clone()));
        for (name, template) in &self.headers {
            headers.push(rendered_header(name, template, variables)?);
        }
        let path = match &self.path {
            None => None,
            Some(path) => {
                let rendered = path.render_within(variables, limits::OUTPUT);
                let bytes = rendered.map_err(|failure| failure.at("path"))?;
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
        };
        Ok(Made {
            body: forms::fitted(body),
            headers,
            path,
        })
    }
}

fn rendered_header(
    name: &HeaderName,
    template: &Template,
    variables: &Value,
) -> Result<(HeaderName, HeaderValue), Failure> {
    let option = format!("headers.{name}");
    let rendered = template.render_within(variables, limits::OUTPUT);
    let value = rendered.map_err(|failure| failure.at(&option))?;
    header::check(name.as_str().as_bytes(), &value).map_err(|error| {
        let failure = Failure {
            text: error.to_string(),
            too_much: false,
        };
        failure.at(&option)
    })
}

/// Whether there is anything to render.
fn has_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|start| text.contains(start))
}

pub(super) fn failed(text: String) -> PayloadError {
    PayloadError {
        reason: FailureReason::TemplateError,
        text,
    }
}
