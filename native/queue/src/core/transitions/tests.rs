//! Tests of what each phase allows. What becomes of the items meanwhile is tested against a model.

use std::time::Duration;

use crate::{Begin, Core, LaneLimits, Parts, Rules, WhenBusy};

#[derive(Debug)]
enum Named {}

impl Parts for Named {
    type Options = &'static str;
    type Opened = &'static str;
    type Heir = &'static str;
}

const RULES: Rules = Rules {
    workers: 1,
    when_busy: WhenBusy::Wait,
    max_waiting: None,
    call_timeout: Duration::from_secs(1),
};

fn core() -> Core<(), (), Named> {
    Core::new(LaneLimits { items: 1, cost: 1 })
}

fn open(core: &mut Core<(), (), Named>, with: &'static str) {
    assert_eq!(core.open(RULES, with).workers, 0);
}

#[test]
fn options_are_set_once_and_taken_once() {
    let mut core = core();
    assert_eq!(core.phase().as_str(), "spare");
    assert!(matches!(core.begin_opening(), Begin::NotConfigured));
    core.configure("first");
    core.configure("second");
    assert_eq!(core.phase().as_str(), "opening");
    assert!(matches!(core.begin_opening(), Begin::Open("first")));
    core.configure("third");
    assert!(matches!(core.begin_opening(), Begin::Begun));
    open(&mut core, "this");
    open(&mut core, "that");
    assert!(matches!(core.begin_opening(), Begin::Begun));
    assert_eq!(core.phase().as_str(), "open");
    assert_eq!(core.phase().opened(), Some(&"this"));
    core.close();
    assert!(matches!(core.begin_opening(), Begin::Ended));
    assert_eq!(core.phase().opened(), Some(&"this"));
}

#[test]
fn a_defect_goes_when_the_pool_opens() {
    let mut core = core();
    core.set_defect("too early".into());
    assert_eq!(core.phase().defect(), None);
    core.configure("options");
    assert!(matches!(core.begin_opening(), Begin::Open(_)));
    core.set_defect("no file".into());
    assert_eq!(core.phase().as_str(), "opening");
    assert!(core.fail_to_open("still no file".into()));
    assert_eq!(core.phase().as_str(), "broken");
    assert!(!core.fail_to_open("again".into()));
    assert_eq!(
        core.phase().defect().map(AsRef::as_ref),
        Some("still no file")
    );
    open(&mut core, "with");
    assert!(!core.fail_to_open("too late".into()));
    assert_eq!(core.phase().defect(), None);
}

#[test]
fn a_pool_that_is_not_wanted_drains_and_may_be_wanted_again() {
    let mut core = core();
    core.drain();
    assert_eq!(core.phase().as_str(), "leaving");
    core.configure("options");
    assert!(core.resume());
    assert_eq!(core.phase().as_str(), "opening");
    core.drain();
    open(&mut core, "with");
    assert_eq!(core.phase().as_str(), "draining");
    assert!(core.resume());
    assert_eq!(core.phase().as_str(), "open");
    core.close();
    assert!(!core.resume());
}

#[test]
fn a_pool_that_is_not_wanted_and_cannot_be_opened_ends() {
    for drains_first in [true, false] {
        let mut core = core();
        core.configure("options");
        if drains_first {
            core.drain();
            assert!(core.fail_to_open("no file".into()));
        } else {
            assert!(core.fail_to_open("no file".into()));
            core.drain();
        }
        assert_eq!(core.phase().as_str(), "closed");
    }
}

#[test]
fn a_pool_has_one_heir() {
    let mut core = core();
    assert_eq!(core.hand_over("first"), Some("first"));
    assert_eq!(core.hand_over("second"), Some("first"));
    core.configure("options");
    open(&mut core, "with");
    assert!(matches!(core.begin_opening(), Begin::NotConfigured));
    assert_eq!(core.phase().as_str(), "spare");
    core.drain();
    assert_eq!(core.hand_over("third"), Some("first"));
    core.close();
    assert_eq!(core.phase().as_str(), "closed");
    assert_eq!(core.hand_over("fourth"), Some("first"));
}

#[test]
fn a_pool_with_options_has_no_heir() {
    let mut core = core();
    core.configure("options");
    assert_eq!(core.hand_over("other"), None);
    core.close();
    assert_eq!(core.hand_over("other"), None);
}
