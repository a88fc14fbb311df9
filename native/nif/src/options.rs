//! Reads a pool's options from an Erlang map, and what any map of options needs.
//!
//! rustler's serde support expects Elixir's data shapes, so the map is read key by key. A missing
//! optional key has its default; a missing required key, an unknown key or a value of the wrong type is
//! `badarg`.

use std::path::PathBuf;

use engine::settings::PoolOptions;
use rustler::types::map::MapIterator;
use rustler::{Decoder, Error, NifResult, Term};
use transport::{Secret, TlsOptions, Verify};

/// Decodes the options of a pool.
pub fn pool(map: Term<'_>) -> NifResult<PoolOptions> {
    let known = [
        "host",
        "path_prefix",
        "request_timeout",
        "call_timeout",
        "workers",
        "strategy",
        "max_worker_queue_len",
        "http2",
        "tls",
    ];
    refuse_unknown(map, &known)?;
    Ok(PoolOptions {
        host: required(map, "host")?,
        path_prefix: required(map, "path_prefix")?,
        request_timeout: required(map, "request_timeout")?,
        call_timeout: required(map, "call_timeout")?,
        workers: required(map, "workers")?,
        strategy: required(map, "strategy")?,
        max_worker_queue_len: optional(map, "max_worker_queue_len")?,
        http2: optional(map, "http2")?.unwrap_or(false),
        tls: get(map, "tls")?.map(tls).transpose()?,
    })
}

fn tls(map: Term<'_>) -> NifResult<TlsOptions> {
    let known = [
        "verify",
        "accept_any",
        "cacertfile",
        "certfile",
        "keyfile",
        "password",
        "ciphers",
        "versions",
        "sni",
        "sni_host",
        "sni_protocol",
        "ignored",
    ];
    refuse_unknown(map, &known)?;
    let verify = match get(map, "verify")? {
        None => Verify::Peer,
        Some(term) => match term.atom_to_string()?.as_str() {
            "none" => Verify::None,
            "peer" => Verify::Peer,
            "selfsigned_peer" => Verify::SelfsignedPeer,
            _ => return Err(Error::BadArg),
        },
    };
    let file = |key| optional::<String>(map, key).map(|path| path.map(PathBuf::from));
    Ok(TlsOptions {
        verify,
        accept_any: optional(map, "accept_any")?.unwrap_or(false),
        cacertfile: file("cacertfile")?,
        certfile: file("certfile")?,
        keyfile: file("keyfile")?,
        password: optional::<String>(map, "password")?.map(Secret::new),
        ciphers: optional(map, "ciphers")?,
        versions: texts(map, "versions")?,
        sni: optional(map, "sni")?.unwrap_or(true),
        sni_host: optional(map, "sni_host")?,
        sni_protocol: optional(map, "sni_protocol")?,
        ignored: texts(map, "ignored")?.unwrap_or_default(),
    })
}

pub fn refuse_unknown(map: Term<'_>, known: &[&str]) -> NifResult<()> {
    for (key, _) in MapIterator::new(map).ok_or(Error::BadArg)? {
        if !known.contains(&key.atom_to_string()?.as_str()) {
            return Err(Error::BadArg);
        }
    }
    Ok(())
}

pub fn get<'a>(map: Term<'a>, key: &str) -> NifResult<Option<Term<'a>>> {
    let key = rustler::Atom::from_str(map.get_env(), key)?;
    Ok(map.map_get(key).ok())
}

pub fn optional<'a, T: Decoder<'a>>(map: Term<'a>, key: &str) -> NifResult<Option<T>> {
    get(map, key)?.map(Term::decode).transpose()
}

pub fn required<'a, T: Decoder<'a>>(map: Term<'a>, key: &str) -> NifResult<T> {
    optional(map, key)?.ok_or(Error::BadArg)
}

/// Reads a proper list, item by item. rustler's own iterator panics at the end of an improper one.
pub fn list<'a, T>(
    list: Term<'a>,
    mut item: impl FnMut(Term<'a>) -> NifResult<T>,
) -> NifResult<Vec<T>> {
    let (mut items, mut rest) = (Vec::new(), list);
    while !rest.is_empty_list() {
        let (head, tail) = rest.list_get_cell()?;
        items.push(item(head)?);
        rest = tail;
    }
    Ok(items)
}

/// A list of texts; `None` if the key is missing.
fn texts(map: Term<'_>, key: &str) -> NifResult<Option<Vec<String>>> {
    get(map, key)?
        .map(|term| list(term, Term::decode))
        .transpose()
}

/// The atoms in a list; each must be one of `known`. Empty if the key is missing.
pub fn atoms<'k>(map: Term<'_>, key: &str, known: &[&'k str]) -> NifResult<Vec<&'k str>> {
    let Some(term) = get(map, key)? else {
        return Ok(Vec::new());
    };
    list(term, |item| {
        let word = item.atom_to_string()?;
        let found = known.iter().find(|known| **known == word);
        found.copied().ok_or(Error::BadArg)
    })
}
