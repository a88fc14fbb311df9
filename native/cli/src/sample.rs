//! An event as the node would have it: as rules see it, and as the session hands it over to the engine.

use std::sync::Arc;
use std::time::SystemTime;

use clap::ValueEnum;
use notification::{Content, Direction, Handler, HostTypeId, Names, Notification, lane_key};
use payload::{Facts, Value};

use crate::config::handlers::Handler as Configured;
use crate::jid::Jid;
use crate::rules::event::{Event, EventKind};
use crate::stanza::{Body, Stanza};

/// Whether a user sends a message, or it is about to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    In,
    Out,
}

/// Whether a user is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UserStatus {
    Online,
    Offline,
}

/// Whether a user looks at the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClientState {
    Active,
    Inactive,
}

/// An event.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Its kind.
    pub kind: EventKind,
    /// `chat`, `groupchat`, `headline` or `normal`.
    pub message_type: Option<&'static str>,
    /// None for what is no message, and for what was not acknowledged.
    pub direction: Option<Way>,
    /// The sender; for presence the user.
    pub from: Jid,
    /// The receiver.
    pub to: Jid,
    /// The receiver's status; for presence the user's new one.
    pub user_status: Option<UserStatus>,
    /// The state of the receiver's client.
    pub client_state: Option<ClientState>,
    /// The message's id in the archive.
    pub archive_id: Option<String>,
    /// The message.
    pub stanza: Stanza,
    /// The stanza as it is handed over; empty for presence.
    pub xml: String,
}

impl Sample {
    /// The event as rules see it.
    pub fn event(&self) -> Event<'_> {
        let is_presence = self.is_presence();
        Event {
            kind: self.kind,
            message_type: self.message_type,
            direction: self.direction.map(Way::word),
            from: Some(&self.from),
            to: (!is_presence).then_some(&self.to),
            user_status: self.user_status.map(UserStatus::word),
            client_state: self.client_state.map(ClientState::word),
            stanza: (!is_presence).then_some(&self.stanza),
        }
    }

    /// Whether the module of MongooseIM's own choice sends it: non-empty chat messages that users send.
    pub fn is_stock_choice(&self) -> bool {
        self.direction == Some(Way::In)
            && self.stanza.kind.as_deref() == Some("chat")
            && self.stanza.body == Body::NonEmpty
    }

    /// Whether it is about a user, and not about a message.
    pub fn is_presence(&self) -> bool {
        self.kind == EventKind::UserStatus
    }

    /// The way of the notification. Presence, and what was not acknowledged, are in one lane with what the local user
    /// sends.
    fn way(&self) -> Direction {
        match self.direction {
            Some(Way::Out) => Direction::Out,
            _ => Direction::In,
        }
    }

    /// Whose the notification is, and the domain of the other. Presence, and what was not acknowledged, are the local
    /// user's.
    fn names(&self) -> (Names<'_>, &[u8]) {
        let (sender, receiver) = match self.kind {
            EventKind::Message => (&self.from, Some(&self.to)),
            EventKind::Unacknowledged => (&self.to, Some(&self.from)),
            EventKind::UserStatus => (&self.from, None),
        };
        let names = Names {
            sender: sender.local.as_bytes(),
            server: sender.domain.as_bytes(),
            receiver: receiver.map_or(b"", |jid| jid.local.as_bytes()),
        };
        (names, receiver.map_or(b"", |jid| jid.domain.as_bytes()))
    }

    /// Writes the key of the lane that keeps its order.
    pub fn lane(&self, key: &mut Vec<u8>, host_type: HostTypeId) {
        let (names, receiver_server) = self.names();
        lane_key(key, host_type, self.way(), names, receiver_server);
    }

    /// The domain of the local user.
    pub fn host(&self) -> &str {
        match (self.kind, self.direction) {
            (EventKind::Unacknowledged, _) | (_, Some(Way::Out)) => &self.to.domain,
            _ => &self.from.domain,
        }
    }

    /// The notification as the session hands it over: an event if the format needs one, else names and text.
    ///
    /// # Errors
    ///
    /// It is too long.
    pub fn notification(
        &self,
        configured: &Configured,
        handler: &Arc<Handler>,
    ) -> Result<Notification, String> {
        let options = &configured.options;
        let is_form = matches!(options.text("format"), None | Some("form"));
        let unread = options
            .texts("include")
            .is_some_and(|include| include.contains(&"unread"));
        let facts;
        let (text, content) = if is_form && self.kind == EventKind::Message {
            (&self.stanza.text, Content::Form)
        } else {
            facts = self.facts(unread);
            (&self.xml, Content::Event(facts.as_bytes()))
        };
        let handler = Arc::clone(handler);
        let (names, _) = self.names();
        Notification::new(handler, self.way(), names, text.as_bytes(), content)
            .ok_or_else(|| "the message is too long".to_owned())
    }

    /// What the session tells the engine. With `unread` there is an unread count, 1.
    fn facts(&self, unread: bool) -> Facts {
        let mut facts = Facts::default();
        let mut text = |key: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                facts.add(key, Value::Text(value.as_bytes()));
            }
        };
        text("event", Some(self.kind.word()));
        text("type", self.message_type);
        text("direction", self.direction.map(Way::word));
        text("host", Some(self.host()));
        let is_presence = self.is_presence();
        let parties = [
            ("from", Some(&self.from)),
            ("to", (!is_presence).then_some(&self.to)),
        ];
        for (party, jid) in parties {
            let Some(jid) = jid else { continue };
            text(&format!("{party}_user"), Some(&jid.local));
            text(&format!("{party}_server"), Some(&jid.domain));
            text(&format!("{party}_resource"), jid.resource.as_deref());
        }
        if is_presence || self.direction == Some(Way::Out) {
            text("user_status", self.user_status.map(UserStatus::word));
        }
        text("client_state", self.client_state.map(ClientState::word));
        text("archive_id", self.archive_id.as_deref());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let micros = now.map_or(0, |now| i64::try_from(now.as_micros()).unwrap_or(0));
        facts.add("timestamp", Value::Integer(micros));
        if unread && !is_presence {
            facts.add("unread", Value::Integer(1));
        }
        facts
    }
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

impl UserStatus {
    fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }
}

impl ClientState {
    fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}
