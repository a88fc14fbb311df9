//! The examples of docs/configuration.md: the program prints what they show, but for times and the port.
#![allow(clippy::unwrap_used)]

mod common;

use clap::{Arg, CommandFactory as _};
use common::{Dir, ONE_TABLE, Running, program};

const PAGE: &str = include_str!("../../../docs/configuration.md");

/// The lines of the console block whose first line starts with `first`.
#[track_caller]
fn example(first: &str) -> Vec<&'static str> {
    let start = PAGE.find(&format!("```console\n{first}")).unwrap();
    let lines = PAGE[start..].lines().skip(1);
    lines.take_while(|line| *line != "```").collect()
}

/// The text with every time as `N ms`, and the free port as the documented one.
fn without_times(text: &str, port: &str) -> String {
    let text = text.replace(&format!(":{port}"), ":8000");
    let words = text.split_inclusive([' ', ',', '\n']);
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    for at in 1..words.len() {
        if words[at].starts_with("ms") && words[at - 1].trim_end().parse::<f64>().is_ok() {
            "N ".clone_into(&mut words[at - 1]);
        }
    }
    words.concat()
}

fn printed(dir: &Dir, arguments: &[&str]) -> String {
    let output = program(dir).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn check() {
    let dir = Dir::new();
    dir.file("mongooseim.toml", ONE_TABLE.trim_start());
    let text = printed(&dir, &["check", "mongooseim.toml"]);
    let shown = example("$ http-pusher check mongooseim.toml");
    assert_eq!(text.lines().collect::<Vec<_>>(), shown[1..]);
}

/// The rules are those of the first example of rules.
#[test]
fn send_an_event() {
    let start = PAGE
        .find("[[modules.mod_event_pusher.http.handlers.rules]]")
        .unwrap();
    let rules = PAGE[start..].split("```").next().unwrap();
    let dir = Dir::new();
    let handler = "[[modules.mod_event_pusher.http.handlers]]";
    let pool = "[outgoing_pools.http.http_pool.connection]\nhost = \"http://localhost:1\"";
    dir.file("groups.toml", &format!("{pool}\n{handler}\n{rules}"));
    let shown = example("$ cat offline.xml");
    dir.file("offline.xml", shown[1]);
    let arguments: Vec<&str> = shown[2].split(' ').skip(2).collect();
    let text = printed(&dir, &arguments);
    assert_eq!(text.lines().collect::<Vec<_>>(), shown[3..]);
}

#[test]
fn send_and_receive() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--tls", "--write-ca", "ca.pem"]);
    let port = endpoint.address.split(':').next_back().unwrap().to_owned();
    // Not its timeout, which a busy machine can exceed.
    let file = ONE_TABLE
        .replace("request_timeout = 2000", "request_timeout = 600000")
        .replace(
            "localhost:8000\"",
            &format!(
                "localhost:{port}\"\n    tls.cacertfile = \"ca.pem\"\n    tls.verify_peer = true"
            ),
        );
    dir.file("mongooseim.toml", &file);
    let send = [
        "send",
        "mongooseim.toml",
        "--from",
        "Alice@LocalHost",
        "--to",
        "bob@localhost",
        "--message",
        "Hi, Bob!",
    ];
    let text = without_times(&printed(&dir, &send), &port);
    let shown = example("$ http-pusher send mongooseim.toml")[1..].join("\n");
    assert_eq!(text.trim_end(), without_times(&shown, "8000"));

    // The example begins with a time.
    let shown = PAGE
        .split_once("and the receiver prints\n\n```console\n")
        .unwrap()
        .1;
    for (at, shown) in shown.lines().take(5).enumerate() {
        let line = endpoint.line();
        if at == 0 {
            let after_time = |line: &str| line.split_once(' ').unwrap().1.to_owned();
            assert_eq!(after_time(&line), after_time(shown));
        } else {
            assert_eq!(line, shown);
        }
    }

    drop(endpoint);
    // Another program may have its port by now; the system never assigns port 9.
    let closed = file.replace(&format!("localhost:{port}"), "localhost:9");
    dir.file("mongooseim.toml", &closed);
    let text = printed(&dir, &send).replace(":9", ":8000");
    let shown = example("failed: econnrefused");
    assert_eq!(text.lines().last(), shown.first().copied());
}

/// Each option of `simulate` with its default, and each field of its JSON object.
#[test]
fn simulate() {
    let section = PAGE.split_once("\n### simulate\n").unwrap().1;
    let section = section.split("\n### ").next().unwrap();
    let mut whole = cli::Arguments::command();
    whole.build();
    let command = whole.find_subcommand("simulate").unwrap();
    let shared = whole.find_subcommand("check").unwrap();
    let shared: Vec<&str> = shared.get_arguments().filter_map(Arg::get_long).collect();
    let own = |option: &&Arg| {
        let name = option.get_long();
        name.is_some_and(|name| name == "json" || !shared.contains(&name))
    };
    for option in command.get_arguments().filter(own) {
        let name = format!("`--{}", option.get_long().unwrap());
        let mut rows = section.lines().filter(|line| line.starts_with("| "));
        let row = rows.find(|row| row.contains(&name));
        let row = row.unwrap_or_else(|| panic!("{name}"));
        let default = option.get_default_values().first();
        if let Some(default) = default.filter(|_| option.get_num_args().unwrap().takes_values()) {
            assert!(row.contains(default.to_str().unwrap()), "{name}: {row}");
        }
    }
    let dir = Dir::new();
    let endpoint = Running::receive(&dir, &[]);
    let handler = "[[modules.mod_event_pusher.http.handlers]]";
    let pool = "[outgoing_pools.http.http_pool.connection]";
    let host = format!("host = \"http://{}\"", endpoint.address);
    dir.file("mongooseim.toml", &format!("{handler}\n{pool}\n{host}\n"));
    let arguments = ["simulate", "mongooseim.toml", "--duration", "100ms"];
    let text = printed(&dir, &arguments);
    let summary: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let (whole, pool) = (&summary, &summary["pools"][0]);
    for object in [whole, pool, &summary["latency_ms"]] {
        for key in object.as_object().unwrap().keys() {
            let documented =
                section.contains(&format!("`{key}`")) || ["pool", "url"].contains(&key.as_str());
            assert!(documented, "{key}");
        }
    }
}
