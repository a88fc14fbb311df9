//! A handler's options as the engine wants them.

use std::path::Path;

use credentials::{AuthOptions, CredentialOptions, OAuth2Options};
use engine::handler_plan::HandlerOptions;
use files::{Secret, Source};
use payload::{CloudEventsMode, Compression, FormatOptions, PlanOptions, TemplateOptions};

use crate::config::handlers::Handler;
use crate::config::options::Options;

/// The options of ours that have a part in the request.
const OURS: [&str; 12] = [
    "format",
    "include",
    "omit",
    "cloudevents",
    "template_file",
    "content_type",
    "headers",
    "auth",
    "signing",
    "path_secret_file",
    "path_secret_env",
    "compress",
];

/// The engine's options; `None` if the handler sends what MongooseIM's own module sends. Relative names of files begin at
/// `root`.
pub(crate) fn of(handler: &Handler, root: Option<&Path>) -> Option<HandlerOptions> {
    let options = &handler.options;
    OURS.iter()
        .any(|name| options.has(name))
        .then(|| HandlerOptions {
            payload: payload(handler, root),
            credentials: credentials(options, root),
            compress: match options.text("compress") {
                Some("gzip") => Some(Compression::Gzip),
                Some("zstd") => Some(Compression::Zstd),
                _ => None,
            },
        })
}

/// The templates of a handler whose format is `template`. Path and header values are templates, too.
pub(crate) fn template(handler: &Handler, root: Option<&Path>) -> Option<TemplateOptions> {
    let options = &handler.options;
    if options.text("format") != Some("template") {
        return None;
    }
    let headers = options.sections("headers").unwrap_or_default();
    let header = |header: &Options| {
        Some((
            header.text("name")?.to_owned(),
            header.text("value")?.to_owned(),
        ))
    };
    Some(TemplateOptions {
        file: path(options.text("template_file")?, root),
        content_type: options.text("content_type")?.to_owned(),
        path: Some(handler.target.clone()),
        headers: headers.into_iter().filter_map(header).collect(),
    })
}

fn payload(handler: &Handler, root: Option<&Path>) -> PlanOptions {
    let options = &handler.options;
    let has = |name, word| options.texts(name).is_some_and(|list| list.contains(&word));
    PlanOptions {
        format: template(handler, root).map_or_else(|| format(options), FormatOptions::Template),
        include_stanza: has("include", "stanza"),
        omit_body: has("omit", "body"),
        ..PlanOptions::default()
    }
}

fn format(options: &Options) -> FormatOptions {
    match options.text("format") {
        Some("json") => FormatOptions::Json,
        Some("cloudevents") => {
            let section = options.section("cloudevents");
            let text = |name| section.and_then(|section| section.text(name));
            FormatOptions::CloudEvents {
                mode: match text("mode") {
                    Some("binary") => CloudEventsMode::Binary,
                    _ => CloudEventsMode::Structured,
                },
                source: text("source").map(str::to_owned),
            }
        }
        _ => FormatOptions::Form,
    }
}

fn credentials(options: &Options, root: Option<&Path>) -> CredentialOptions {
    let headers = options.sections("headers").unwrap_or_default();
    let is_template = options.text("format") == Some("template");
    let header = |header: &Options| {
        let value = header
            .text("value")
            .filter(|_| !is_template)
            .map(|value| Source::Value(Secret::new(value.to_owned())));
        let source = value.or_else(|| source(header, "value_file", "value_env", root))?;
        Some((header.text("name")?.to_owned(), source))
    };
    let signing = options.section("signing");
    CredentialOptions {
        headers: headers.into_iter().filter_map(header).collect(),
        auth: options
            .section("auth")
            .and_then(|section| auth(section, root)),
        signing: signing.and_then(|section| source(section, "secret_file", "secret_env", root)),
        path_secret: source(options, "path_secret_file", "path_secret_env", root),
    }
}

fn auth(section: &Options, root: Option<&Path>) -> Option<AuthOptions> {
    let text = |section: &Options, name: &str| section.text(name).map(str::to_owned);
    if let Some(user) = text(section, "basic_user") {
        let password = source(section, "basic_password_file", "basic_password_env", root)?;
        return Some(AuthOptions::Basic { user, password });
    }
    if let Some(oauth2) = section.section("oauth2") {
        return Some(AuthOptions::OAuth2(OAuth2Options {
            token_url: text(oauth2, "token_url")?,
            client_id: text(oauth2, "client_id")?,
            client_secret: source(oauth2, "client_secret_file", "client_secret_env", root)?,
            scope: text(oauth2, "scope"),
        }));
    }
    if let Some(file) = section.text("google_service_account_file") {
        return Some(AuthOptions::Google(path(file, root)));
    }
    source(section, "bearer_file", "bearer_env", root).map(AuthOptions::Bearer)
}

/// Where a secret is.
fn source(section: &Options, file: &str, env: &str, root: Option<&Path>) -> Option<Source> {
    let file = section
        .text(file)
        .map(|name| Source::File(path(name, root)));
    file.or_else(|| section.text(env).map(|name| Source::Env(name.to_owned())))
}

/// A file's path.
pub(crate) fn path(name: &str, root: Option<&Path>) -> std::path::PathBuf {
    root.map_or_else(|| name.into(), |root| root.join(name))
}
