//! Secrets are sent and not shown.

use serde_json::Value;

use super::{CHAT, files, header, received, run, send};
use crate::common::{Dir, Running};

/// What the official verifiers of Standard Webhooks would say is tested elsewhere; here, that nothing secret is shown.
#[test]
fn secrets_are_sent_and_not_shown() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--json"]);
    dir.file("token", "hunter2\n");
    dir.file("key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    let handler = "headers = [{name = \"x-tenant\", value = \"acme\"}, {name = \"X-Key\", value_file = \"token\"}]\n\
                   auth = {bearer_file = \"token\"}\nsigning = {secret_file = \"key\"}";
    files(&dir, &endpoint.address, handler, CHAT);
    let (status, report) = send(&dir, &[]);
    assert_eq!(status, 0, "{report}");
    let record = received(&mut endpoint);
    let sent = |name: &str| {
        let fields = record["headers"].as_array().unwrap();
        let field = fields.iter().find(|field| field[0] == name).unwrap();
        field[1].as_str().unwrap().to_owned()
    };
    assert_eq!(sent("authorization"), "Bearer hunter2");
    assert_eq!(sent("x-key"), "hunter2");
    assert!(sent("webhook-signature").starts_with("v1,"));
    for (name, shown) in [
        ("authorization", "Bearer ..."),
        ("x-key", "..."),
        ("x-tenant", "acme"),
    ] {
        assert_eq!(header(&report, name), Some(shown));
    }
    assert!(
        header(&report, "webhook-signature")
            .unwrap()
            .starts_with("v1,")
    );
    let (status, text, _) = run(&dir, &[]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("new in each notification"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    // A secret that is not there fails as in the node.
    files(
        &dir,
        &endpoint.address,
        "signing = {secret_env = \"HTTP_PUSHER_NOT_SET\"}",
        CHAT,
    );
    let (status, report) = send(&dir, &[]);
    assert_eq!(
        (status, report["outcome"]["reason"].as_str()),
        (1, Some("secret_error")),
        "{report}"
    );
    assert_eq!(report["headers"], Value::Null);
}

/// The key of an incoming webhook is in its path.
#[test]
fn the_secret_of_a_path_is_sent_and_not_shown() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--json"]);
    dir.file("key", "T0/hunter2\n");
    dir.file("template", "{{ body }}");
    for (path, more, sent) in [
        ("/n/$SECRET/send?x=1", "", "/n/T0/hunter2/send?x=1"),
        (
            "/{{ to.user }}/$SECRET",
            "format = \"template\"\ntemplate_file = \"template\"\ncontent_type = \"text/plain\"",
            "/bob/T0/hunter2",
        ),
    ] {
        let handler = format!("path_secret_file = \"key\"\n{more}");
        files(&dir, &endpoint.address, &handler, CHAT);
        let file = dir.path().join("mongooseim.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(
            &file,
            text.replace("path = \"/n\"", &format!("path = \"{path}\"")),
        )
        .unwrap();
        let (status, report) = send(&dir, &[]);
        assert_eq!(status, 0, "{report}");
        assert!(!report.to_string().contains("hunter2"), "{report}");
        assert!(
            report["url"].as_str().unwrap().contains("$SECRET"),
            "{report}"
        );
        let record = received(&mut endpoint);
        assert_eq!(record["path"], sent);
        let (status, text, _) = run(&dir, &["--dry-run"]);
        assert_eq!(status, 0, "{text}");
        assert!(
            text.contains("$SECRET") && !text.contains("hunter2"),
            "{text}"
        );
    }
}
