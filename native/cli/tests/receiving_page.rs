//! The table of docs/receiving.md: what each answer does to a notification, by handler, as `http-pusher simulate` finds it.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Dir, program};
use serde_json::Value;
use test_endpoint::{EndpointConfig, TestEndpoint};

const PAGE: &str = include_str!("../../../docs/receiving.md");

/// The columns of the table, and what the handlers have for them.
const COLUMNS: [(&str, &str); 4] = [
    ("as in the stock module", ""),
    ("`success = [\"2xx\"]`", "success = [\"2xx\"]"),
    ("`retry = {}`", "retry = {initial = 1, max = 1}"),
    (
        "`delivery = \"at_least_once\"`",
        "delivery = \"at_least_once\"\nretry = {initial = 1, max = 1}",
    ),
];

/// The plan of an endpoint that does not answer.
const SILENCE: &str = "delay=600000";

/// The cells of each row below the head.
fn rows() -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| -> Vec<&str> {
        let line = line.trim_start_matches('|').trim_end_matches('|');
        line.split('|').map(str::trim).collect()
    };
    let start = PAGE.find("| you answer |").unwrap();
    let mut lines = PAGE[start..]
        .lines()
        .take_while(|line| line.starts_with('|'));
    let head = cells(lines.next().unwrap());
    let titles: Vec<&str> = COLUMNS.iter().map(|(title, _)| *title).collect();
    assert_eq!(head[1..], titles);
    lines.skip(1).map(cells).collect()
}

/// What the endpoint does in the cases of a row, as its plans.
fn plans(row: &str) -> Vec<String> {
    let fault = |plan: &str| vec![plan.to_owned()];
    match row {
        "no answer within `request_timeout`" => return fault(SILENCE),
        "no connection" => return fault("refuse"),
        "a connection that breaks before the answer" => return fault("fault=close-before-head"),
        _ => {}
    }
    let in_ticks = row.split('`').skip(1).step_by(2);
    let statuses = in_ticks.flat_map(|word| match word {
        "3xx" => vec![300, 304, 307],
        "4xx" => vec![402, 405, 409, 415, 418, 451],
        "5xx" => vec![501, 502, 504, 599],
        word => vec![word.parse::<u16>().unwrap()],
    });
    let plans: Vec<String> = statuses.map(|status| format!("status={status}")).collect();
    assert!(!plans.is_empty(), "{row}");
    plans
}

/// What became of the notifications of each column.
fn found(plan: &str) -> Vec<&'static str> {
    let dir = Dir::new();
    let refuses = plan == "refuse";
    let config = EndpointConfig {
        plan: if refuses { "" } else { plan }.parse().unwrap(),
        ..EndpointConfig::default()
    };
    let endpoint = TestEndpoint::start_in_thread(config, 1).unwrap();
    if refuses {
        endpoint.set_listening(false).unwrap();
    }
    let timeout = if plan == SILENCE { 100 } else { 60_000 };
    let section = |(number, (_, options)): (usize, &(&str, &str))| {
        format!(
            "[outgoing_pools.http.p{number}]\ncall_timeout = 60000\n\
             [outgoing_pools.http.p{number}.connection]\nhost = \"{}\"\nrequest_timeout = {timeout}\n\
             [[modules.mod_event_pusher.http.handlers]]\npool_name = \"p{number}\"\n{options}\n",
            endpoint.url("")
        )
    };
    let sections: Vec<String> = COLUMNS.iter().enumerate().map(section).collect();
    let file = sections.concat();
    dir.file("mongooseim.toml", &file);
    // On a slow machine it takes longer until each has an outcome, or was tried again.
    for drain in ["300ms", "3s", "30s"] {
        let output = program(&dir)
            .args([
                "simulate",
                "mongooseim.toml",
                "--duration",
                "100ms",
                "--rate",
                "200",
            ])
            .args(["--presence", "0", "--drain", drain, "--json"])
            .output()
            .unwrap();
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let pools = summary["pools"].as_array().unwrap();
        let fates: Option<Vec<_>> = pools.iter().map(fate).collect();
        if let Some(fates) = fates {
            return fates;
        }
    }
    panic!("{plan}: nothing came of it")
}

fn fate(pool: &Value) -> Option<&'static str> {
    let number = |value: &Value| value.as_u64().unwrap();
    let failed: u64 = pool["failed"]
        .as_object()
        .unwrap()
        .values()
        .map(number)
        .sum();
    match (number(&pool["sent"]), failed, number(&pool["retries"])) {
        (0, 0, 0) => None,
        (0, 0, _) => Some("tried again"),
        (0, _, _) => Some("failed"),
        (_, 0, 0) => Some("sent"),
        _ => panic!("{pool}"),
    }
}

#[test]
fn the_table_of_answers() {
    let rows = rows();
    assert_eq!(rows.len(), 9);
    for row in rows {
        let expected: Vec<&str> = row[1..]
            .iter()
            .map(|cell| match *cell {
                "dead letter" => "failed",
                cell => cell.split(',').next().unwrap(),
            })
            .collect();
        for plan in plans(row[0]) {
            assert_eq!(found(&plan), expected, "{plan}: {}", row[0]);
        }
    }
}
