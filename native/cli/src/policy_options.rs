//! What a handler asks of its deliveries, as the engine wants it.

use notification::policy::{BatchOptions, PolicyOptions, RateOptions, RetryOptions};
use notification::{DeliveryPolicy, Guarantee};

use crate::config::handlers::Handler;
use crate::config::options::Options;

/// The policy of a handler.
///
/// # Errors
///
/// An option has a wrong value.
pub(crate) fn of(handler: &Handler) -> Result<DeliveryPolicy, String> {
    let options = &handler.options;
    let policy = PolicyOptions {
        guarantee: match options.text("delivery") {
            Some("at_least_once") => Guarantee::AtLeastOnce,
            _ => Guarantee::BestEffort,
        },
        success: words(options, "success"),
        retry: options.section("retry").map(retry),
        batch: options.section("batch").map(batch),
        rate: options.section("rate").and_then(rate),
    };
    DeliveryPolicy::check(&policy).map_err(|error| format!("handler {}: {error}", handler.number))
}

fn retry(section: &Options) -> RetryOptions {
    RetryOptions {
        initial: section.number("initial"),
        factor: section.number("factor"),
        max: section.number("max"),
        give_up_after: section.number("give_up_after"),
        alone: section.number("alone"),
        on: words(section, "on"),
    }
}

fn batch(section: &Options) -> BatchOptions {
    BatchOptions {
        max_events: section.number("max_events"),
        max_bytes: section.number("max_bytes"),
        linger: section.number("linger"),
    }
}

fn rate(section: &Options) -> Option<RateOptions> {
    Some(RateOptions {
        per_second: section.number("per_second")?,
        burst: section.number("burst"),
    })
}

fn words(options: &Options, name: &str) -> Option<Vec<String>> {
    let words = options.texts(name)?;
    Some(words.into_iter().map(str::to_owned).collect())
}
