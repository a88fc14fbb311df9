//! Hand-over of notifications, in the session's process.

use std::cell::RefCell;

use notification::{
    Content, Direction, HandlerId, Names, Notification, PoolId, PushError, RejectReason, Waiter,
    lane_key,
};
use payload::Headers;
use rustler::{Atom, Binary, Decoder, Encoder, Env, Error, NifResult, Term};

use crate::held::held;
use crate::ids::Id;
use crate::pair::pair;
use crate::{ENGINE, atoms};

thread_local! {
    /// Buffer for the lane's key, so that a call need not allocate one.
    static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The direction of the message, `in` or `out`. If a caller waits until the notification has been
/// counted, `{Direction, Waiter}`: the reporter gets the bytes of `Waiter` back.
pub struct Way {
    pub direction: Direction,
    waiter: Option<Waiter>,
}

impl<'a> Decoder<'a> for Way {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let (direction, waiter) = if term.is_tuple() {
            let (direction, waiter): (Atom, Binary<'a>) = term.decode()?;
            (direction, Waiter::new(&waiter))
        } else {
            (term.decode()?, None)
        };
        let direction = if direction == atoms::direction_in() {
            Direction::In
        } else if direction == atoms::out() {
            Direction::Out
        } else {
            return Err(Error::BadArg);
        };
        Ok(Self { direction, waiter })
    }
}

/// Sender, server, receiver and the receiver's server.
pub type NameTerms<'a> = (Binary<'a>, Binary<'a>, Binary<'a>, Binary<'a>);

/// Which pool and handler a notification is for, and whose it is: what all contents have in common.
pub struct To<'a> {
    pub pool: Id<PoolId>,
    pub handler: Id<HandlerId>,
    pub way: Way,
    pub names: NameTerms<'a>,
}

pair! {
    fn push_form, push_form_dirty(
        env,
        pool: Id<PoolId>,
        handler: Id<HandlerId>,
        way: Way,
        names: NameTerms<'a>,
        message: Binary<'a>,
    ) {
        let to = To { pool, handler, way, names };
        push(env, to, &message, Content::Form)
    }
}

pair! {
    fn push_custom, push_custom_dirty(
        env,
        pool: Id<PoolId>,
        handler: Id<HandlerId>,
        way: Way,
        names: NameTerms<'a>,
        headers: Term<'a>,
        body: Binary<'a>,
    ) {
        let to = To { pool, handler, way, names };
        with_headers(env, to, headers, &body)
    }
}

/// Counts a notification that was rejected before it reached a pool.
#[rustler::nif]
fn reject(
    handler: Id<HandlerId>,
    reason: Term<'_>,
    sender: Binary<'_>,
    text: &str,
    waiter: Binary<'_>,
) -> NifResult<Atom> {
    let _held = held!("reject");
    let reason = atoms::rejection(reason)?;
    let handler = ENGINE.handler_by_id(handler.0).ok_or(Error::BadArg)?;
    ENGINE.reject(&handler, reason, Waiter::new(&waiter), &sender, text);
    Ok(atoms::ok())
}

fn with_headers<'a>(
    env: Env<'a>,
    to: To<'a>,
    list: Term<'a>,
    body: &Binary<'a>,
) -> NifResult<Term<'a>> {
    let mut headers = Headers::default();
    let mut rest = list;
    while !rest.is_empty_list() {
        // rustler's own iterator panics at the end of an improper list.
        let (head, tail) = rest.list_get_cell()?;
        let (name, value): (Binary<'a>, Binary<'a>) = head.decode()?;
        rest = tail;
        if let Err(error) = headers.add(&name, &value) {
            let handler = ENGINE.handler_by_id(to.handler.0).ok_or(Error::BadArg)?;
            let (reason, text) = (RejectReason::BadHeader, error.to_string());
            ENGINE.reject(&handler, reason, to.way.waiter, &to.names.0, &text);
            return Ok(rejected(env, RejectReason::BadHeader));
        }
    }
    push(env, to, body, Content::Custom(headers.as_bytes()))
}

/// Hands a notification over: for any content.
pub fn push<'a>(
    env: Env<'a>,
    to: To<'a>,
    text: &Binary<'a>,
    content: Content<'_>,
) -> NifResult<Term<'a>> {
    let Way { direction, waiter } = to.way;
    let id = to.handler.0;
    let handler = ENGINE.handler_by_id(id).ok_or(Error::BadArg)?;
    let (sender, server, receiver, receiver_server) = &to.names;
    let names = Names {
        sender,
        server,
        receiver,
    };
    let host_type = handler.host_type.id;
    let pushed = KEY.with_borrow_mut(|key| {
        lane_key(key, host_type, direction, names, receiver_server);
        Notification::new(handler, direction, names, text, content)
            .map(|notification| notification.awaited_by(waiter.clone()))
            .map(|notification| ENGINE.push(to.pool.0, key, notification))
    });
    let Some(pushed) = pushed else {
        let handler = ENGINE.handler_by_id(id).ok_or(Error::BadArg)?;
        let text = "longer than 4 GiB";
        ENGINE.reject(&handler, RejectReason::TooLarge, waiter, names.sender, text);
        return Ok(rejected(env, RejectReason::TooLarge));
    };
    Ok(match pushed {
        Ok(()) => atoms::ok().encode(env),
        Err(PushError::NotOpen) => atoms::not_open().encode(env),
        Err(PushError::Rejected(reason)) => rejected(env, reason),
    })
}

fn rejected(env: Env<'_>, reason: RejectReason) -> Term<'_> {
    (atoms::rejected(), atoms::word(env, reason.as_str())).encode(env)
}
