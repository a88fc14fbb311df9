//! What a handler's options name: templates, secrets, token endpoints.

use super::common::{Dir, check_in};
use super::{SECRET, file, only, send};

#[test]
fn templates() {
    let dir = Dir::new();
    dir.file("good", "{{ from.user }}: {{ body }}");
    dir.file("syntax", "\n{% if %}");
    dir.file("unknown", "{{ boddy }}");
    dir.file("presence", "{{ status }}");
    dir.file(
        "endless",
        "{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}",
    );
    let template = |name: &str, more: &str| {
        let lines = format!(
            "format = \"template\"\ntemplate_file = \"{name}\"\ncontent_type = \"text/plain\"\n{more}"
        );
        check_in(&dir, &file(&lines), &[])
    };
    let checked = template(
        "good",
        "headers = [{name = \"x\", value = \"{{ to.user }}\"}]",
    );
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
    for (name, more, path, part) in [
        ("nowhere", "", "template_file", "No such file"),
        ("syntax", "", "template_file", "line 2"),
        ("endless", "", "template_file", "steps"),
        (
            "good",
            "headers = [{name = \"x\", value = \"{{\"}]",
            "headers[1].value",
            "syntax",
        ),
    ] {
        let (severity, at, text) = only(&template(name, more));
        assert_eq!(
            (severity.as_str(), at.as_str()),
            ("problem", path),
            "{text}"
        );
        assert!(text.contains(part), "{text}");
    }
    let checked = template("unknown", "");
    assert!(
        checked.text.contains("no event has these variables: boddy"),
        "{}",
        checked.text
    );
    // What a template needs depends on the events that the rules let through.
    let rules = |table: &str| template("good", &format!("rules = [{}]", send(table)));
    assert_eq!(
        rules("{event = \"msg\", body = \"non_empty\"}").notes(),
        [""; 0]
    );
    for table in [
        "{event = \"msg\"}",
        "{event = \"user_status\"}, {body = \"non_empty\", direction = \"in\"}",
    ] {
        let (severity, at, _) = only(&rules(table));
        assert_eq!(
            (severity.as_str(), at.as_str()),
            ("warning", "template_file")
        );
    }
    let presence = |table: &str| template("presence", &format!("rules = [{}]", send(table)));
    assert_eq!(presence("{event = \"user_status\"}").status, 0);
    assert_eq!(presence("{event = \"msg\"}").status, 1);
    // A path that is a template is shown as it is written.
    let text = "format = \"template\"\ntemplate_file = \"good\"\ncontent_type = \"text/plain\"";
    let path = |path: &str| {
        let file = file(text).replace("path = \"n\"", &format!("path = \"{path}\""));
        check_in(
            &dir,
            &file.replace(
                "http://localhost:1\"",
                "http://localhost:1\"\nconnection.path_prefix = \"/p\"",
            ),
            &[],
        )
    };
    let checked = path("/users/{{ to.user }}/x");
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
    assert_eq!(
        checked.handler(0)["url"],
        "http://localhost:1/p/users/{{ to.user }}/x"
    );
    assert_eq!(path("{{ to.user").status, 1);
    assert_eq!(path("{{ no_such }}").status, 1);
}

#[test]
fn a_token_over_plain_http() {
    let dir = Dir::new();
    dir.file("word", "hunter2");
    for (url, is_safe) in [
        ("http://a.example/t", false),
        ("http://10.0.0.1:80?a", false),
        ("http://localhost:1/t", true),
        ("http://[::1]/t", true),
        ("https://a.example/t", true),
    ] {
        let oauth2 =
            format!("{{token_url = \"{url}\", client_id = \"i\", client_secret_file = \"word\"}}");
        let checked = check_in(&dir, &file(&format!("auth.oauth2 = {oauth2}")), &[]);
        assert_eq!(checked.notes().is_empty(), is_safe, "{}", checked.text);
        assert_eq!(
            checked.text.contains("plain http to another machine"),
            !is_safe
        );
    }
}

/// `check` reads them by the code of the node.
#[test]
fn secrets_that_look_usable_and_are_not() {
    let dir = Dir::new();
    dir.file("words", "hunter2 hunter2\n");
    dir.file(
        "key",
        r#"{"type": "service_account", "client_email": "a@b", "private_key": "hunter2", "token_uri": "https://a.example"}"#,
    );
    for (auth, part) in [
        ("bearer_file = \"words\"", "a token has no spaces"),
        ("google_service_account_file = \"key\"", "not PEM"),
    ] {
        let checked = check_in(&dir, &file(&format!("auth = {{{auth}}}")), &[]);
        assert_eq!(checked.status, 1, "{}", checked.text);
        let (severity, _, text) = only(&checked);
        assert_eq!(severity, "problem");
        assert!(text.contains(part), "{text}");
        assert!(!checked.text.contains("hunter2"), "{}", checked.text);
    }
}

