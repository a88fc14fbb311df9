//! The event that is sent: a stanza from a file, or a sample message.

use std::path::Path;
use std::time::SystemTime;

use clap::ValueEnum;
use notification::{Direction, Names};
use payload::{Facts, Value};

use crate::config::release::{Mongooseim, Release};
use crate::jid::Jid;
use crate::rules::event::{Event, EventKind};
use crate::stanza::{Body, Stanza};

/// What the command line says of the event.
#[derive(Debug, clap::Args)]
pub(super) struct EventArguments {
    /// A file with a message or presence stanza; its event goes through the handler's rules
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub event: Option<std::path::PathBuf>,
    /// Whether a user sends the message (in), or it is about to be delivered (out) [default: in]
    #[arg(long, requires = "event")]
    direction: Option<DirectionArgument>,
    /// The message was not acknowledged by its receiver's connection
    #[arg(long, requires = "event", conflicts_with = "direction")]
    unacknowledged: bool,
    /// The receiver's status
    #[arg(long, requires = "event")]
    user_status: Option<UserStatus>,
    /// The state of the receiver's client
    #[arg(long, requires = "event")]
    client_state: Option<ClientState>,
    /// The author, if the stanza does not say; a message's [default: alice at the first host of the
    /// file]
    #[arg(long, value_name = "JID")]
    from: Option<Jid>,
    /// The receiver, if the stanza does not say [default: bob at the same host]
    #[arg(long, value_name = "JID")]
    to: Option<Jid>,
    /// Text of a sample message, which is sent whatever the rules say
    #[arg(long, value_name = "TEXT", default_value = "Hi, Bob!")]
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DirectionArgument {
    In,
    Out,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UserStatus {
    Online,
    Offline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClientState {
    Active,
    Inactive,
}

/// An event.
#[derive(Debug)]
pub(super) struct Sample {
    /// Its kind.
    pub kind: EventKind,
    message_type: Option<&'static str>,
    direction: Option<DirectionArgument>,
    from: Jid,
    to: Jid,
    user_status: Option<UserStatus>,
    client_state: Option<ClientState>,
    stanza: Stanza,
    /// The stanza as it is handed over; empty for presence.
    pub xml: String,
}

const TYPES: [&str; 4] = ["chat", "groupchat", "headline", "normal"];

impl Sample {
    /// Makes the event that the arguments describe. `host` is the first host of the file.
    ///
    /// # Errors
    ///
    /// Why there is no event.
    pub fn new(
        arguments: &EventArguments,
        host: &str,
        mongooseim: Mongooseim,
    ) -> Result<Self, String> {
        match &arguments.event {
            Some(file) => Self::of_file(file, arguments, host, mongooseim),
            None => Self::of_text(arguments, host),
        }
    }

    /// A chat message that a user sends.
    fn of_text(arguments: &EventArguments, host: &str) -> Result<Self, String> {
        let from = arguments
            .from
            .clone()
            .unwrap_or_else(|| Jid::of("alice", host));
        let to = arguments
            .to
            .clone()
            .unwrap_or_else(|| Jid::of("bob", &from.domain));
        let escape = |text: &str| quick_xml::escape::escape(text).into_owned();
        let xml = format!(
            "<message from='{}' to='{}' type='chat'><body>{}</body></message>",
            escape(&from.to_string()),
            escape(&to.to_string()),
            escape(&arguments.message)
        );
        Ok(Self {
            kind: EventKind::Message,
            message_type: Some("chat"),
            direction: Some(DirectionArgument::In),
            stanza: Stanza {
                text: arguments.message.clone(),
                ..Stanza::read(&xml)?
            },
            from,
            to,
            user_status: None,
            client_state: None,
            xml,
        })
    }

    fn of_file(
        file: &Path,
        arguments: &EventArguments,
        host: &str,
        mongooseim: Mongooseim,
    ) -> Result<Self, String> {
        let in_file = |error: String| format!("{}: {error}", file.display());
        let xml = std::fs::read_to_string(file).map_err(|error| in_file(error.to_string()))?;
        let xml = xml.trim().to_owned();
        let stanza = Stanza::read(&xml).map_err(in_file)?;
        let jid =
            |text: &Option<String>, argument: &Option<Jid>, default: Jid| match (text, argument) {
                (Some(text), _) => {
                    Jid::read(text).map_err(|error| in_file(format!("{text:?}: {error}")))
                }
                (None, argument) => Ok(argument.clone().unwrap_or(default)),
            };
        let from = jid(&stanza.from, &arguments.from, Jid::of("alice", host))?;
        let to = jid(&stanza.to, &arguments.to, Jid::of("bob", &from.domain))?;
        if stanza.name == "presence" {
            return Self::presence(stanza, from, to).map_err(in_file);
        }
        let written = stanza.kind.as_deref().unwrap_or("normal");
        let message_type = TYPES.into_iter().find(|known| *known == written);
        if message_type.is_none() {
            return Err(in_file(format!(
                "a message of type {written:?} makes no event"
            )));
        }
        let direction = (!arguments.unacknowledged)
            .then_some(arguments.direction.unwrap_or(DirectionArgument::In));
        // From 6.9 on what a user sends says nothing of its receiver but this.
        let says_online =
            direction == Some(DirectionArgument::In) && mongooseim.may_be_from(Release::new(6, 9));
        Ok(Self {
            kind: if arguments.unacknowledged {
                EventKind::Unacknowledged
            } else {
                EventKind::Message
            },
            message_type,
            direction,
            from,
            to,
            user_status: if says_online {
                Some(UserStatus::Online)
            } else {
                arguments.user_status
            },
            client_state: arguments.client_state,
            stanza,
            xml,
        })
    }

    fn presence(stanza: Stanza, from: Jid, to: Jid) -> Result<Self, String> {
        let status = match stanza.kind.as_deref() {
            None => UserStatus::Online,
            Some("unavailable") => UserStatus::Offline,
            Some(other) => return Err(format!("a presence of type {other:?} makes no event")),
        };
        Ok(Self {
            kind: EventKind::UserStatus,
            message_type: None,
            direction: None,
            from,
            to,
            user_status: Some(status),
            client_state: None,
            stanza,
            xml: String::new(),
        })
    }

    /// The event as rules see it.
    pub fn event(&self) -> Event<'_> {
        let is_presence = self.kind == EventKind::UserStatus;
        Event {
            kind: self.kind,
            message_type: self.message_type,
            direction: self.direction.map(DirectionArgument::word),
            from: Some(&self.from),
            to: (!is_presence).then_some(&self.to),
            user_status: self.user_status.map(UserStatus::word),
            client_state: self.client_state.map(ClientState::word),
            stanza: (!is_presence).then_some(&self.stanza),
        }
    }

    /// Whether the module of MongooseIM's own choice sends it: non-empty chat messages that users send.
    pub fn is_stock_choice(&self) -> bool {
        self.direction == Some(DirectionArgument::In)
            && self.stanza.kind.as_deref() == Some("chat")
            && self.stanza.body == Body::NonEmpty
    }

    /// The text of the message.
    pub fn text(&self) -> &str {
        &self.stanza.text
    }

    /// The way of the notification.
    pub fn direction(&self) -> Direction {
        match self.direction {
            Some(DirectionArgument::Out) => Direction::Out,
            _ => Direction::In,
        }
    }

    /// Author, server and receiver.
    pub fn names(&self) -> Names<'_> {
        Names {
            sender: self.from.local.as_bytes(),
            server: self.from.domain.as_bytes(),
            receiver: self.to.local.as_bytes(),
        }
    }

    /// The domain of the local user.
    pub fn host(&self) -> &str {
        match (self.kind, self.direction) {
            (EventKind::Unacknowledged, _) | (_, Some(DirectionArgument::Out)) => &self.to.domain,
            _ => &self.from.domain,
        }
    }

    /// What the session tells the engine. With `unread` there is an unread count, 1.
    pub fn facts(&self, unread: bool) -> Facts {
        let mut facts = Facts::default();
        let mut text = |key: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                facts.add(key, Value::Text(value.as_bytes()));
            }
        };
        text("event", Some(self.kind.word()));
        text("type", self.message_type);
        text("direction", self.direction.map(DirectionArgument::word));
        text("host", Some(self.host()));
        let is_presence = self.kind == EventKind::UserStatus;
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
        if is_presence || self.direction == Some(DirectionArgument::Out) {
            text("user_status", self.user_status.map(UserStatus::word));
        }
        text("client_state", self.client_state.map(ClientState::word));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let micros = now.map_or(0, |now| i64::try_from(now.as_micros()).unwrap_or(0));
        facts.add("timestamp", Value::Integer(micros));
        if unread && !is_presence {
            facts.add("unread", Value::Integer(1));
        }
        facts
    }
}

impl DirectionArgument {
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
