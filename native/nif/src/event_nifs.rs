//! Hand-over of an event for a format that needs more than names and text: facts, and the stanza as XML.
//!
//! The engine reads the stanza later, on one of its own threads; here its bytes are only copied.

use std::cell::RefCell;

use notification::{Content, HandlerId, Names, PoolId};
use payload::{Basics, Facts, Value};
use rustler::{Binary, Env, NifResult, Term};

use crate::held::held;
use crate::ids::Id;
use crate::push_nifs::{NameTerms, To, Way, push};

/// Event, type, timestamp, status of the user, resource of the sender, that of the receiver, and other facts.
type FactTerms<'a> = (
    Binary<'a>,
    Binary<'a>,
    i64,
    Binary<'a>,
    Binary<'a>,
    Binary<'a>,
    Term<'a>,
);

thread_local! {
    /// Buffer for the facts, so that a call need not allocate one.
    static FACTS: RefCell<Facts> = RefCell::new(Facts::default());
}

#[rustler::nif]
fn push_event<'a>(
    env: Env<'a>,
    pool: Id<PoolId>,
    handler: Id<HandlerId>,
    way: Way,
    names: NameTerms<'a>,
    facts: FactTerms<'a>,
    stanza: Binary<'a>,
) -> NifResult<Term<'a>> {
    let _held = held!("push_event");
    let to = To {
        pool,
        handler,
        way,
        names,
    };
    FACTS.with_borrow_mut(|buffer| {
        buffer.clear();
        read(&facts, &to, buffer)?;
        push(env, to, &stanza, Content::Event(buffer.as_bytes()))
    })
}

/// For longer facts and stanzas: what they take is not kept.
#[rustler::nif(schedule = "DirtyCpu")]
fn push_event_dirty<'a>(
    env: Env<'a>,
    pool: Id<PoolId>,
    handler: Id<HandlerId>,
    way: Way,
    names: NameTerms<'a>,
    facts: FactTerms<'a>,
    stanza: Binary<'a>,
) -> NifResult<Term<'a>> {
    let to = To {
        pool,
        handler,
        way,
        names,
    };
    let mut buffer = Facts::default();
    read(&facts, &to, &mut buffer)?;
    push(env, to, &stanza, Content::Event(buffer.as_bytes()))
}

/// Reads what every event has, and the list of the others: pairs of a key and a value, which is text, a
/// number, true or false.
fn read<'a>(terms: &FactTerms<'a>, to: &To<'a>, facts: &mut Facts) -> NifResult<()> {
    let (event, message_type, timestamp, user_status, from_resource, to_resource, others) = terms;
    let (sender, server, receiver, receiver_server) = &to.names;
    let basics = Basics {
        event,
        message_type,
        timestamp: *timestamp,
        user_status,
        from_resource,
        to_resource,
    };
    let names = Names {
        sender,
        server,
        receiver,
    };
    facts.describe(&basics, to.way.direction, names, receiver_server);
    let mut rest = *others;
    while !rest.is_empty_list() {
        // rustler's own iterator panics at the end of an improper list.
        let (head, tail) = rest.list_get_cell()?;
        let (key, value): (Binary<'a>, Term<'a>) = head.decode()?;
        rest = tail;
        if let Ok(text) = value.decode::<Binary<'a>>() {
            facts.add(&*key, Value::Text(&text));
        } else {
            facts.add(&*key, bare(value)?);
        }
    }
    Ok(())
}

/// A value that is no text.
fn bare(value: Term<'_>) -> NifResult<Value<'static>> {
    let integer = value.decode().map(Value::Integer);
    let number = integer.or_else(|_| value.decode().map(Value::Float));
    number.or_else(|_| value.decode().map(Value::Bool))
}
