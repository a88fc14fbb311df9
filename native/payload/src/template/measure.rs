//! What a value holds, counted as steps of the template before something looks through all of it: an operator, whose
//! operands [`guard`] sends here, or a filter or a test that compares values or makes text of them.
//!
//! [`guard`]: super::guard

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters, tests};

/// Bytes of a text that count as one step, as minijinja counts them.
const BYTES: usize = 64;

/// Adds the filters that operands are sent through, and has what other filters and tests get counted.
pub(super) fn install(environment: &mut Environment<'_>) {
    environment.add_filter("_counted", |state: &State<'_, '_>, value: Value| {
        count(state, &value).map(|()| value)
    });
    environment.add_filter("_single", single);
    for (name, filter) in [
        ("attr", Value::from_function(filters::attr)),
        ("dictsort", Value::from_function(filters::dictsort)),
        ("format", Value::from_function(filters::format)),
        ("groupby", Value::from_function(filters::groupby)),
        ("lines", Value::from_function(filters::lines)),
        ("max", Value::from_function(filters::max)),
        ("min", Value::from_function(filters::min)),
        ("sort", Value::from_function(filters::sort)),
        ("split", Value::from_function(filters::split)),
        ("sum", Value::from_function(filters::sum)),
        ("unique", Value::from_function(filters::unique)),
    ] {
        environment.add_filter(
            name,
            move |state: &mut State<'_, '_>, values: Rest<ValueOrKwargs>| {
                counted(state, values, &filter)
            },
        );
    }
    for (names, test) in [
        (
            &["eq", "equalto", "=="][..],
            Value::from_function(tests::is_eq),
        ),
        (&["ne", "!="], Value::from_function(tests::is_ne)),
        (&["lt", "lessthan", "<"], Value::from_function(tests::is_lt)),
        (&["le", "<="], Value::from_function(tests::is_le)),
        (
            &["gt", "greaterthan", ">"],
            Value::from_function(tests::is_gt),
        ),
        (&["ge", ">="], Value::from_function(tests::is_ge)),
        (&["in"], Value::from_function(tests::is_in)),
        (&["sameas"], Value::from_function(tests::is_sameas)),
        (
            &["startingwith"],
            Value::from_function(tests::is_startingwith),
        ),
        (&["endingwith"], Value::from_function(tests::is_endingwith)),
        (&["lower"], Value::from_function(tests::is_lower)),
        (&["upper"], Value::from_function(tests::is_upper)),
    ] {
        for name in names {
            let test = test.clone();
            environment.add_test(
                *name,
                move |state: &mut State<'_, '_>, values: Rest<ValueOrKwargs>| {
                    counted(state, values, &test).map(|found| found.is_true())
                },
            );
        }
    }
}

/// Calls a filter or a test with values that were counted.
fn counted(
    state: &mut State<'_, '_>,
    values: Rest<ValueOrKwargs>,
    function: &Value,
) -> Result<Value, Error> {
    let values = values.into_values();
    for value in &values {
        count(state, value)?;
    }
    function.call(state, &values)
}

/// Counts what a list or a mapping holds, itself and all that is in it. A value alone was counted when it was made.
///
/// It is as deep as the value, as what looks through it afterwards (`shape`).
fn count(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    let kind = value.kind();
    if !matches!(kind, ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Ok(());
    }
    for item in value.try_iter()? {
        let bytes = item.as_str().map_or(0, str::len);
        state.consume_fuel(u64::try_from(1 + bytes / BYTES).unwrap_or(u64::MAX))?;
        count(state, &item)?;
        if kind == ValueKind::Map {
            let value = value.get_item(&item)?;
            let bytes = value.as_str().map_or(0, str::len);
            state.consume_fuel(u64::try_from(bytes / BYTES).unwrap_or(u64::MAX))?;
            count(state, &value)?;
        }
    }
    Ok(())
}

/// Refuses a list: multiplied, it would hold more than was counted.
fn single(value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            let text = "a list cannot be multiplied";
            Err(Error::new(ErrorKind::InvalidOperation, text))
        }
        _ => Ok(value),
    }
}
