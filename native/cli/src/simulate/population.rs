//! Who writes to whom: users with their contacts and devices, and rooms with their members.

use fastrand::Rng;

use crate::jid::Jid;

/// A user, by number.
pub(super) type User = usize;

/// The most members of a room.
const MEMBERS: usize = 200;
/// How many recent conversations are remembered; most messages belong to one of them.
const CONVERSATIONS: usize = 64;
/// How many others a user writes to.
const CONTACTS: usize = 8;

const NAMES: [&str; 40] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "karl",
    "laura", "mallory", "niaj", "olivia", "peggy", "quinn", "rupert", "sybil", "trent", "uma",
    "victor", "wendy", "xavier", "yara", "zoe", "amir", "bea", "chen", "dina", "emeka", "fatima",
    "goran", "hana", "ines", "jonas", "kofi", "lena", "mateo", "noor",
];

const ROOMS: [&str; 16] = [
    "garden",
    "kitchen",
    "family",
    "football",
    "choir",
    "team",
    "office",
    "school",
    "travel",
    "books",
    "cinema",
    "chess",
    "cycling",
    "market",
    "neighbours",
    "music",
];

const DEVICES: [&str; 3] = ["phone", "laptop", "tablet"];

/// A room.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// Its address.
    pub jid: Jid,
    /// Its members.
    pub members: Vec<User>,
}

/// Everyone.
#[derive(Debug)]
pub(super) struct Population {
    hosts: Vec<String>,
    online: Vec<bool>,
    /// How many of them are online.
    count: usize,
    rooms: Vec<Room>,
    conversations: Vec<(User, User)>,
}

impl Population {
    /// So many users, spread over the hosts, and rooms with `members` members on average. Some are online.
    pub fn new(
        hosts: Vec<String>,
        users: usize,
        rooms: usize,
        members: usize,
        rng: &mut Rng,
    ) -> Self {
        let mut population = Self {
            hosts,
            online: vec![false; users],
            count: 0,
            rooms: Vec::with_capacity(rooms),
            conversations: Vec::with_capacity(CONVERSATIONS),
        };
        for user in 0..users {
            if rng.f64() < 0.4 {
                population.set_online(user, true);
            }
        }
        for number in 0..rooms {
            let jid = population.room_jid(number);
            let members = some_users(users, room_size(members, rng), rng);
            population.rooms.push(Room { jid, members });
        }
        population
    }

    fn room_jid(&self, number: usize) -> Jid {
        let host = &self.hosts[number % self.hosts.len()];
        Jid::of(&numbered(&ROOMS, number), &format!("muclight.{host}"))
    }

    /// A user's bare address.
    pub fn jid(&self, user: User) -> Jid {
        Jid::of(
            &numbered(&NAMES, user),
            &self.hosts[user % self.hosts.len()],
        )
    }

    /// The address of the device that a user writes with.
    pub fn device(&self, user: User) -> Jid {
        Jid {
            resource: Some(DEVICES[user % DEVICES.len()].to_owned()),
            ..self.jid(user)
        }
    }

    /// Whether a user has a device online.
    pub fn is_online(&self, user: User) -> bool {
        self.online[user]
    }

    /// The part of the users that are online, between 0 and 1.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 users")]
    pub fn share_online(&self) -> f64 {
        self.count as f64 / self.online.len() as f64
    }

    /// A user comes or goes.
    pub fn set_online(&mut self, user: User, online: bool) {
        let before = std::mem::replace(&mut self.online[user], online);
        self.count = self.count + usize::from(online) - usize::from(before);
    }

    /// Any user who is online, or is not, if one is found soon.
    pub fn any(&self, online: bool, rng: &mut Rng) -> Option<User> {
        (0..32)
            .map(|_| rng.usize(0..self.online.len()))
            .find(|user| self.is_online(*user) == online)
    }

    /// Who writes, and to whom: mostly an answer in a recent conversation, otherwise a new one. Few users write much,
    /// and each writes to a few others.
    pub fn pair(&mut self, rng: &mut Rng) -> (User, User) {
        let known = self.conversations.len();
        if known > 0 && rng.f64() < 0.6 {
            let place = rng.usize(0..known);
            let (from, to) = self.conversations[place];
            self.conversations[place] = (to, from);
            return (to, from);
        }
        let users = self.online.len();
        let from = frequent(users, rng);
        let contact = 1 + (from * 31 + rng.usize(0..CONTACTS) * 17) % (users - 1);
        let pair = (from, (from + contact) % users);
        if known < CONVERSATIONS {
            self.conversations.push(pair);
        } else {
            self.conversations[rng.usize(0..known)] = pair;
        }
        pair
    }

    /// A room, and one of its members, who writes; none if there is no room.
    pub fn in_room(&self, rng: &mut Rng) -> Option<(Room, User)> {
        if self.rooms.is_empty() {
            return None;
        }
        let room = &self.rooms[frequent(self.rooms.len(), rng)];
        let member = room.members[frequent(room.members.len(), rng)];
        Some((room.clone(), member))
    }
}

/// A name of the list, with a number once all were used.
fn numbered(names: &[&str], number: usize) -> String {
    let name = names[number % names.len()];
    match number / names.len() {
        0 => name.to_owned(),
        round => format!("{name}{}", round + 1),
    }
}

/// A number below `count`; low ones are more frequent: the first of a thousand has one in a hundred.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between 0 and count"
)]
fn frequent(count: usize, rng: &mut Rng) -> usize {
    let place = (rng.f64().powf(1.5) * count as f64) as usize;
    place.min(count - 1)
}

/// Between 2 and a bound, `mean` on average: many small rooms and a few large ones.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small positive numbers"
)]
fn room_size(mean: usize, rng: &mut Rng) -> usize {
    let beyond = mean.saturating_sub(2) as f64 * -(1.0 - rng.f64()).ln();
    (2 + beyond.round() as usize).min(MEMBERS)
}

/// So many different users, or all.
fn some_users(users: usize, count: usize, rng: &mut Rng) -> Vec<User> {
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count.min(users) {
        let mut user = rng.usize(0..users);
        while chosen.contains(&user) {
            user = (user + 1) % users;
        }
        chosen.push(user);
    }
    chosen
}
