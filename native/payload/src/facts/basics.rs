//! The facts that every event has. A session hands them over in places of their own, not by key, and who
//! sends to whom is in the notification's names already.

use notification::{Direction, Names};

use super::{Facts, Known};

/// What a session says of every event. What it does not know is empty.
#[derive(Clone, Copy, Debug)]
pub struct Basics<'a> {
    /// `msg`, `unack_msg` or `user_status`.
    pub event: &'a [u8],
    /// The type of the message.
    pub message_type: &'a [u8],
    /// Microseconds after the start of 1970.
    pub timestamp: i64,
    /// `online` or `offline`.
    pub user_status: &'a [u8],
    /// The resource of the sender; for presence the user's.
    pub from_resource: &'a [u8],
    /// The resource of the receiver.
    pub to_resource: &'a [u8],
}

impl Facts {
    /// Adds what every event has, with the direction and the names of its notification.
    pub fn describe(
        &mut self,
        basics: &Basics<'_>,
        direction: Direction,
        names: Names<'_>,
        receiver_server: &[u8],
    ) {
        let (mut from, mut to) = (
            (names.sender, names.server),
            (names.receiver, receiver_server),
        );
        let mut local = names.server;
        match basics.event {
            b"msg" => {
                let word: &[u8] = match direction {
                    Direction::In => b"in",
                    Direction::Out => b"out",
                };
                self.put(Known::Direction, word);
                if direction == Direction::Out {
                    local = receiver_server;
                }
            }
            // Its notification is named after the local user, who is the receiver.
            b"unack_msg" => (from, to) = (to, from),
            _ => {}
        }
        self.put(Known::Event, basics.event);
        self.put(Known::Type, basics.message_type);
        self.0.push(Known::Timestamp as u8);
        self.push_integer(basics.timestamp);
        self.put(Known::Host, local);
        self.put(Known::FromUser, from.0);
        self.put(Known::FromServer, from.1);
        self.put(Known::FromResource, basics.from_resource);
        self.put(Known::ToUser, to.0);
        self.put(Known::ToServer, to.1);
        self.put(Known::ToResource, basics.to_resource);
        self.put(Known::UserStatus, basics.user_status);
    }
}

#[cfg(test)]
mod tests {
    use notification::{Direction, Names};

    use super::super::{Facts, Value};
    use super::Basics;

    const NAMES: Names<'_> = Names {
        sender: b"alice",
        server: b"a.example",
        receiver: b"bob",
    };

    fn described(basics: &Basics<'_>, direction: Direction) -> Facts {
        let mut facts = Facts::default();
        facts.describe(basics, direction, NAMES, b"b.example");
        facts
    }

    /// These texts, with the timestamp before the host.
    fn added(texts: &[(&str, &str)]) -> Facts {
        let mut facts = Facts::default();
        for (key, text) in texts {
            if *key == "host" {
                facts.add("timestamp", Value::Integer(1_795_782_896_789_012));
            }
            facts.add(key, Value::Text(text.as_bytes()));
        }
        facts
    }

    #[test]
    fn who_sends_to_whom_follows_from_the_names() {
        let basics = Basics {
            event: b"msg",
            message_type: b"chat",
            timestamp: 1_795_782_896_789_012,
            user_status: b"online",
            from_resource: b"phone",
            to_resource: b"tablet",
        };
        let message = |direction, host| {
            added(&[
                ("direction", direction),
                ("event", "msg"),
                ("type", "chat"),
                ("host", host),
                ("from_user", "alice"),
                ("from_server", "a.example"),
                ("from_resource", "phone"),
                ("to_user", "bob"),
                ("to_server", "b.example"),
                ("to_resource", "tablet"),
                ("user_status", "online"),
            ])
        };
        assert_eq!(
            described(&basics, Direction::In),
            message("in", "a.example")
        );
        assert_eq!(
            described(&basics, Direction::Out),
            message("out", "b.example")
        );
    }

    #[test]
    fn the_local_user_of_an_unacknowledged_message_receives_it() {
        let basics = Basics {
            event: b"unack_msg",
            message_type: b"chat",
            timestamp: 1_795_782_896_789_012,
            user_status: b"",
            from_resource: b"phone",
            to_resource: b"tablet",
        };
        let expected = added(&[
            ("event", "unack_msg"),
            ("type", "chat"),
            ("host", "a.example"),
            ("from_user", "bob"),
            ("from_server", "b.example"),
            ("from_resource", "phone"),
            ("to_user", "alice"),
            ("to_server", "a.example"),
            ("to_resource", "tablet"),
        ]);
        assert_eq!(described(&basics, Direction::In), expected);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let basics = Basics {
            event: b"user_status",
            message_type: b"",
            timestamp: 1_795_782_896_789_012,
            user_status: b"offline",
            from_resource: b"",
            to_resource: b"",
        };
        let alone = Names {
            receiver: b"",
            ..NAMES
        };
        let mut facts = Facts::default();
        facts.describe(&basics, Direction::In, alone, b"");
        let expected = added(&[
            ("event", "user_status"),
            ("host", "a.example"),
            ("from_user", "alice"),
            ("from_server", "a.example"),
            ("user_status", "offline"),
        ]);
        assert_eq!(facts, expected);
    }
}
