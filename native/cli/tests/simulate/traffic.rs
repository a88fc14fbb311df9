//! What is sent is what the configuration says, and what the program says it sent.

use serde_json::Value;
use test_endpoint::Record;

use super::common::Dir;
use super::{ALL, body, check, endpoint, file, number, simulate, summary};

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

/// Many notifications share a request, and its worker.
#[test]
fn batches() {
    // Workers are counted now and then, so on a busy machine some of the time is missed.
    let mut times = Vec::new();
    while times.last().is_none_or(|time| *time <= 45.0) {
        assert!(times.len() < 5, "{times:?}");
        times.push(time_of_a_batch());
    }
}

/// How many milliseconds a worker had a request of 50 ms.
fn time_of_a_batch() -> f64 {
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
    pool["worker_ms"].as_f64().unwrap() * shares
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
