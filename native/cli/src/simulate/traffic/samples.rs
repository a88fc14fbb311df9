//! The events that MongooseIM makes: of a message that is sent, that is about to be delivered and that is not acknowledged,
//! and of a user who comes or goes.

use super::Traffic;
use super::stanzas::Written;
use crate::jid::Jid;
use crate::rules::event::EventKind;
use crate::sample::{ClientState, Sample, UserStatus, Way};
use crate::simulate::population::User;
use crate::stanza::{Body, Stanza};

impl Traffic {
    /// The event of a user who comes or goes.
    pub(super) fn presence(&mut self, user: User, online: bool) -> Sample {
        self.population.set_online(user, online);
        let device = self.population.device(user);
        Sample {
            kind: EventKind::UserStatus,
            message_type: None,
            direction: None,
            to: device.clone(),
            from: device,
            user_status: Some(status(online)),
            client_state: None,
            archive_id: None,
            stanza: Stanza::default(),
            xml: String::new(),
        }
    }

    /// The event of a message that a user sends.
    pub(super) fn sent(
        &mut self,
        written: &Written,
        from: Jid,
        to: Jid,
        online: Option<bool>,
    ) -> Sample {
        // From 6.9 on the event says so of every receiver.
        let online = if self.plan.since_6_9 {
            Some(true)
        } else {
            online
        };
        let sample = self.message(written, from, to, Some(Way::In));
        Sample {
            user_status: online.map(status),
            ..sample
        }
    }

    /// The event of a message that is about to be delivered.
    pub(super) fn delivered(
        &mut self,
        written: &Written,
        from: Jid,
        to: Jid,
        online: bool,
    ) -> Sample {
        let looks = self.rng.u32(0..10) < 4;
        let state = if looks {
            ClientState::Active
        } else {
            ClientState::Inactive
        };
        let sample = self.message(written, from, to, Some(Way::Out));
        Sample {
            user_status: Some(status(online)),
            client_state: (online && self.plan.since_6_9).then_some(state),
            ..sample
        }
    }

    pub(super) fn unacknowledged(&mut self, written: &Written, from: User, to: User) -> Sample {
        let (from, to) = (self.population.device(from), self.population.device(to));
        let sample = self.message(written, from, to, None);
        Sample {
            kind: EventKind::Unacknowledged,
            ..sample
        }
    }

    fn message(&mut self, written: &Written, from: Jid, to: Jid, way: Option<Way>) -> Sample {
        Sample {
            kind: EventKind::Message,
            message_type: Some(written.kind),
            direction: way,
            user_status: None,
            client_state: None,
            archive_id: Some(format!("{:013X}", self.rng.u64(..) >> 12)),
            xml: written.xml(&from, &to),
            stanza: Stanza {
                name: "message".to_owned(),
                kind: Some(written.kind.to_owned()),
                from: Some(from.to_string()),
                to: Some(to.to_string()),
                body: match written.text {
                    Some(_) => Body::NonEmpty,
                    None => Body::Absent,
                },
                text: written.text.clone().unwrap_or_default(),
                hints: Vec::new(),
                jingle: false,
            },
            from,
            to,
        }
    }
}

fn status(online: bool) -> UserStatus {
    if online {
        UserStatus::Online
    } else {
        UserStatus::Offline
    }
}
