//! Events to try templates with: `http-pusher check` renders each template with those that a handler
//! can get, and so do the tests of the recipes and of docs/templates.md.

/// What a handler may get or not, depending on its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    /// A message with a body.
    Message,
    /// A message without a body.
    Bodyless,
    /// A message that was not acknowledged.
    Unacknowledged,
    /// A presence.
    Presence,
}

impl SampleKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [
        Self::Message,
        Self::Bodyless,
        Self::Unacknowledged,
        Self::Presence,
    ];
}

/// An event to try templates with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What kind it is of.
    pub kind: SampleKind,
    /// What it is, for a text.
    pub name: &'static str,
    /// The event as the JSON format has it.
    pub json: &'static str,
}

macro_rules! sample {
    ($kind:ident, $name:literal, $file:literal) => {
        Sample {
            kind: SampleKind::$kind,
            name: $name,
            json: include_str!(concat!("samples/", $file, ".json")),
        }
    };
}

const SAMPLES: [Sample; 6] = [
    sample!(Message, "a message with everything", "message"),
    sample!(Message, "a message of a room", "groupchat"),
    sample!(Message, "a message with a body and little else", "short"),
    sample!(Bodyless, "a message without a body", "bodyless"),
    sample!(
        Unacknowledged,
        "a message that was not acknowledged",
        "unacknowledged"
    ),
    sample!(Presence, "a presence", "presence"),
];

/// All samples.
#[must_use]
pub fn samples() -> &'static [Sample] {
    &SAMPLES
}
