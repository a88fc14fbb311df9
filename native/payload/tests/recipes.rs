//! Each page of docs/recipes: its template is the file in examples/templates, it makes what the page
//! says, and what it makes of every event that the handler can get is what the service's documentation
//! demands. With `RECIPES_WRITE` set, what is sent is written into the pages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "recipes/demands.rs"]
mod demands;
#[path = "recipes/page.rs"]
mod page;
#[path = "recipes/stores.rs"]
mod stores;

use std::fs;

use payload::TemplateOptions;
use payload::template::{SampleKind, Try, check, samples, try_out, try_out_batch};
use serde_json::{Value, json};

use demands::{Demands, ManyDemands, Request, hostile};
use page::{Page, block, repository};

const MESSAGES: &[SampleKind] = &[SampleKind::Message];
const EVERYTHING: &[SampleKind] = &SampleKind::ALL;

const RECIPES: [(&str, &[SampleKind], Demands); 11] = [
    ("fcm", MESSAGES, demands::fcm),
    ("ntfy", MESSAGES, demands::ntfy),
    ("slack", MESSAGES, demands::slack),
    ("mattermost", MESSAGES, demands::mattermost),
    ("discord", MESSAGES, demands::discord),
    ("telegram", MESSAGES, demands::telegram),
    ("twilio", MESSAGES, demands::twilio),
    ("elasticsearch", EVERYTHING, stores::elasticsearch),
    ("loki", EVERYTHING, stores::loki),
    ("influxdb", EVERYTHING, stores::influxdb),
    ("kafka", EVERYTHING, stores::kafka),
];

