//! The atoms of the NIF's interface.

use notification::RejectReason;
use rustler::{Atom, Encoder, Env, Error, NifResult, Term};

rustler::atoms! {
    ok,
    error,
    sent,
    failed,
    rejected,
    not_open,
    opening,
    undefined,
    infinity,
    // What a pool does if every worker is busy.
    wait,
    reject,
    outcomes_ready,
    // Directions.
    direction_in = "in",
    out,
}

/// A reason as an atom. There are a few dozen reasons, all of them constants of the engine.
pub fn word<'a>(env: Env<'a>, word: &str) -> Term<'a> {
    atom(env, word).encode(env)
}

/// Like [`word`], for the field of a map.
pub fn atom(env: Env<'_>, word: &str) -> Atom {
    Atom::from_str(env, word).unwrap_or_else(|_| error())
}

/// The reject reason that an atom names.
pub fn rejection(term: Term<'_>) -> NifResult<RejectReason> {
    let word = term.atom_to_string()?;
    RejectReason::from_word(&word).ok_or(Error::BadArg)
}
