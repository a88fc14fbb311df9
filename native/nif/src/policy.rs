//! Reads from a handler's plan what it asks of its deliveries.
//!
//! The host's parser has checked the values (`http_pusher_host_handler`), so one that makes no policy is
//! `badarg`, like a value of the wrong type.

use notification::policy::{BatchOptions, PolicyOptions, RateOptions, RetryOptions};
use notification::{DeliveryPolicy, Guarantee};
use rustler::{Error, NifResult, Term};

use crate::options::{get, optional, refuse_unknown, required};

/// The keys of a plan that are read here.
pub const KEYS: [&str; 5] = ["delivery", "success", "retry", "batch", "rate"];

/// Decodes the policy in a plan.
pub fn policy(plan: Term<'_>) -> NifResult<DeliveryPolicy> {
    let guarantee = match get(plan, "delivery")? {
        None => Guarantee::BestEffort,
        Some(term) => match term.atom_to_string()?.as_str() {
            "best_effort" => Guarantee::BestEffort,
            "at_least_once" => Guarantee::AtLeastOnce,
            _ => return Err(Error::BadArg),
        },
    };
    let options = PolicyOptions {
        guarantee,
        success: optional(plan, "success")?,
        retry: get(plan, "retry")?.map(retry).transpose()?,
        batch: get(plan, "batch")?.map(batch).transpose()?,
        rate: get(plan, "rate")?.map(rate).transpose()?,
    };
    DeliveryPolicy::check(&options).map_err(|_| Error::BadArg)
}

fn retry(map: Term<'_>) -> NifResult<RetryOptions> {
    let known = ["initial", "factor", "max", "give_up_after", "alone", "on"];
    refuse_unknown(map, &known)?;
    Ok(RetryOptions {
        initial: optional(map, "initial")?,
        factor: optional(map, "factor")?,
        max: optional(map, "max")?,
        give_up_after: optional(map, "give_up_after")?,
        alone: optional(map, "alone")?,
        on: optional(map, "on")?,
    })
}

fn batch(map: Term<'_>) -> NifResult<BatchOptions> {
    refuse_unknown(map, &["max_events", "max_bytes", "linger"])?;
    Ok(BatchOptions {
        max_events: optional(map, "max_events")?,
        max_bytes: optional(map, "max_bytes")?,
        linger: optional(map, "linger")?,
    })
}

fn rate(map: Term<'_>) -> NifResult<RateOptions> {
    refuse_unknown(map, &["per_second", "burst"])?;
    Ok(RateOptions {
        per_second: required(map, "per_second")?,
        burst: optional(map, "burst")?,
    })
}
