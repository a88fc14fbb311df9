//! What a handler asks of its deliveries, as the engine wants it.

use notification::policy::{PolicyOptions, RetryOptions};
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
    };
    DeliveryPolicy::check(&policy)
        .map_err(|error| format!("handler {}: {error}", handler.number))
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

fn words(options: &Options, name: &str) -> Option<Vec<String>> {
    let words = options.texts(name)?;
    Some(words.into_iter().map(str::to_owned).collect())
}
