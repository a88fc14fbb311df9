use super::*;
use crate::rules::event::EventKind;
use crate::sample::{ClientState, UserStatus, Way};
use crate::stanza::{Body, Stanza};

fn plan() -> Plan {
    Plan {
        hosts: vec!["one.example".to_owned(), "two.example".to_owned()],
        users: 200,
        rooms: 10,
        members: 8,
        rate: 100.0,
        groupchat: 20,
        presence: 10,
        curve: Curve::Flat,
        length: Duration::from_secs(20),
        seed: 7,
        since_6_9: false,
    }
}

fn all(plan: Plan) -> Vec<Happening> {
    Traffic::new(plan).collect()
}

fn text(happenings: &[Happening]) -> String {
    format!("{happenings:?}")
}

#[test]
fn one_seed_makes_one_traffic() {
    assert_eq!(text(&all(plan())), text(&all(plan())));
    let other = Plan { seed: 8, ..plan() };
    assert_ne!(text(&all(plan())), text(&all(other)));
}

/// Rules see the stanza that the engine gets.
#[test]
fn stanzas_are_what_their_xml_says() {
    let happenings = all(plan());
    let events = happenings.iter().flat_map(|happening| &happening.events);
    let mut messages = 0;
    for event in events.filter(|event| !event.is_presence()) {
        assert_eq!(Stanza::read(&event.xml), Ok(event.stanza.clone()));
        assert_eq!(event.stanza.from, Some(event.from.to_string()));
        messages += 1;
    }
    assert!(messages > 3_000, "{messages}");
}

/// As many messages as asked for, in the shares that were asked for.
#[test]
fn rates_and_shares() {
    let happenings = all(plan());
    let count = |which: &dyn Fn(&Sample) -> bool| {
        let events = happenings.iter().flat_map(|happening| &happening.events);
        events.filter(|event| which(event)).count()
    };
    let sent = |kind| {
        count(&|event| {
            event.direction == Some(Way::In)
                && event.message_type == Some(kind)
                && event.stanza.body == Body::NonEmpty
        })
    };
    let (chat, groupchat) = (sent("chat"), sent("groupchat"));
    assert!(
        (1800..2200).contains(&(chat + groupchat)),
        "{chat} {groupchat}"
    );
    assert!((330..470).contains(&groupchat), "{groupchat}");
    let delivered = count(&|event| {
        event.direction == Some(Way::Out) && event.message_type == Some("groupchat")
    });
    assert!(delivered > 4 * groupchat, "{delivered}");
    assert!(count(&|event| event.is_presence()) > 150);
    assert!(count(&|event| event.kind == EventKind::Unacknowledged) > 0);
    assert!(count(&|event| event.user_status == Some(UserStatus::Offline)) > 150);
    assert!(happenings.is_sorted_by_key(|happening| happening.at));
    assert!(
        happenings
            .iter()
            .all(|happening| happening.at < plan().length)
    );
}

#[test]
fn a_day_is_busiest_in_the_evening() {
    let day = Plan {
        curve: Curve::Day,
        ..plan()
    };
    let happenings = all(day);
    let hour = |hour: u64| {
        let (from, to) = (hour * 833, (hour + 1) * 833);
        let within = |at: &Duration| (from..to).contains(&u64::try_from(at.as_millis()).unwrap());
        happenings
            .iter()
            .filter(|happening| within(&happening.at))
            .count()
    };
    assert!(hour(20) > 10 * hour(4), "{} {}", hour(20), hour(4));
    assert!(hour(20) > hour(12), "{} {}", hour(20), hour(12));
}

/// Only who is online writes, and presence tells all changes.
#[test]
fn presence_tells_who_is_online() {
    let mut online: std::collections::HashMap<String, bool> = std::collections::HashMap::new();
    for event in all(plan())
        .into_iter()
        .flat_map(|happening| happening.events)
    {
        let user = event.from.bare();
        if event.is_presence() {
            let now = event.user_status == Some(UserStatus::Online);
            assert_ne!(online.insert(user, now), Some(now));
        } else if event.direction == Some(Way::In) {
            assert_ne!(online.get(&user), Some(&false), "{user}");
        } else if let Some(status) = event.user_status {
            let known = *online
                .entry(event.to.bare())
                .or_insert(status == UserStatus::Online);
            assert_eq!(known, status == UserStatus::Online, "{}", event.to);
        }
    }
}

/// From 6.9 on an event of a sent message says "online" of every receiver, and the state of clients is known.
#[test]
fn events_of_6_9() {
    let events = |since_6_9| {
        let plan = Plan {
            since_6_9,
            ..plan()
        };
        all(plan).into_iter().flat_map(|happening| happening.events)
    };
    let sent = |event: &Sample| event.direction == Some(Way::In);
    assert!(
        events(true)
            .filter(sent)
            .all(|event| event.user_status == Some(UserStatus::Online))
    );
    assert!(
        events(false)
            .filter(sent)
            .any(|event| event.user_status.is_none())
    );
    assert!(events(true).any(|event| event.client_state == Some(ClientState::Inactive)));
    assert!(events(false).all(|event| event.client_state.is_none()));
}

#[test]
fn the_smallest_town() {
    let small = Plan {
        hosts: vec!["localhost".to_owned()],
        users: 2,
        rooms: 0,
        ..plan()
    };
    let events = all(small)
        .into_iter()
        .flat_map(|happening| happening.events);
    let mut from: Vec<String> = events.map(|event| event.from.bare()).collect();
    from.sort_unstable();
    from.dedup();
    assert_eq!(from, ["alice@localhost", "bob@localhost"]);
}
