//! What handlers read from files and from the environment: secrets, and values of header fields. No text here shows any
//! part of them.

use std::path::Path;

use credentials::{Content, path_secret};
use files::Source;

use super::handlers::Handler;
use super::options::Options;
use crate::notes::Notes;

const PATH_FILE: &str = "path_secret_file";
const PATH_ENV: &str = "path_secret_env";

/// Notes files and variables of a handler that cannot be used. Relative paths begin at `root`.
pub(crate) fn check(handler: &Handler, root: Option<&Path>, notes: &mut Notes) {
    let checker = Checker { root };
    let options = &handler.options;
    for header in options.sections("headers").unwrap_or_default() {
        checker.check(header, "value_file", "value_env", Content::Header, notes);
    }
    if let Some(auth) = options.section("auth") {
        checker.check(auth, "bearer_file", "bearer_env", Content::Bearer, notes);
        checker.check(
            auth,
            "basic_password_file",
            "basic_password_env",
            Content::Password,
            notes,
        );
        checker.check(
            auth,
            "google_service_account_file",
            "",
            Content::ServiceAccount,
            notes,
        );
        if let Some(oauth2) = auth.section("oauth2") {
            checker.check(
                oauth2,
                "client_secret_file",
                "client_secret_env",
                Content::ClientSecret,
                notes,
            );
        }
    }
    if let Some(signing) = options.section("signing") {
        checker.check(
            signing,
            "secret_file",
            "secret_env",
            Content::SigningKeys,
            notes,
        );
    }
    checker.check(options, PATH_FILE, PATH_ENV, Content::PathPart, notes);
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
    fn check(&self, section: &Options, file: &str, env: &str, content: Content, notes: &mut Notes) {
        if let Some(name) = section.text(file) {
            let path = self
                .root
                .map_or_else(|| name.into(), |root| root.join(name));
            let source = Source::File(path);
            let read = source.read().and_then(|bytes| content.check(&bytes));
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
                Ok(bytes) => {
                    if let Err(error) = content.check(&bytes) {
                        section.problem(env, format!("{source}: {error}"), notes);
                    }
                }
            }
        }
    }
}
