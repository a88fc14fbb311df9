//! Reads a handler's plan from an Erlang map: what its options ask for beyond the stock module's.
//!
//! `http_pusher_host_handler` makes the map. No secret is in it, only where each is to be read. An unknown
//! key, or a value of the wrong type, is `badarg`.

use std::path::PathBuf;

use credentials::{AuthOptions, CredentialOptions, OAuth2Options};
use engine::handler_plan::HandlerOptions;
use files::{Secret, Source};
use payload::{CloudEventsMode, Compression, FormatOptions, PlanOptions, TemplateOptions};
use rustler::{Error, NifResult, Term};

use crate::options::{atoms, get, list, optional, refuse_unknown, required};
use crate::policy;

/// Decodes the plan of a handler with this path, without the policy in it. `None` for a handler that sets
/// none of these options.
pub fn plan(map: Term<'_>, path: &str) -> NifResult<Option<HandlerOptions>> {
    let policy_keys = policy::KEYS
        .iter()
        .filter_map(|key| get(map, key).transpose());
    if map.map_size()? == policy_keys.count() {
        return Ok(None);
    }
    let mut known = policy::KEYS.to_vec();
    known.extend([
        "format",
        "include",
        "omit",
        "cloudevents_mode",
        "cloudevents_source",
        "template_file",
        "content_type",
        "headers",
        "auth",
        "signing",
        "path_secret",
        "compress",
    ]);
    refuse_unknown(map, &known)?;
    let include = atoms(map, "include", &["stanza", "unread"])?;
    let omit = atoms(map, "omit", &["body"])?;
    let mut headers = headers(map)?;
    let format = match get(map, "format")? {
        None => FormatOptions::Form,
        Some(format) if format.atom_to_string()? == "template" => {
            FormatOptions::Template(template(map, path, &mut headers)?)
        }
        Some(format) => other_format(map, format)?,
    };
    Ok(Some(HandlerOptions {
        payload: PlanOptions {
            format,
            include_stanza: include.contains(&"stanza"),
            omit_body: omit.contains(&"body"),
            ..PlanOptions::default()
        },
        credentials: CredentialOptions {
            headers,
            auth: get(map, "auth")?.map(auth).transpose()?,
            signing: get(map, "signing")?.map(secret).transpose()?,
            path_secret: get(map, "path_secret")?.map(secret).transpose()?,
        },
        compress: get(map, "compress")?.map(compression).transpose()?,
    }))
}

fn compression(word: Term<'_>) -> NifResult<Compression> {
    match word.atom_to_string()?.as_str() {
        "gzip" => Ok(Compression::Gzip),
        "zstd" => Ok(Compression::Zstd),
        _ => Err(Error::BadArg),
    }
}

/// Path and header values are templates, too. Takes the values out of `headers`; what is read elsewhere is
/// no template.
fn template(
    map: Term<'_>,
    path: &str,
    headers: &mut Vec<(String, Source)>,
) -> NifResult<TemplateOptions> {
    let mut templates = Vec::new();
    headers.retain(|(name, source)| match source {
        Source::Value(text) => {
            templates.push((name.clone(), text.reveal().to_owned()));
            false
        }
        Source::File(_) | Source::Env(_) => true,
    });
    Ok(TemplateOptions {
        file: PathBuf::from(required::<String>(map, "template_file")?),
        content_type: required(map, "content_type")?,
        path: Some(path.to_owned()),
        headers: templates,
    })
}

fn other_format(map: Term<'_>, format: Term<'_>) -> NifResult<FormatOptions> {
    match format.atom_to_string()?.as_str() {
        "form" => Ok(FormatOptions::Form),
        "json" => Ok(FormatOptions::Json),
        "cloudevents" => Ok(FormatOptions::CloudEvents {
            mode: cloudevents_mode(map)?,
            source: optional(map, "cloudevents_source")?,
        }),
        _ => Err(Error::BadArg),
    }
}

fn cloudevents_mode(map: Term<'_>) -> NifResult<CloudEventsMode> {
    let Some(mode) = get(map, "cloudevents_mode")? else {
        return Ok(CloudEventsMode::Structured);
    };
    match mode.atom_to_string()?.as_str() {
        "structured" => Ok(CloudEventsMode::Structured),
        "binary" => Ok(CloudEventsMode::Binary),
        _ => Err(Error::BadArg),
    }
}

fn headers(map: Term<'_>) -> NifResult<Vec<(String, Source)>> {
    let Some(headers) = get(map, "headers")? else {
        return Ok(Vec::new());
    };
    list(headers, |header| {
        let (name, value): (String, Term<'_>) = header.decode()?;
        Ok((name, source(value)?))
    })
}

/// Where a text is to be read: a pair of `value`, `file` or `env`, and a text.
fn source(term: Term<'_>) -> NifResult<Source> {
    let (kind, text): (Term<'_>, String) = term.decode()?;
    match kind.atom_to_string()?.as_str() {
        "value" => Ok(Source::Value(Secret::new(text))),
        "file" => Ok(Source::File(PathBuf::from(text))),
        "env" => Ok(Source::Env(text)),
        _ => Err(Error::BadArg),
    }
}

/// A secret: not a value of the configuration.
fn secret(term: Term<'_>) -> NifResult<Source> {
    match source(term)? {
        Source::Value(_) => Err(Error::BadArg),
        elsewhere => Ok(elsewhere),
    }
}

fn auth(term: Term<'_>) -> NifResult<AuthOptions> {
    if let Ok((kind, user, password)) = term.decode::<(Term<'_>, String, Term<'_>)>() {
        let password = secret(password)?;
        let is_basic = kind.atom_to_string()? == "basic";
        let auth = is_basic.then_some(AuthOptions::Basic { user, password });
        return auth.ok_or(Error::BadArg);
    }
    let (kind, given): (Term<'_>, Term<'_>) = term.decode()?;
    match kind.atom_to_string()?.as_str() {
        "bearer" => Ok(AuthOptions::Bearer(secret(given)?)),
        "oauth2" => Ok(AuthOptions::OAuth2(oauth2(given)?)),
        "google" => Ok(AuthOptions::Google(PathBuf::from(
            given.decode::<String>()?,
        ))),
        _ => Err(Error::BadArg),
    }
}

fn oauth2(map: Term<'_>) -> NifResult<OAuth2Options> {
    refuse_unknown(map, &["token_url", "client_id", "client_secret", "scope"])?;
    Ok(OAuth2Options {
        token_url: required(map, "token_url")?,
        client_id: required(map, "client_id")?,
        client_secret: secret(required(map, "client_secret")?)?,
        scope: optional(map, "scope")?,
    })
}
