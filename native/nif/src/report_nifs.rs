//! Passes outcomes and rejections to the reporters, which confirm that they have counted them.
//!
//! A reporter says its number with each call. The first one is 0, and takes the rejections and notices too.

use std::sync::Mutex;
use std::time::SystemTime;

use engine::report::outcomes::{BATCH, Outcome, REPORTERS_AT_MOST};
use notification::{Direction, HandlerId, Names, Verdict, Waiter};
use rustler::env::OwnedEnv;
use rustler::types::LocalPid;
use rustler::{Atom, Decoder, Encoder, Env, Error, NewBinary, NifResult, Term};
use transport::notices::{About, NoticeKind, Outage};

use crate::held::held;
use crate::ids::Id;
use crate::{ENGINE, atoms, pool_nifs};

/// The most rows of rejections in one batch: encoded in well under a millisecond.
const ROWS: usize = 256;
/// The most waiting callers in one batch of rows.
const WAITERS: usize = 512;
/// The most notices in one batch.
const NOTICES: usize = 256;

/// The processes, by their numbers.
static REPORTERS: [Mutex<Option<LocalPid>>; REPORTERS_AT_MOST] =
    [const { Mutex::new(None) }; REPORTERS_AT_MOST];

/// The number of a reporter.
#[derive(Clone, Copy)]
struct Number(usize);

impl<'a> Decoder<'a> for Number {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let number = term.decode()?;
        if number < REPORTERS_AT_MOST {
            Ok(Self(number))
        } else {
            Err(Error::BadArg)
        }
    }
}

/// Makes the calling process the reporter of this number.
#[rustler::nif]
fn attach(env: Env<'_>, number: Number) -> Atom {
    let _held = held!("attach");
    if let Ok(mut reporter) = REPORTERS[number.0].lock() {
        *reporter = Some(env.pid());
    }
    ENGINE.outcomes.attach(number.0);
    atoms::ok()
}

/// Called by one of the engine's threads, never by a scheduler.
pub fn wake_reporter(number: usize) {
    let reporter = REPORTERS
        .get(number)
        .and_then(|reporter| *reporter.lock().ok()?);
    if let Some(pid) = reporter {
        // A dead reporter is replaced, and the next one polls by itself.
        let _ = OwnedEnv::new().send_and_clear(&pid, |_| atoms::outcomes_ready());
    }
}

/// Returns a reporter's next outcomes, and acknowledges those of its previous batch that were counted. With
/// `verbose`, outcomes of sent notifications also include what a log line needs.
#[rustler::nif]
fn take_outcomes(env: Env<'_>, number: Number, verbose: bool) -> Term<'_> {
    let _held = held!("take_outcomes");
    // Not in a vector: after a burst, the allocator can take a millisecond for one.
    let mut terms = [atoms::ok().to_term(env); BATCH];
    let mut free = terms.iter_mut();
    let taken = ENGINE.outcomes.take(number.0, BATCH, |outcome| {
        if let Some(term) = free.next() {
            *term = encode(env, outcome, verbose);
        }
    });
    list(env, &terms[..taken.len()])
}

#[rustler::nif]
fn outcome_counted(number: Number) -> Atom {
    let _held = held!("outcome_counted");
    ENGINE.outcomes.counted(number.0);
    atoms::ok()
}

#[rustler::nif]
fn unacknowledged() -> usize {
    let _held = held!("unacknowledged");
    ENGINE.outcomes.len()
}

#[rustler::nif]
fn rejections(env: Env<'_>) -> Vec<Term<'_>> {
    let _held = held!("rejections");
    let rows = ENGINE.rejections.some(ROWS, WAITERS);
    rows.iter()
        .map(|row| {
            let reason = atoms::word(env, row.reason.as_str());
            (
                Id(row.handler.id),
                reason,
                row.count,
                binary(env, &row.sender),
                &*row.text,
                waiters(env, &row.waiters),
            )
                .encode(env)
        })
        .collect()
}

/// Each with the number of the row's rejections after which it is told.
fn waiters<'a>(env: Env<'a>, waiters: &[(u64, Waiter)]) -> Vec<Term<'a>> {
    waiters
        .iter()
        .map(|(number, waiter)| (*number, binary(env, waiter.token())).encode(env))
        .collect()
}