#[test]
fn secrets_that_cannot_be_used() {
    let dir = Dir::new();
    dir.file("good", SECRET);
    dir.file("empty", "\n");
    dir.file("word", "hunter2\n");
    dir.file("lines", "one\ntwo\n");
    dir.file(
        "account",
        "{\"client_email\": \"a@b\", \"private_key\": \"hunter2\"}",
    );
    for (lines, path, part) in [
        (
            "signing = {secret_file = \"nowhere\"}",
            "signing.secret_file",
            "No such file",
        ),
        (
            "signing = {secret_file = \"empty\"}",
            "signing.secret_file",
            "no secret",
        ),
        (
            "signing = {secret_file = \"word\"}",
            "signing.secret_file",
            "whsec_",
        ),
        (
            "auth = {bearer_file = \"nowhere\"}",
            "auth.bearer_file",
            "No such file",
        ),
        (
            "auth = {bearer_file = \"empty\"}",
            "auth.bearer_file",
            "empty",
        ),
        (
            "auth = {bearer_file = \"lines\"}",
            "auth.bearer_file",
            "one line",
        ),
        (
            "auth = {basic_user = \"u\", basic_password_file = \"empty\"}",
            "auth.basic_password_file",
            "empty",
        ),
        (
            "auth = {google_service_account_file = \"word\"}",
            "auth.google_service_account_file",
            "JSON",
        ),
        (
            "auth = {google_service_account_file = \"account\"}",
            "auth.google_service_account_file",
            "token_uri",
        ),
        (
            "auth.oauth2 = {token_url = \"https://a.example\", client_id = \"i\", client_secret_file = \"empty\"}",
            "auth.oauth2.client_secret_file",
            "empty",
        ),
        (
            "headers = [{name = \"x\", value_file = \"nowhere\"}]",
            "headers[1].value_file",
            "No such file",
        ),
        (
            "headers = [{name = \"x\", value_file = \"lines\"}]",
            "headers[1].value_file",
            "one line",
        ),
    ] {
        let checked = check_in(&dir, &file(lines), &[]);
        assert_eq!(checked.status, 1, "{}", checked.text);
        let (severity, at, text) = only(&checked);
        assert_eq!((severity.as_str(), at.as_str()), ("problem", path));
        assert!(text.contains(part), "{text}");
        assert!(!checked.text.contains("hunter2"), "{}", checked.text);
    }
    // The program's environment is not the node's.
    let checked = check_in(
        &dir,
        &file("signing = {secret_env = \"HTTP_PUSHER_NOT_SET\"}"),
        &[],
    );
    assert_eq!(checked.status, 0);
    let (severity, at, _) = only(&checked);
    assert_eq!(
        (severity.as_str(), at.as_str()),
        ("warning", "signing.secret_env")
    );
    // Relative names begin at the node's working directory.
    let text = file("signing = {secret_file = \"good\"}");
    assert_eq!(check_in(&dir, &text, &[]).notes(), [""; 0]);
    assert_eq!(check_in(&dir, &text, &["--node-dir", "/nowhere"]).status, 1);
}

/// The same with a path that has a secret.
fn with_place(lines: &str) -> String {
    file(lines).replace("path = \"n\"", "path = \"n/$SECRET\"")
}

#[test]
fn a_secret_in_the_path() {
    let dir = Dir::new();
    dir.file("key", "hunter2\n");
    dir.file("lines", "one\ntwo\n");
    dir.file("query", "hunter2?x=1\n");
    let good = with_place("path_secret_file = \"key\"");
    assert_eq!(check_in(&dir, &good, &[]).notes(), [""; 0]);
    let option = "path_secret_file";
    for (text, expected, part) in [
        (
            with_place("path_secret_file = \"lines\""),
            ("problem", option),
            "more than one line",
        ),
        (
            with_place("path_secret_file = \"query\""),
            ("problem", option),
            "only letters, digits",
        ),
        (
            file("path_secret_file = \"key\""),
            ("problem", option),
            "needs $SECRET in path",
        ),
        (with_place(""), ("warning", "path"), "sent as it is"),
    ] {
        let checked = check_in(&dir, &text, &[]);
        let (severity, at, text) = only(&checked);
        assert_eq!((severity.as_str(), at.as_str()), expected);
        assert!(text.contains(part), "{text}");
        assert!(!checked.text.contains("hunter2"), "{}", checked.text);
    }
}
