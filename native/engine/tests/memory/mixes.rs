//! Kinds of notifications, by what takes their memory.

/// A kind of notification.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    pub what: &'static str,
    pub count: usize,
    pub senders: usize,
    pub text: usize,
    /// The size of each header in bytes; without headers, the notification is a form.
    pub headers: Option<(usize, usize)>,
    /// An event whose stanza has the text as its body, sent as JSON.
    pub event: bool,
}

pub const MIXES: [Mix; 11] = [
    mix(
        "short forms, each of another sender",
        20_000,
        20_000,
        100,
        None,
    ),
    mix("short forms of one sender", 20_000, 1, 100, None),
    mix("empty forms of many senders", 20_000, 20_000, 0, None),
    mix(
        "short bodies with 20 short headers",
        5_000,
        5_000,
        100,
        Some((20, 8)),
    ),
    mix(
        "short bodies with 90 short headers",
        2_000,
        2_000,
        100,
        Some((90, 4)),
    ),
    mix("90 headers of one sender", 2_000, 1, 10, Some((90, 4))),
    mix(
        "headers longer than the body",
        500,
        100,
        10,
        Some((3, 5_000)),
    ),
    mix(
        "long bodies with 20 headers",
        100,
        10,
        300_000,
        Some((20, 50)),
    ),
    mix("long forms", 100, 10, 300_000, None),
    event("short events", 10_000, 10_000, 100),
    event("long events", 100, 10, 300_000),
];

pub const fn mix(
    what: &'static str,
    count: usize,
    senders: usize,
    text: usize,
    headers: Option<(usize, usize)>,
) -> Mix {
    Mix {
        what,
        count,
        senders,
        text,
        headers,
        event: false,
    }
}

pub const fn event(what: &'static str, count: usize, senders: usize, text: usize) -> Mix {
    Mix {
        event: true,
        ..mix(what, count, senders, text, None)
    }
}