fn render(options: &TemplateOptions, event: &Value) -> Try {
    let event = event.to_string();
    try_out(options, &event, "msg_2qRVsmHh6eYyTkDqLJZpNw").unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_page_is_tested_and_in_the_list_of_pages() {
    let mut pages: Vec<_> = fs::read_dir(repository().join("docs/recipes"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let mut tested: Vec<_> = RECIPES
        .iter()
        .map(|(name, ..)| format!("{name}.md"))
        .collect();
    tested.extend(["README.md", "webhook.md"].map(str::to_owned));
    tested.sort();
    assert_eq!(pages, tested);
    let list = fs::read_to_string(repository().join("docs/recipes/README.md")).unwrap();
    for page in pages.iter().filter(|page| *page != "README.md") {
        assert!(list.contains(&format!("({page})")), "{page}");
    }
}

/// Where each service wants its requests, of which type, and what proves the sender.
const ADDRESSES: [(&str, &str, &str, &str); 11] = [
    (
        "fcm",
        "https://fcm.googleapis.com/v1/projects/my-project/messages:send",
        "application/json",
        "google_service_account_file",
    ),
    (
        "ntfy",
        "https://ntfy.example.com/",
        "application/json",
        "bearer_file",
    ),
    (
        "slack",
        "https://hooks.slack.com/services/$SECRET",
        "application/json",
        "",
    ),
    (
        "mattermost",
        "https://mattermost.example.com/hooks/$SECRET",
        "application/json",
        "",
    ),
    // Without a version, Discord takes one that it calls deprecated.
    (
        "discord",
        "https://discord.com/api/v10/webhooks/$SECRET",
        "application/json",
        "",
    ),
    (
        "telegram",
        "https://api.telegram.org/bot$SECRET/sendMessage",
        "application/json",
        "",
    ),
    (
        "twilio",
        "https://api.twilio.com/2010-04-01/Accounts/ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX/Messages.json",
        "application/x-www-form-urlencoded",
        "basic_user",
    ),
    (
        "elasticsearch",
        "https://elasticsearch.example.com:9200/_bulk?filter_path=errors,items.*.error",
        "application/x-ndjson",
        "basic_user",
    ),
    (
        "loki",
        "https://loki.example.com/loki/api/v1/push",
        "application/json",
        "",
    ),
    (
        "influxdb",
        "http://127.0.0.1:8086/write?db=xmpp",
        "text/plain; charset=utf-8",
        "",
    ),
    (
        "kafka",
        "https://kafka-rest.example.com/topics/xmpp-messages",
        "application/vnd.kafka.json.v2+json",
        "",
    ),
];

#[test]
fn handlers_send_to_the_documented_address_in_the_documented_type() {
    for (name, url, content_type, auth) in ADDRESSES {
        let page = Page::read(name);
        assert_eq!(page.url(), url);
        assert_eq!(page.options.content_type, content_type, "{name}");
        let found = page.handler().get("auth");
        let is_right = |found: &toml::Value| found.get(auth).is_some();
        assert_eq!(found.is_some_and(is_right), !auth.is_empty(), "{name}");
        let secret = page.handler().contains_key("path_secret_file");
        assert_eq!(secret, url.contains("$SECRET"), "{name}");
    }
    assert_eq!(
        ADDRESSES.map(|address| address.0),
        RECIPES.map(|recipe| recipe.0)
    );
    // The account's name is also the user's.
    let twilio = Page::read("twilio");
    let account = twilio.handler()["auth"]["basic_user"].as_str().unwrap();
    assert!(twilio.path.contains(account));
    // Discord may refuse a request whose user agent has another form.
    let headers = Page::read("discord").handler()["headers"].clone();
    assert_eq!(headers[0]["name"].as_str(), Some("user-agent"));
    let agent = headers[0]["value"].as_str().unwrap();
    assert!(agent.starts_with("DiscordBot (https://"), "{agent}");
}

#[test]
fn pages_say_where_their_facts_are_from() {
    for (name, ..) in RECIPES {
        let page = Page::read(name);
        let (_, sources) = page
            .text
            .split_once("\n## Where this is from\n")
            .expect(name);
        assert!(sources.contains("- \""), "{name}: no document");
        for said in [
            "From memory, not confirmed:",
            "Nothing here is from memory.",
        ] {
            assert!(!page.text.contains("was written from memory"), "{name}");
            if sources.contains(said) {
                break;
            }
            assert!(said.starts_with("From"), "{name}");
        }
    }
}

#[test]
fn no_two_users_of_ntfy_share_a_topic() {
    let page = Page::read("ntfy");
    let names = [
        "a.b", "a_b", "a+b", "a_2Eb", "a%2eb", "a~b", "ab", "\u{e4}b",
    ];
    let mut topics: Vec<_> = names
        .iter()
        .map(|name| {
            let mut event: Value = serde_json::from_str(samples()[0].json).unwrap();
            event["data"]["to"]["user"] = (*name).into();
            let body = String::from_utf8(render(&page.options, &event).body).unwrap();
            let path = page.path.clone();
            let topic: Value = serde_json::from_str(&body).unwrap();
            demands::ntfy(&Request { path, body, event });
            topic["topic"].as_str().unwrap().to_owned()
        })
        .collect();
    topics.sort();
    topics.dedup();
    assert_eq!(topics.len(), names.len(), "{topics:?}");
}

#[test]
fn pages_show_the_templates_and_what_they_make() {
    for (name, ..) in RECIPES {
        let page = Page::read(name);
        let template = fs::read_to_string(&page.options.file).expect("a template");
        assert_eq!(block(&page.text, "jinja"), template, "{name}");
        let event: Value = serde_json::from_str(samples()[0].json).unwrap();
        let mut sent = String::from_utf8(render(&page.options, &event).body).expect("text");
        if !sent.ends_with('\n') {
            sent.push('\n');
        }
        let shown = block(&page.text, "sent");
        if std::env::var_os("RECIPES_WRITE").is_some() {
            let old = format!(" sent\n{shown}```");
            let new = page.text.replace(&old, &format!(" sent\n{sent}```"));
            fs::write(&page.file, new).unwrap();
        } else {
            assert_eq!(shown, sent, "{name}");
        }
    }
}

#[test]
fn every_event_is_made_into_what_the_service_demands() {
    for (name, kinds, demands) in RECIPES {
        let page = Page::read(name);
        let findings = check(&page.options, kinds, false);
        assert!(findings.is_empty(), "{name}: {findings:?}");
        let mut events: Vec<Value> = samples()
            .iter()
            .filter(|sample| kinds.contains(&sample.kind))
            .map(|sample| serde_json::from_str(sample.json).unwrap())
            .collect();
        for body in ["x".repeat(70_000), "\u{1f980}".repeat(20_000), hostile()] {
            let mut event = events[0].clone();
            event["data"]["body"] = body.into();
            event["data"]["from"]["user"] = "o'brien \"\\&=,\u{202e}\u{5d0}".into();
            events.push(event);
        }
        let mut event = events[0].clone();
        event["data"]["host"] = r"ex,am=ple \ \.example".into();
        events.push(event);
        if !page.text.contains(r#"direction = "in""#) {
            // Only servers and their services write without a user's name.
            let mut event = events[0].clone();
            event["data"]["from"] = json!({"jid": "example.com", "server": "example.com"});
            events.push(event);
        }
        for event in events {
            let made = render(&page.options, &event);
            let path = made.path.unwrap_or_else(|| page.path.clone());
            let body = String::from_utf8(made.body).expect("text");
            demands(&Request { path, body, event });
        }
    }
}

/// The pages whose handlers can send batches.
const BATCHES: [(&str, ManyDemands); 4] = [
    ("elasticsearch", stores::many_documents),
    ("influxdb", stores::many_points),
    ("loki", stores::many_lines),
    ("kafka", stores::many_records),
];

/// The template of batches in a page is the file in examples/templates, and makes of all events what the
/// service demands of each.
#[test]
fn batches_of_every_event_are_what_the_service_demands() {
    for (name, demands) in BATCHES {
        let page = Page::read(name);
        let lines = block(&page.text, "toml batch");
        let handler: toml::Table = lines.parse().expect("TOML");
        assert!(handler["batch"].is_table(), "{name}");
        let file = handler["template_file"].as_str().expect("a file");
        let file = file.replace("etc/templates/", "examples/templates/");
        let options = TemplateOptions {
            file: repository().join(&file),
            ..page.options
        };
        let template = fs::read_to_string(&options.file).expect("a template");
        assert_eq!(block(&page.text, "jinja batch"), template, "{name}");
        let findings = check(&options, EVERYTHING, true);
        assert!(findings.is_empty(), "{name}: {findings:?}");
        let mut events: Vec<Value> = samples()
            .iter()
            .map(|sample| serde_json::from_str(sample.json).unwrap())
            .collect();
        events[1]["data"]["body"] = hostile().into();
        events[1]["data"]["host"] = r"ex,am=ple \ \.example".into();
        for count in 1..=events.len() {
            let texts: Vec<_> = events[..count].iter().map(Value::to_string).collect();
            let texts: Vec<_> = texts.iter().map(|text| (text.as_str(), "msg_1")).collect();
            let made = try_out_batch(&options, &texts, "batch_1").expect(name);
            let body = String::from_utf8(made.body).expect("text");
            demands(&body, &events[..count]);
        }
    }
}
