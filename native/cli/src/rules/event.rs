//! An event as rules see it.

use super::{Condition, Wanted};
use crate::jid::Jid;
use crate::stanza::{Body, Stanza};

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// A message that a user sends, or that is about to be delivered.
    Message,
    /// A message that a broken connection did not acknowledge.
    Unacknowledged,
    /// A user has come online or gone offline.
    UserStatus,
}

/// What is known of an event. What is `None` is not known, and fulfils no condition.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    /// Its kind.
    pub kind: EventKind,
    /// `chat`, `groupchat`, `headline` or `normal`.
    pub message_type: Option<&'a str>,
    /// `in` or `out`.
    pub direction: Option<&'a str>,
    /// The sender; for presence the user.
    pub from: Option<&'a Jid>,
    /// The receiver.
    pub to: Option<&'a Jid>,
    /// The receiver's status; for presence the user's new one.
    pub user_status: Option<&'a str>,
    /// The state of the receiver's client.
    pub client_state: Option<&'a str>,
    /// The message.
    pub stanza: Option<&'a Stanza>,
}

impl EventKind {
    /// Its name in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Message => "msg",
            Self::Unacknowledged => "unack_msg",
            Self::UserStatus => "user_status",
        }
    }
}

impl Event<'_> {
    /// What the event has instead of what the condition wants; `None` if it fulfils the condition.
    pub fn misses(&self, condition: &Condition) -> Option<String> {
        let found = self.found(condition.name.as_str());
        let fulfilled = match (&found, &condition.wanted) {
            (Found::Word(found), Wanted::Word(wanted)) => found == wanted,
            (Found::Words(found), Wanted::Word(wanted)) => found.contains(&wanted.as_str()),
            (Found::Truth(found), Wanted::Truth(wanted)) => found == wanted,
            (Found::Domain(found), Wanted::Domains(wanted)) => {
                wanted.iter().any(|domain| domain == found)
            }
            _ => false,
        };
        (!fulfilled).then(|| found.in_words())
    }

    /// What the event has for a condition.
    fn found(&self, name: &str) -> Found<'_> {
        let word = |word: Option<_>| word.map_or(Found::Unknown, Found::Word);
        match name {
            "event" => Found::Word(self.kind.word()),
            "sender_domain" => domain(self.from),
            "user_status" if self.kind == EventKind::Unacknowledged => Found::NotOfThisKind,
            "user_status" => word(self.user_status),
            // All others are about a message.
            _ if self.kind == EventKind::UserStatus => Found::NotOfThisKind,
            "direction" | "client_state" if self.kind == EventKind::Unacknowledged => {
                Found::NotOfThisKind
            }
            "type" => word(self.message_type),
            "direction" => word(self.direction),
            "client_state" => word(self.client_state),
            "receiver_domain" => domain(self.to),
            "own_copy" => Found::Truth(self.is_own_copy()),
            "body" => self.of_stanza(|stanza| {
                Found::Word(match stanza.body {
                    Body::Absent => "absent",
                    Body::Empty => "empty",
                    Body::NonEmpty => "non_empty",
                })
            }),
            "hint" => self.of_stanza(|stanza| Found::Words(stanza.hints.clone())),
            "jingle" => self.of_stanza(|stanza| Found::Truth(stanza.jingle)),
            _ => Found::Unknown,
        }
    }

    fn of_stanza<'a>(&'a self, found: impl Fn(&'a Stanza) -> Found<'a>) -> Found<'a> {
        self.stanza.map_or(Found::Unknown, found)
    }

    /// Whether a groupchat message goes to the user who has sent it. A MUC light room has the sender's bare address as
    /// the resource of its own. (In a classic room the node knows whose nickname it is; this program does not.)
    fn is_own_copy(&self) -> bool {
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return false;
        };
        self.message_type == Some("groupchat")
            && self.direction != Some("in")
            && from.resource.as_deref() == Some(to.bare().as_str())
    }
}

/// What an event has for a condition.
enum Found<'a> {
    Word(&'a str),
    Words(Vec<&'static str>),
    Truth(bool),
    Domain(&'a str),
    Unknown,
    NotOfThisKind,
}

impl Found<'_> {
    fn in_words(&self) -> String {
        match self {
            Self::Word(word) => format!("{word:?}"),
            Self::Words(words) if words.is_empty() => "none".to_owned(),
            Self::Words(words) => words.join(", "),
            Self::Truth(truth) => truth.to_string(),
            Self::Domain(domain) => format!("{domain:?}"),
            Self::Unknown => "none that is known".to_owned(),
            Self::NotOfThisKind => "none, because of its kind".to_owned(),
        }
    }
}

fn domain(jid: Option<&Jid>) -> Found<'_> {
    jid.map_or(Found::Unknown, |jid| Found::Domain(&jid.domain))
}
