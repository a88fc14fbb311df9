//! `http-pusher simulate` to a test endpoint: what the program says it did is what arrived.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use common::{Dir, program};
use serde_json::Value;
use test_endpoint::{EndpointConfig, EndpointHandle, Record, TestEndpoint};

fn endpoint(plan: &str) -> EndpointHandle {
    let config = EndpointConfig {
        plan: plan.parse().unwrap(),
        ..EndpointConfig::default()
    };
    TestEndpoint::start_in_thread(config, 2).unwrap()
}

/// A file whose pool sends to the endpoint; `handler` is put into the handler's section, `pool` into the pool's. However slow this
/// machine is, no time is up.
fn file(dir: &Dir, endpoint: &EndpointHandle, handler: &str, pool: &str) {
    let text = format!(
        "[general]\nhosts = [\"one.example\", \"two.example\"]\n\
         [[modules.mod_event_pusher.http.handlers]]\npath = \"/n\"\n{handler}\n\
         [outgoing_pools.http.http_pool]\n{pool}\ncall_timeout = 600000\n\
         [outgoing_pools.http.http_pool.connection]\nrequest_timeout = 600000\nhost = \"{}\"\n",
        endpoint.url("")
    );
    dir.file("mongooseim.toml", &text);
}

/// Every event that has a text.
const ALL: &str = "format = \"json\"\nrules = [{action = \"send\", conditions = [{}]}]";

fn simulate(dir: &Dir, more: &[&str]) -> Output {
    program(dir)
        .args(["simulate", "mongooseim.toml", "--drain", "600s"])
        .args(more)
        .output()
        .unwrap()
}

