//! What a handler does, in words.

use std::time::Duration;

use notification::Retry;
use notification::policy::Batch;

use crate::config::handlers::Handler;
use crate::config::options::Options;
use crate::routes::Route;
use crate::rules::words;
use crate::text::duration;

/// For example "sends groupchat messages about to be delivered to members who are offline, as JSON, signed, to
/// <https://push.example.com/n>".
pub(crate) fn explanation(route: &Route<'_>) -> String {
    let handler = route.handler;
    let mut words = vec![format!("sends {}", events(handler))];
    words.extend(agreement(handler));
    words.push(form(handler));
    words.extend(contents(handler));
    words.extend(headers(&handler.options));
    words.extend(handler.options.section("auth").map(auth));
    if handler.options.has("signing") {
        words.push("signed".to_owned());
    }
    words.extend(compressed(&handler.options));
    words.extend(batch(&handler.options));
    words.extend(rate(&handler.options));
    words.extend(wait(&handler.options));
    words.extend(delivery(&handler.options));
    words.push(format!("to {}", route.url()));
    words.join(", ")
}

fn events(handler: &Handler) -> String {
    match &handler.rules {
        Some(rules) => words::events(rules),
        None if handler.is_custom() => "messages".to_owned(),
        // As mod_event_pusher_http_defaults decides.
        None => "non-empty chat messages that users send".to_owned(),
    }
}

/// The module that is asked too.
fn agreement(handler: &Handler) -> Option<String> {
    let asks = handler.asks_module() && (handler.is_custom() || handler.rules.is_some());
    asks.then(|| format!("if {}:should_make_req/6 returns true", handler.module()))
}

fn form(handler: &Handler) -> String {
    let options = &handler.options;
    match options.text("format") {
        None if handler.is_custom() => format!("as {} makes them", handler.module()),
        Some("json") => "as JSON".to_owned(),
        Some("cloudevents") => {
            let section = options.section("cloudevents");
            let mode = section.and_then(|section| section.text("mode"));
            format!("as CloudEvents ({})", mode.unwrap_or("structured"))
        }
        Some("template") => {
            let file = options.text("template_file").unwrap_or("?");
            format!("as the template {file} makes them")
        }
        _ => "as a form".to_owned(),
    }
}

/// What a payload has in addition, or leaves out.
fn contents(handler: &Handler) -> Option<String> {
    let options = &handler.options;
    let format = options.text("format");
    if format.is_none() && handler.is_custom() {
        return None;
    }
    let is_form = matches!(format, None | Some("form"));
    let omits_text = options
        .texts("omit")
        .is_some_and(|omit| omit.contains(&"body"));
    let included: Vec<&str> = options
        .texts("include")
        .unwrap_or_default()
        .into_iter()
        .filter(|what| !(is_form || omits_text && *what == "stanza"))
        .map(|what| match what {
            "unread" => "the number of unread messages",
            _ => "the whole stanza",
        })
        .collect();
    let with = (!included.is_empty()).then(|| format!("with {}", included.join(" and ")));
    let without = omits_text.then(|| "without what was written".to_owned());
    let both: Vec<String> = with.into_iter().chain(without).collect();
    (!both.is_empty()).then(|| both.join(", "))
}

fn headers(options: &Options) -> Option<String> {
    let headers = options.sections("headers")?;
    let names: Vec<&str> = headers
        .iter()
        .filter_map(|header| header.text("name"))
        .collect();
    match names.as_slice() {
        [] => None,
        [name] => Some(format!("with the header field {name}")),
        names => Some(format!("with the header fields {}", names.join(", "))),
    }
}

fn auth(auth: &Options) -> String {
    if let Some(user) = auth.text("basic_user") {
        return format!("with the password of {user}");
    }
    let token_url = auth
        .section("oauth2")
        .and_then(|oauth2| oauth2.text("token_url"));
    if let Some(token_url) = token_url {
        return format!("with a token from {token_url}");
    }
    if auth.has("google_service_account_file") {
        return "with a token of a Google service account".to_owned();
    }
    "with a bearer token".to_owned()
}

fn compressed(options: &Options) -> Option<String> {
    let how = options.text("compress")?;
    Some(format!("compressed with {how}"))
}

fn batch(options: &Options) -> Option<String> {
    let section = options.section("batch")?;
    let default = Batch::default();
    let events = section.number("max_events");
    let events = events.unwrap_or_else(|| default.max_events.into());
    if events == 1 {
        return Some("in batches of one event".to_owned());
    }
    let linger = section.number("linger");
    let linger = linger.map_or(default.linger, Duration::from_millis);
    let batches = format!("in batches of up to {events} events");
    Some(if linger.is_zero() {
        batches
    } else {
        format!(
            "{batches} that wait for one another for up to {}",
            duration(linger)
        )
    })
}

fn rate(options: &Options) -> Option<String> {
    let section = options.section("rate")?;
    let per_second = section.number("per_second")?;
    let requests = if per_second == 1 {
        "request"
    } else {
        "requests"
    };
    let limit = format!("at most {per_second} {requests} a second");
    let burst = section.number("burst").filter(|burst| *burst != per_second);
    Some(match burst {
        Some(burst) => format!("{limit} (bursts of {burst})"),
        None => limit,
    })
}

/// How failed deliveries go on.
fn delivery(options: &Options) -> Option<String> {
    let certain = options.text("delivery") == Some("at_least_once");
    let retry = options.section("retry");
    if !certain && retry.is_none() {
        return None;
    }
    let patience = retry.and_then(|retry| retry.number("give_up_after"));
    let patience = patience.map_or(Retry::default().give_up_after, Duration::from_millis);
    let patience = duration(patience);
    Some(if certain {
        format!(
            "kept on disk until delivered, tried again for at most {patience} and then kept as a dead letter"
        )
    } else {
        format!("tried again for at most {patience}")
    })
}

fn wait(options: &Options) -> Option<String> {
    let wait = options.number("wait").filter(|wait| *wait > 0)?;
    Some(format!(
        "while the session waits for at most {}",
        duration(Duration::from_millis(wait))
    ))
}
