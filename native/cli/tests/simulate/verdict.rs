//! Whether the endpoint keeps up, how many workers it needs, and what cannot be tried.

use super::common::{Dir, program};
use super::{check, endpoint, file, number, simulate, summary};

/// Ten requests a second that take 100 ms each keep one worker busy.
#[test]
fn littles_law() {
    // Workers are counted now and then, so on a busy machine some of the time is missed.
    let mut times = Vec::new();
    while times.last().is_none_or(|time| *time <= 95.0) {
        assert!(times.len() < 5, "{times:?}");
        times.push(time_of_a_request());
    }
}

/// How many milliseconds a worker had a request of 100 ms.
fn time_of_a_request() -> f64 {
    let (dir, endpoint) = (Dir::new(), endpoint("delay=100"));
    file(&dir, &endpoint, "", "workers = 40");
    let more = [
        "--duration",
        "4s",
        "--rate",
        "100",
        "--users",
        "5000",
        "--groupchat",
        "0",
        "--json",
    ];
    let summary = summary(&simulate(&dir, &more));
    check(&summary, &endpoint);
    let pool = &summary["pools"][0];
    let request = pool["worker_ms"].as_f64().unwrap();
    let (needed, suggested) = (
        number(&pool["workers_needed"]),
        number(&pool["workers_suggested"]),
    );
    assert_eq!(suggested, 2 * needed, "{summary}");
    assert!(needed >= 10 || request <= 95.0, "{summary}");
    let expected = pool["per_second"].as_f64().unwrap() * request / 1000.0;
    assert!(
        (f64::from(u32::try_from(needed).unwrap()) - expected).abs() <= 1.0,
        "{summary}"
    );
    assert_eq!(pool["workers"], 40);
    let latency = &summary["latency_ms"];
    let at = |name: &str| latency[name].as_f64().unwrap();
    assert!(
        at("p50") >= 99.0 && at("p50") <= at("p95") && at("p95") <= at("p99"),
        "{summary}"
    );
    request
}

/// An endpoint that is slower than the traffic: it is said, with the status.
#[test]
fn an_endpoint_that_does_not_keep_up() {
    let (dir, endpoint) = (Dir::new(), endpoint("delay=100"));
    file(&dir, &endpoint, "", "workers = 2");
    let output = simulate(
        &dir,
        &["--duration", "2s", "--rate", "60", "--target", "300ms"],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let summary = summary(&output);
    check(&summary, &endpoint);
    assert_eq!(
        (&summary["kept_up"], &summary["left"]),
        (&false.into(), &0.into())
    );
    let pool = &summary["pools"][0];
    assert!(number(&pool["workers_needed"]) > 2, "{summary}");
    assert!(number(&pool["most_waiting"]) > 10, "{summary}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("did not keep up"), "{text}");
    assert!(text.contains("all workers were busy"), "{text}");
}

#[test]
fn answers_that_say_no_are_not_keeping_up() {
    let (dir, endpoint) = (Dir::new(), endpoint("status=503"));
    file(&dir, &endpoint, "", "");
    let output = simulate(&dir, &["--duration", "300ms", "--rate", "50"]);
    assert_eq!(output.status.code(), Some(1));
    let summary = summary(&output);
    check(&summary, &endpoint);
    assert_eq!(summary["statuses"]["503"], summary["sent"]);
}

/// What was not delivered is said, and how much.
#[test]
fn what_is_left() {
    let (dir, endpoint) = (Dir::new(), endpoint("delay=100000"));
    let handler = "delivery = \"at_least_once\"";
    file(&dir, &endpoint, handler, "");
    let output = program(&dir)
        .args([
            "simulate",
            "mongooseim.toml",
            "--duration",
            "300ms",
            "--rate",
            "50",
            "--drain",
            "100ms",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let summary = summary(&output);
    assert_eq!(summary["left"], summary["accepted"]);
    assert!(number(&summary["left"]) > 0);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("what is left is gone now"), "{text}");
}

#[test]
fn what_cannot_be_tried() {
    let (dir, endpoint) = (Dir::new(), endpoint(""));
    dir.file("mongooseim.toml", "[general]\n");
    assert_eq!(simulate(&dir, &[]).status.code(), Some(2));
    file(&dir, &endpoint, "", "");
    for wrong in [
        ["--rate", "0"],
        ["--users", "1"],
        ["--duration", "2d"],
        ["--groupchat", "101"],
    ] {
        assert_eq!(simulate(&dir, &wrong).status.code(), Some(2), "{wrong:?}");
    }
    // Nothing that this handler sends ever happens.
    let never = "rules = [{action = \"send\", conditions = [{type = \"headline\"}]}]";
    file(&dir, &endpoint, never, "");
    let output = simulate(&dir, &["--duration", "100ms"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("nothing was sent"), "{text}");
}