/// The JSON object in the last line.
#[track_caller]
fn summary(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("{text}\n{output:?}"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn sum(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().map(number).sum()
}

/// The account is level, and agrees with the endpoint's own.
#[track_caller]
fn check(summary: &Value, endpoint: &EndpointHandle) {
    let count = |name: &str| number(&summary[name]);
    let (failed, rejected) = (sum(&summary["failed"]), sum(&summary["rejected"]));
    assert_eq!(count("accepted"), count("sent") + failed + count("left"));
    assert_eq!(count("notifications"), count("accepted") + rejected);
    assert_eq!(count("sent"), sum(&summary["statuses"]));
    let pools = summary["pools"].as_array().unwrap();
    for name in ["accepted", "sent", "retries", "left"] {
        let pools: u64 = pools.iter().map(|pool| number(&pool[name])).sum();
        assert_eq!(pools, count(name), "{name}");
    }
    let arrived = endpoint.records();
    assert_eq!(
        u64::try_from(arrived.len()).unwrap(),
        count("sent") + failed + count("retries"),
        "{summary}"
    );
}

fn body(record: &Record) -> Value {
    serde_json::from_slice(&record.body).unwrap()
}

#[test]
fn what_it_counts_is_what_arrives() {
    let (dir, endpoint) = (Dir::new(), endpoint(""));
    file(&dir, &endpoint, ALL, "");
    let more = ["--duration", "2s", "--rate", "60", "--seed", "3"];
    let output = simulate(&dir, &more);
    let summary = summary(&output);
    check(&summary, &endpoint);
    assert!(number(&summary["sent"]) > 200, "{summary}");
    assert_eq!(summary["left"], 0);
    let kinds: Vec<String> = endpoint
        .records()
        .iter()
        .map(|record| body(record)["type"].as_str().unwrap().to_owned())
        .collect();
    for kind in [
        "message.chat",
        "message.groupchat",
        "presence.online",
        "presence.offline",
    ] {
        assert!(kinds.iter().any(|known| known == kind), "{kind}");
    }
    let hosts = ["one.example", "two.example"];
    for host in hosts {
        let of_host = |record: &Record| body(record)["data"]["host"] == host;
        assert!(endpoint.records().iter().any(of_host), "{host}");
    }
    let text = String::from_utf8(output.stdout).unwrap();
    for word in [
        "global/http_pool to http://127.0.0.1:",
        "Little's law",
        "p99",
    ] {
        assert!(text.contains(word), "{text}");
    }
}

/// A seed stands for the traffic: what arrives is the same, but for ids and times.
#[test]
fn one_seed_makes_one_traffic() {
    let sent = |seed: &str| {
        let (dir, endpoint) = (Dir::new(), endpoint(""));
        file(&dir, &endpoint, ALL, "");
        let more = ["--duration", "1s", "--rate", "40", "--json", "--seed", seed];
        check(&summary(&simulate(&dir, &more)), &endpoint);
        let records = endpoint.records();
        let mut data: Vec<String> = records
            .iter()
            .map(|record| body(record)["data"].to_string())
            .collect();
        data.sort_unstable();
        data
    };
    let first = sent("5");
    assert!(first.len() > 50, "{}", first.len());
    assert_eq!(first, sent("5"));
    assert_ne!(first, sent("6"));
}

/// With `--json` there is one line alone.
#[test]
fn for_scripts() {
    let (dir, endpoint) = (Dir::new(), endpoint(""));
    file(&dir, &endpoint, "", "");
    let output = simulate(&dir, &["--duration", "200ms", "--rate", "100", "--json"]);
    assert_eq!(
        String::from_utf8(output.stdout.clone())
            .unwrap()
            .lines()
            .count(),
        1
    );
    check(&summary(&output), &endpoint);
    // Without rules, the default module's choice as a form.
    assert!(!endpoint.records().is_empty());
    for record in endpoint.records() {
        let names: Vec<String> = record.form().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["author", "server", "receiver", "message"]);
    }
}

/// Signed by the library's own rules, retried, kept on disk: all of it as in a node.
#[test]
fn signed_and_certain() {
    let (dir, endpoint) = (
        Dir::new(),
        endpoint("mix seed=4 | 7 status=204 | 3 status=503"),
    );
    dir.file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let handler = format!(
        "{ALL}\nsigning = {{secret_file = \"secret\"}}\ndelivery = \"at_least_once\"\n\
         retry = {{initial = 1, max = 20}}"
    );
    file(&dir, &endpoint, &handler, "workers = 50");
    let more = [
        "--duration",
        "1s",
        "--rate",
        "30",
        "--json",
        "--spool-dir",
        "spool",
    ];
    let output = simulate(&dir, &more);
    let summary = summary(&output);
    check(&summary, &endpoint);
    assert!(number(&summary["retries"]) > 0, "{summary}");
    assert_eq!(
        summary["statuses"].as_object().unwrap().len(),
        1,
        "{summary}"
    );
    let records = endpoint.records();
    assert!(
        records
            .iter()
            .all(|record| record.header("webhook-signature").is_some())
    );
    let mut ids: Vec<_> = records
        .iter()
        .map(|record| record.header("webhook-id").unwrap().to_vec())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(
        u64::try_from(ids.len()).unwrap(),
        number(&summary["accepted"])
    );
    assert!(dir.path().join("spool").is_dir());
}

/// Ten requests a second that take 100 ms each keep one worker busy.
#[test]
fn littles_law() {
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
    assert!(request > 95.0, "{summary}");
    let (needed, suggested) = (
        number(&pool["workers_needed"]),
        number(&pool["workers_suggested"]),
    );
    assert!(needed >= 10 && suggested == 2 * needed, "{summary}");
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
}

/// Many notifications share a request, and its worker.
#[test]
fn batches() {
    let (dir, endpoint) = (Dir::new(), endpoint("delay=50"));
    let handler = format!("{ALL}\nbatch = {{max_events = 50, linger = 100}}");
    file(&dir, &endpoint, &handler, "workers = 20");
    let more = ["--duration", "2s", "--rate", "50", "--json"];
    let summary = summary(&simulate(&dir, &more));
    let records = endpoint.records();
    let events: usize = records
        .iter()
        .map(|record| body(record).as_array().unwrap().len())
        .sum();
    let sent = number(&summary["sent"]);
    assert_eq!(
        (u64::try_from(events).unwrap(), &summary["left"]),
        (sent, &0.into())
    );
    assert!(records.len() * 3 < events, "{} {events}", records.len());
    let pool = &summary["pools"][0];
    assert!(number(&pool["most_busy_workers"]) <= 20, "{summary}");
    // Of a request, which takes 50 ms, each has its share.
    let shares = f64::from(u32::try_from(events).unwrap())
        / f64::from(u32::try_from(records.len()).unwrap());
    assert!(
        pool["worker_ms"].as_f64().unwrap() * shares > 45.0,
        "{summary}"
    );
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

/// The address and the path prefix of another place.
#[test]
fn to_another_url() {
    let (dir, unused, endpoint) = (Dir::new(), endpoint(""), endpoint(""));
    file(&dir, &unused, "", "");
    let url = endpoint.url("/staging");
    let more = [
        "--duration",
        "200ms",
        "--rate",
        "100",
        "--json",
        "--url",
        &url,
    ];
    let summary = summary(&simulate(&dir, &more));
    check(&summary, &endpoint);
    assert!(unused.records().is_empty());
    assert!(
        endpoint
            .records()
            .iter()
            .all(|record| record.path == "/staging/n")
    );
    let output = simulate(&dir, &["--url", "gopher://x"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--url gopher://x"), "{text}");
}

/// Ctrl-C ends it with the summary.
#[test]
fn an_interrupt_ends_it_with_the_summary() {
    let (dir, endpoint) = (Dir::new(), endpoint(""));
    file(&dir, &endpoint, ALL, "");
    let mut child = program(&dir)
        .args([
            "simulate",
            "mongooseim.toml",
            "--duration",
            "1h",
            "--rate",
            "50",
            "--drain",
            "600s",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    while endpoint.records().len() < 50 {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let last = lines.map(Result::unwrap).last().unwrap();
    let summary: Value = serde_json::from_str(&last).unwrap();
    assert!(child.wait().unwrap().code().is_some());
    assert_eq!(summary["interrupted"], true);
    check(&summary, &endpoint);
}

/// On a terminal there is a table with a bar, and the last line is still JSON.
#[test]
fn on_a_terminal() {
    let (dir, endpoint) = (Dir::new(), endpoint(""));
    file(&dir, &endpoint, ALL, "");
    let program = env!("CARGO_BIN_EXE_http-pusher");
    let command = format!("{program} simulate mongooseim.toml --duration 2s --rate 30");
    let output = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for word in ["in flight", "p95", " %", "global/http_pool", "\u{1b}["] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let last = text.lines().last().unwrap();
    let summary: Value = serde_json::from_str(last).unwrap();
    check(&summary, &endpoint);
}

/// Without a terminal, a line now and then.
#[test]
fn in_lines() {
    let (dir, endpoint) = (Dir::new(), endpoint(""));
    file(&dir, &endpoint, ALL, "");
    let output = simulate(&dir, &["--duration", "3500ms", "--rate", "20"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .take_while(|line| line.contains(" s  sent "))
        .collect();
    assert!(!lines.is_empty(), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    check(&summary(&output), &endpoint);
}

/// A second pool for one host, and own settings that bound it.
#[test]
fn pools_of_hosts_and_own_settings() {
    let (dir, endpoint) = (Dir::new(), endpoint("delay=200"));
    file(&dir, &endpoint, "", "scope = \"host\"\nworkers = 1");
    dir.file(
        "app.config",
        "[{mongoose_http_pusher, [{max_pending, 3}, {max_lane_percent, 100}]}].",
    );
    let more = [
        "--duration",
        "1s",
        "--rate",
        "60",
        "--json",
        "--app-config",
        "app.config",
    ];
    let output = simulate(&dir, &more);
    let summary = summary(&output);
    check(&summary, &endpoint);
    let names: Vec<&Value> = summary["pools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pool| &pool["pool"])
        .collect();
    assert_eq!(names, ["one.example/http_pool", "two.example/http_pool"]);
    assert!(number(&summary["rejected"]["queue_full"]) > 10, "{summary}");
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