/// Called after `count` rejections of a row are in the metrics and those who waited for them are told.
#[rustler::nif]
fn rejections_counted(handler: Id<HandlerId>, reason: Term<'_>, count: u64) -> NifResult<Atom> {
    let _held = held!("rejections_counted");
    ENGINE
        .rejections
        .counted(handler.0, atoms::rejection(reason)?, count);
    Ok(atoms::ok())
}

/// Some of the other messages to log; each is returned once.
#[rustler::nif]
fn notices(env: Env<'_>) -> Vec<Term<'_>> {
    let _held = held!("notices");
    let notices = ENGINE.notices.some(NOTICES);
    notices
        .iter()
        .map(|notice| {
            let about = match &notice.about {
                About::Pool(name) => name.encode(env),
                About::Handler(id) => Id(*id).encode(env),
                About::Endpoint(outage) => endpoint(env, outage),
            };
            let kind = match notice.kind {
                NoticeKind::Warning => "warning",
                NoticeKind::Problem => "problem",
                NoticeKind::Mended => "mended",
                NoticeKind::Opened => "opened",
                NoticeKind::EndpointDown => "endpoint_down",
                NoticeKind::EndpointUp => "endpoint_up",
                NoticeKind::SpoolFails => "spool_fails",
                NoticeKind::SpoolWrites => "spool_writes",
                NoticeKind::SpoolUpdate => "spool_update",
                NoticeKind::SpoolDamaged => "spool_damaged",
                NoticeKind::SpoolUnused => "spool_unused",
                NoticeKind::SpoolGivenUp => "spool_given_up",
                NoticeKind::NotOpened(remedy) => pool_nifs::not_opened(remedy),
            };
            (about, atoms::word(env, kind), &*notice.text).encode(env)
        })
        .collect()
}

/// An endpoint: the name of its pool, its URL, since when it is or was down (milliseconds since 1970), and
/// how many notifications wait for it.
fn endpoint<'a>(env: Env<'a>, outage: &Outage) -> Term<'a> {
    let since = outage.since.duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    let millis = u64::try_from(millis).unwrap_or(u64::MAX);
    (&*outage.pool, &*outage.url, millis, outage.waiting).encode(env)
}

/// Builds a list without a vector.
fn list<'a>(env: Env<'a>, terms: &[Term<'a>]) -> Term<'a> {
    let empty = Term::list_new_empty(env);
    terms
        .iter()
        .rfold(empty, |rest, term| rest.list_prepend(*term))
}

fn encode<'a>(env: Env<'a>, outcome: &Outcome, verbose: bool) -> Term<'a> {
    let notification = &outcome.notification;
    let names = notification.names();
    let (verdict, verbose) = match &outcome.verdict {
        Verdict::Sent { status, elapsed } => {
            let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            ((atoms::sent(), *status, micros).encode(env), verbose)
        }
        Verdict::Failed {
            reason,
            text,
            attempts,
        } => {
            let reason = atoms::word(env, reason.as_str());
            let verdict = (atoms::failed(), reason, &**text, *attempts);
            (verdict.encode(env), true)
        }
    };
    let details = if verbose {
        details(env, notification.direction(), names)
    } else {
        atoms::undefined().encode(env)
    };
    let waiter = notification.waiter().map_or_else(
        || atoms::undefined().encode(env),
        |waiter| binary(env, waiter.token()),
    );
    (
        Id(notification.handler().id),
        binary(env, names.sender),
        verdict,
        details,
        waiter,
    )
        .encode(env)
}

fn details<'a>(env: Env<'a>, direction: Direction, names: Names<'_>) -> Term<'a> {
    let direction = match direction {
        Direction::In => atoms::direction_in(),
        Direction::Out => atoms::out(),
    };
    (
        direction,
        binary(env, names.server),
        binary(env, names.receiver),
    )
        .encode(env)
}

fn binary<'a>(env: Env<'a>, bytes: &[u8]) -> Term<'a> {
    let mut term = NewBinary::new(env, bytes.len());
    term.as_mut_slice().copy_from_slice(bytes);
    term.into()
}
