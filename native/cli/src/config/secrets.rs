//! What handlers read from files and from the environment: secrets, and values of header fields. No text here shows any
//! part of them.

use std::path::Path;

use credentials::path_secret;
use files::Source;
use payload::{header, signature};

use super::handlers::Handler;
use super::options::Options;
use crate::notes::Notes;

const PATH_FILE: &str = "path_secret_file";
const PATH_ENV: &str = "path_secret_env";

/// What a content has to be, as the engine reads it.
type Parse = fn(&[u8]) -> Result<(), String>;

/// Notes files and variables of a handler that cannot be used. Relative paths begin at `root`.
pub(crate) fn check(handler: &Handler, root: Option<&Path>, notes: &mut Notes) {
    let checker = Checker { root };
    let options = &handler.options;
    for header in options.sections("headers").unwrap_or_default() {
        checker.check(header, "value_file", "value_env", field_value, notes);
    }
    if let Some(auth) = options.section("auth") {
        checker.check(auth, "bearer_file", "bearer_env", credential, notes);
        checker.check(
            auth,
            "basic_password_file",
            "basic_password_env",
            credential,
            notes,
        );
        checker.check(auth, "google_service_account_file", "", json, notes);
        if let Some(oauth2) = auth.section("oauth2") {
            checker.check(
                oauth2,
                "client_secret_file",
                "client_secret_env",
                credential,
                notes,
            );
        }
    }
    if let Some(signing) = options.section("signing") {
        checker.check(signing, "secret_file", "secret_env", keys, notes);
    }
    checker.check(options, PATH_FILE, PATH_ENV, part_of_path, notes);
    check_place(handler, notes);
}

/// The path has a place for its secret, and a secret for the place.
fn check_place(handler: &Handler, notes: &mut Notes) {
    let options = &handler.options;
    let place = path_secret::PLACE;
    let has_place = handler.target.contains(place);
    match [PATH_FILE, PATH_ENV].iter().find(|name| options.has(name)) {
        Some(name) if !has_place => {
            let text = format!("needs {place} in path, where the secret belongs");
            options.problem(name, text, notes);
        }
        None if has_place => {
            let text = format!("{place} is sent as it is without {PATH_FILE} or {PATH_ENV}");
            options.warning("path", text, notes);
        }
        Some(_) | None => {}
    }
}

struct Checker<'a> {
    root: Option<&'a Path>,
}

impl Checker<'_> {
    /// Reads the file or the variable that the section names.
    fn check(&self, section: &Options, file: &str, env: &str, parse: Parse, notes: &mut Notes) {
        if let Some(name) = section.text(file) {
            let path = self
                .root
                .map_or_else(|| name.into(), |root| root.join(name));
            let source = Source::File(path);
            let read = source.read().and_then(|content| parse(&content));
            if let Err(error) = read {
                section.problem(file, format!("{source}: {error}"), notes);
            }
        }
        if let Some(name) = section.text(env) {
            let source = Source::Env(name.to_owned());
            match source.read() {
                // This program has its own environment.
                Err(error) => {
                    let text = format!("{source}: {error} here; the node must have it");
                    section.warning(env, text, notes);
                }
                Ok(content) => {
                    if let Err(error) = parse(&content) {
                        section.problem(env, format!("{source}: {error}"), notes);
                    }
                }
            }
        }
    }
}

/// The value of a header field: one line.
fn field_value(content: &[u8]) -> Result<(), String> {
    match header::check(b"x", content.trim_ascii_end()) {
        Ok(_) => Ok(()),
        Err(_) => Err("its text cannot be the value of a header field".to_owned()),
    }
}

/// A token or a password, which is in a header field later.
fn credential(content: &[u8]) -> Result<(), String> {
    let content = content.trim_ascii();
    if content.is_empty() {
        return Err("it is empty".to_owned());
    }
    if content.iter().any(u8::is_ascii_control) {
        return Err("it must be one line without control characters".to_owned());
    }
    Ok(())
}

fn json(content: &[u8]) -> Result<(), String> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(content)
        .map_err(|error| format!("it is not a JSON object: line {}", error.line()))?;
    for name in ["client_email", "private_key", "token_uri"] {
        if !fields.get(name).is_some_and(serde_json::Value::is_string) {
            return Err(format!("it has no {name}"));
        }
    }
    Ok(())
}

fn part_of_path(content: &[u8]) -> Result<(), String> {
    path_secret::parse(content).map(drop)
}

fn keys(content: &[u8]) -> Result<(), String> {
    signature::parse_keys(content)
        .map(drop)
        .map_err(|error| error.to_string())
}
