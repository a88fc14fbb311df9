//! Plans as text, right and wrong.

use super::*;
use crate::plan::Dice;

fn one(text: &str) -> Behaviour {
    match text.parse().unwrap() {
        Plan::Always(behaviour) => behaviour,
        Plan::Mix(mix) => panic!("{mix:?}"),
    }
}

fn error(text: &str) -> String {
    text.parse::<Plan>().unwrap_err().to_string()
}

#[test]
fn empty_text_is_the_good_plan() {
    assert_eq!(one(""), Behaviour::default());
    assert_eq!(one("  \n\t "), Behaviour::default());
    assert_eq!("status=200 delay=0".parse(), Ok(Plan::default()));
}

#[test]
fn all_words() {
    let plan = one(
        "status=503 delay=500 body=a%20b%25 header=X-A:1 header=x-b:c%20d fault=slow \
         interval=2.5 size=10 count=20",
    );
    assert_eq!(plan.status, 503);
    assert_eq!(plan.delay, Delay::Fixed(Duration::from_millis(500)));
    assert_eq!(plan.body, "a b%");
    let headers = [("X-A", "1"), ("x-b", "c d")];
    assert_eq!(
        plan.headers,
        headers.map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    assert_eq!(plan.fault, Some(Fault::Slow));
    assert_eq!(plan.interval, Duration::from_micros(2500));
    assert_eq!((plan.size, plan.count), (10, 20));
}

#[test]
fn delay_range_takes_the_seed_wherever_it_stands() {
    let range = Delay::Range {
        from: Duration::from_micros(500),
        to: Duration::from_millis(3),
        seed: 9,
    };
    assert_eq!(one("seed=9 delay=0.5-3").delay, range);
    assert_eq!(one("delay=0.5-3 seed=9").delay, range);
}

#[test]
fn delays_are_drawn_within_their_bounds_and_repeatable() {
    let delay = one("delay=1-2 seed=3").delay;
    let draw = || {
        let dice = Dice::new(delay.seed());
        (0..1000).map(|_| delay.pick(&dice)).collect::<Vec<_>>()
    };
    let drawn = draw();
    let bounds = Duration::from_millis(1)..=Duration::from_millis(2);
    assert!(drawn.iter().all(|time| bounds.contains(time)));
    assert!(drawn.iter().max().unwrap() > &Duration::from_micros(1900));
    assert!(drawn.iter().min().unwrap() < &Duration::from_micros(1100));
    assert_eq!(drawn, draw());
}

#[test]
fn mix_has_seed_and_weights() {
    let text = "mix seed=42 | 70 status=200 | 20 status=503 delay=10-50\n| 10 fault=garbage";
    let Plan::Mix(mix) = text.parse().unwrap() else {
        panic!("no mix");
    };
    assert_eq!(mix.seed, 42);
    let weights: Vec<_> = mix.parts.iter().map(|(weight, _)| *weight).collect();
    assert_eq!(weights, [70, 20, 10]);
    assert_eq!(mix.parts[1].1.status, 503);
    assert_eq!(mix.parts[2].1.fault, Some(Fault::Garbage));
}

#[test]
fn every_fault_has_a_name_of_its_own() {
    for fault in Fault::ALL {
        assert_eq!(Fault::by_name(fault.name()), Some(*fault));
        assert_eq!(one(&format!("fault={}", fault.name())).fault, Some(*fault));
    }
}

#[test]
fn errors_say_what_is_wrong() {
    assert_eq!(error("hello"), "unknown word \"hello\" in the plan");
    assert_eq!(
        error("colour=red"),
        "unknown word \"colour=red\" in the plan"
    );
    assert_eq!(error("fault=nope"), "unknown fault \"nope\"");
    assert_eq!(error("status=100"), "bad value \"100\" for status");
    assert_eq!(error("status=600"), "bad value \"600\" for status");
    assert_eq!(error("delay=5-1"), "bad value \"5-1\" for delay");
    assert_eq!(error("delay=NaN"), "bad value \"NaN\" for delay");
    assert_eq!(error("body=%4"), "bad value \"%4\" for body");
    assert_eq!(error("header=a"), "bad value \"a\" for header");
    assert_eq!(
        error("header=a:%0d%0aX:1"),
        "bad value \"a:%0d%0aX:1\" for header"
    );
    assert!(error("mix seed=1").contains("at least one part"));
    assert!(error("mix | 0 status=200").contains("at least one part"));
    assert!(error("mix | status=200").contains("starts with its weight"));
    assert!(error("mix | 1 fault=refuse").contains("not possible in a mix"));
}
