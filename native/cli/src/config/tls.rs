//! `connection.tls` in both layouts, made the engine's options.

use std::path::{Path, PathBuf};

use transport::{Secret, TlsOptions, Verify};

use super::context::Context;
use super::release::Release;
use super::section::Section;
use crate::notes::Notes;

/// Reads the tls section of a connection.
pub(crate) fn read(section: Section<'_>, context: Context<'_>, notes: &mut Notes) -> TlsOptions {
    if context.mongooseim.old_layout {
        old(section, notes)
    } else {
        new(section, context, notes)
    }
}

/// The tls section of 5.0.
fn old(mut section: Section<'_>, notes: &mut Notes) -> TlsOptions {
    let verify = match section.boolean("verify_peer", notes) {
        Some(true) => Verify::Peer,
        _ => Verify::None,
    };
    let mut options = common(&mut section, notes);
    options.verify = verify;
    options.sni = section
        .boolean("server_name_indication", notes)
        .unwrap_or(true);
    if section.filled("dhfile", notes).is_some() {
        options.ignored.push("dhfile".to_owned());
    }
    section.finish(notes);
    options
}

/// The tls section from 5.1 on.
fn new(mut section: Section<'_>, context: Context<'_>, notes: &mut Notes) -> TlsOptions {
    let mut options = common(&mut section, notes);
    options.verify = verify_mode(&mut section, notes);
    let mut unread = Vec::new();
    if context.mongooseim.may_be_from(Release::new(6, 4)) {
        options.accept_any = section.boolean("disconnect_on_failure", notes) == Some(false);
        let crl_files = section.strings("crl_files", notes).unwrap_or_default();
        if !crl_files.is_empty() {
            options.ignored.push("crl_files".to_owned());
        }
        unread.extend(crl_files.into_iter().map(PathBuf::from));
    }
    if let Some(sni) = section.section("server_name_indication", notes) {
        server_name_indication(sni, &mut options, notes);
    }
    if options.verify == Verify::None || options.accept_any {
        unread.extend(options.cacertfile.clone());
    }
    for file in unread {
        exists(&file, context.root, &section, notes);
    }
    rules_of_releases(&options, &section, context, notes);
    section.finish(notes);
    options
}

fn verify_mode(section: &mut Section<'_>, notes: &mut Notes) -> Verify {
    match section.string("verify_mode", notes).as_deref() {
        None | Some("peer") => Verify::Peer,
        Some("selfsigned_peer") => Verify::SelfsignedPeer,
        Some("none") => Verify::None,
        Some(other) => {
            let text = format!("{other:?} is not one of peer, selfsigned_peer, none");
            section.problem_with("verify_mode", text, notes);
            Verify::Peer
        }
    }
}

fn server_name_indication(mut sni: Section<'_>, options: &mut TlsOptions, notes: &mut Notes) {
    options.sni = sni.boolean("enabled", notes).unwrap_or(true);
    options.sni_host = sni.filled("host", notes);
    options.sni_protocol = sni.string("protocol", notes);
    let protocol = options.sni_protocol.as_deref();
    if protocol.is_some_and(|protocol| protocol != "default" && protocol != "https") {
        sni.problem_with("protocol", "must be \"default\" or \"https\"", notes);
    }
    sni.finish(notes);
}

/// MongooseIM demands that every file exists, also those that this client does not read.
fn exists(file: &Path, root: Option<&Path>, section: &Section<'_>, notes: &mut Notes) {
    let file = root.map_or_else(|| file.to_owned(), |root| root.join(file));
    if let Err(error) = std::fs::metadata(&file) {
        let text = format!(
            "MongooseIM does not start without {}: {error}",
            file.display()
        );
        notes.problem(section.place(), text);
    }
}

/// Further rules of single releases.
fn rules_of_releases(
    options: &TlsOptions,
    section: &Section<'_>,
    context: Context<'_>,
    notes: &mut Notes,
) {
    let mongooseim = context.mongooseim;
    if options.verify != Verify::None
        && options.cacertfile.is_none()
        && mongooseim.is_between(Release::new(6, 2), Release::new(6, 4))
    {
        let text = "MongooseIM 6.2 and 6.3 demand cacertfile with this verify_mode";
        notes.problem(section.place(), text);
    }
    if options.certfile.is_some()
        && options.keyfile.is_none()
        && mongooseim.may_be_from(Release::new(6, 8))
    {
        let text = "has certfile without keyfile, which MongooseIM refuses from 6.8 on";
        if mongooseim.release.is_some() {
            notes.problem(section.place(), text);
        } else {
            notes.warning(section.place(), text);
        }
    }
}

fn common(section: &mut Section<'_>, notes: &mut Notes) -> TlsOptions {
    TlsOptions {
        cacertfile: section.filled("cacertfile", notes).map(PathBuf::from),
        certfile: section.filled("certfile", notes).map(PathBuf::from),
        keyfile: section.filled("keyfile", notes).map(PathBuf::from),
        password: section.string("password", notes).map(Secret::new),
        ciphers: section.string("ciphers", notes),
        versions: section.strings("versions", notes),
        ..TlsOptions::default()
    }
}
