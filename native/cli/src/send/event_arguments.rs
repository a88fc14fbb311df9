//! What the command line says of the event: a stanza from a file, or a sample message.

use std::path::Path;

use crate::config::release::{Mongooseim, Release};
use crate::jid::Jid;
use crate::rules::event::EventKind;
use crate::sample::{ClientState, Sample, UserStatus, Way};
use crate::stanza::Stanza;

/// What the command line says of the event.
#[derive(Debug, clap::Args)]
pub(super) struct EventArguments {
    /// A file with a message or presence stanza; its event goes through the handler's rules
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub event: Option<std::path::PathBuf>,
    /// Whether a user sends the message (in), or it is about to be delivered (out) [default: in]
    #[arg(long, requires = "event")]
    direction: Option<Way>,
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

const TYPES: [&str; 4] = ["chat", "groupchat", "headline", "normal"];

impl EventArguments {
    /// Makes the event that the arguments describe. `host` is the first host of the file.
    ///
    /// # Errors
    ///
    /// Why there is no event.
    pub fn sample(&self, host: &str, mongooseim: Mongooseim) -> Result<Sample, String> {
        match &self.event {
            Some(file) => self.of_file(file, host, mongooseim),
            None => self.of_text(host),
        }
    }

    /// A chat message that a user sends.
    fn of_text(&self, host: &str) -> Result<Sample, String> {
        let from = self.from.clone().unwrap_or_else(|| Jid::of("alice", host));
        let to = self
            .to
            .clone()
            .unwrap_or_else(|| Jid::of("bob", &from.domain));
        let escape = |text: &str| quick_xml::escape::escape(text).into_owned();
        let xml = format!(
            "<message from='{}' to='{}' type='chat'><body>{}</body></message>",
            escape(&from.to_string()),
            escape(&to.to_string()),
            escape(&self.message)
        );
        Ok(Sample {
            kind: EventKind::Message,
            message_type: Some("chat"),
            direction: Some(Way::In),
            stanza: Stanza {
                text: self.message.clone(),
                ..Stanza::read(&xml)?
            },
            from,
            to,
            user_status: None,
            client_state: None,
            archive_id: None,
            xml,
        })
    }

    fn of_file(&self, file: &Path, host: &str, mongooseim: Mongooseim) -> Result<Sample, String> {
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
        let from = jid(&stanza.from, &self.from, Jid::of("alice", host))?;
        let to = jid(&stanza.to, &self.to, Jid::of("bob", &from.domain))?;
        if stanza.name == "presence" {
            return presence(stanza, from, to).map_err(in_file);
        }
        let written = stanza.kind.as_deref().unwrap_or("normal");
        let message_type = TYPES.into_iter().find(|known| *known == written);
        if message_type.is_none() {
            return Err(in_file(format!(
                "a message of type {written:?} makes no event"
            )));
        }
        let direction = (!self.unacknowledged).then_some(self.direction.unwrap_or(Way::In));
        // From 6.9 on what a user sends says nothing of its receiver but this.
        let says_online = direction == Some(Way::In) && mongooseim.may_be_from(Release::new(6, 9));
        Ok(Sample {
            kind: if self.unacknowledged {
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
                self.user_status
            },
            client_state: self.client_state,
            archive_id: None,
            stanza,
            xml,
        })
    }
}

fn presence(stanza: Stanza, from: Jid, to: Jid) -> Result<Sample, String> {
    let status = match stanza.kind.as_deref() {
        None => UserStatus::Online,
        Some("unavailable") => UserStatus::Offline,
        Some(other) => return Err(format!("a presence of type {other:?} makes no event")),
    };
    Ok(Sample {
        kind: EventKind::UserStatus,
        message_type: None,
        direction: None,
        from,
        to,
        user_status: Some(status),
        client_state: None,
        archive_id: None,
        stanza,
        xml: String::new(),
    })
}
