//! Hand-over of an event for a format that needs more than names and text: facts, and the stanza as XML.
//!
//! The engine reads the stanza later, on one of its own threads; here its bytes are only copied.

use std::cell::RefCell;

use notification::{Content, HandlerId, PoolId};
use payload::{Facts, Value};
use rustler::{Binary, Env, NifResult, Term};

use crate::held::held;
use crate::ids::Id;
use crate::push_nifs::{NameTerms, To, Way, push};

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
    facts: Term<'a>,
    stanza: Binary<'a>,
) -> NifResult<Term<'a>> {
    let _held = held!("push_event");
    FACTS.with_borrow_mut(|buffer| {
        buffer.clear();
        read(facts, buffer)?;
        let to = To {
            pool,
            handler,
            way,
            names,
        };
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
    facts: Term<'a>,
    stanza: Binary<'a>,
) -> NifResult<Term<'a>> {
    let mut buffer = Facts::default();
    read(facts, &mut buffer)?;
    let to = To {
        pool,
        handler,
        way,
        names,
    };
    push(env, to, &stanza, Content::Event(buffer.as_bytes()))
}

/// Reads a list of pairs of a key and a value: text, a number, true or false.
fn read<'a>(list: Term<'a>, facts: &mut Facts) -> NifResult<()> {
    let mut rest = list;
    while !rest.is_empty_list() {
        // rustler's own iterator panics at the end of an improper list.
        let (head, tail) = rest.list_get_cell()?;
        let (key, value): (&'a str, Term<'a>) = head.decode()?;
        rest = tail;
        if let Ok(text) = value.decode::<Binary<'a>>() {
            facts.add(key, Value::Text(&text));
        } else {
            facts.add(key, bare(value)?);
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
