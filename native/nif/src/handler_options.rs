//! Reads a handler's plan from an Erlang map: what its options ask for beyond the stock module's.
//!
//! `http_pusher_host_handler` makes the map. No secret is in it, only where each is to be read. An unknown
//! key, or a value of the wrong type, is `badarg`.

use engine::handler_plan::HandlerOptions;
use payload::{CloudEventsMode, FormatOptions, PlanOptions};
use rustler::{Error, NifResult, Term};

use crate::options::{atoms, get, optional, refuse_unknown};

/// Decodes a plan. `None` for an empty map: a handler that sets none of these options.
pub fn plan(map: Term<'_>) -> NifResult<Option<HandlerOptions>> {
    if map.map_size()? == 0 {
        return Ok(None);
    }
    let known = [
        "format",
        "include",
        "omit",
        "cloudevents_mode",
        "cloudevents_source",
    ];
    refuse_unknown(map, &known)?;
    let include = atoms(map, "include", &["stanza", "unread"])?;
    let omit = atoms(map, "omit", &["body"])?;
    Ok(Some(HandlerOptions {
        payload: PlanOptions {
            format: format(map)?,
            include_stanza: include.contains(&"stanza"),
            omit_body: omit.contains(&"body"),
            signed: false,
        },
    }))
}

fn format(map: Term<'_>) -> NifResult<FormatOptions> {
    let Some(format) = get(map, "format")? else {
        return Ok(FormatOptions::Form);
    };
    match format.atom_to_string()?.as_str() {
        "form" => Ok(FormatOptions::Form),
        "json" => Ok(FormatOptions::Json),
        "cloudevents" => Ok(FormatOptions::CloudEvents {
            mode: cloudevents_mode(map)?,
            source: optional(map, "cloudevents_source")?,
        }),
        _ => Err(Error::BadArg),
    }
}

fn cloudevents_mode(map: Term<'_>) -> NifResult<CloudEventsMode> {
    let Some(mode) = get(map, "cloudevents_mode")? else {
        return Ok(CloudEventsMode::Structured);
    };
    match mode.atom_to_string()?.as_str() {
        "structured" => Ok(CloudEventsMode::Structured),
        "binary" => Ok(CloudEventsMode::Binary),
        _ => Err(Error::BadArg),
    }
}
