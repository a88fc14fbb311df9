//! A value stays in its place: in JSON, a form, markup, a path.

use proptest::prelude::*;

use super::*;

#[test]
fn json_is_written_as_values_and_checked() {
    let source = r#"{"text": {{ "From " ~ from.user ~ ": " ~ body }}, "unread": {{ unread }}}"#;
    let rendered = render(source, Escape::Json).unwrap();
    let expected = format!("From alice: {}", event()["data"]["body"].as_str().unwrap());
    assert_eq!(
        serde_json::from_str::<Json>(&rendered).unwrap(),
        json!({"text": expected, "unread": 3})
    );
    let quoted = failure(r#"{"text": "{{ body }}"}"#, Escape::Json);
    assert!(
        quoted.contains("not JSON") && quoted.contains("without quotes"),
        "{quoted}"
    );
    assert!(!quoted.contains("Hello"), "{quoted}");
    // Written with the filter, which is safe in any type of body.
    let filtered = render(r#"{"text": {{ body | tojson }}}"#, Escape::None).unwrap();
    assert_eq!(
        serde_json::from_str::<Json>(&filtered).unwrap()["text"],
        event()["data"]["body"]
    );
}

#[test]
fn lines_of_json_end_with_a_line_break() {
    let source = "{\"index\": {}}\n{{ data }}";
    let rendered = render(source, Escape::JsonLines).unwrap();
    assert!(
        rendered.ends_with("}\n") && rendered.lines().count() == 2,
        "{rendered}"
    );
    let error = failure("{}\n{", Escape::JsonLines);
    assert!(
        error.starts_with("line 2 of its output: its output is not JSON"),
        "{error}"
    );
}

#[test]
fn the_content_type_says_how_values_are_written() {
    for (content_type, escape) in [
        ("application/json", Escape::Json),
        ("Application/JSON; charset=utf-8", Escape::Json),
        ("application/vnd.kafka.json.v2+json", Escape::Json),
        ("application/x-ndjson", Escape::JsonLines),
        ("application/x-www-form-urlencoded", Escape::Form),
        ("application/soap+xml", Escape::Markup),
        ("text/html;charset=utf-8", Escape::Markup),
        ("text/plain", Escape::None),
    ] {
        assert_eq!(
            Escape::of_content_type(content_type),
            escape,
            "{content_type}"
        );
    }
    let event = with_body("a <b> & \"c\"\r\nd=e");
    assert_eq!(
        render_with("{{ body }}", Escape::Form, &event).unwrap(),
        "a%20%3Cb%3E%20%26%20%22c%22%0D%0Ad%3De"
    );
    assert_eq!(
        render_with("{{ body }}", Escape::Markup, &event).unwrap(),
        "a &lt;b&gt; &amp; &quot;c&quot;\r\nd=e"
    );
    assert_eq!(
        render_with("{{ body | safe }}", Escape::Form, &event).unwrap(),
        render_with("{{ body }}", Escape::Form, &event).unwrap()
    );
}

#[test]
fn values_stay_in_their_part_of_the_path() {
    let mut event = event();
    event["data"]["from"]["user"] = "a/../b?c#d e%\u{e9}".into();
    let path = render_with(
        "/topics/{{ from.user }}/x?u={{ to.user }}",
        Escape::Path,
        &event,
    );
    assert_eq!(
        path.unwrap(),
        "/topics/a%2F..%2Fb%3Fc%23d%20e%25%C3%A9/x?u=bob"
    );
    for dots in [".", ".."] {
        event["data"]["from"]["user"] = dots.into();
        let error = render_with("/a/{{ from.user }}/b", Escape::Path, &event).unwrap_err();
        assert_eq!(error, "a part of the path between slashes is . or ..");
        assert!(render_with("/a/u-{{ from.user }}", Escape::Path, &event).is_ok());
    }
    for source in ["/a b", "/a\nb", "/{{ from.user }}\u{e9}", "/a#b"] {
        assert!(render(source, Escape::Path).is_err(), "{source}");
    }
    assert_eq!(render("/{{ '/' | safe }}", Escape::Path).unwrap(), "/%2F");
}

proptest! {
    #[test]
    fn any_text_in_a_json_template_is_that_text(body: String, user: String) {
        let mut event = with_body(&body);
        event["data"]["from"]["user"] = user.clone().into();
        let source = r#"{"b": {{ body }}, {{ from.user }}: [{{ from.user ~ body }}, {{ from }}]}"#;
        let rendered = render_with(source, Escape::Json, &event).unwrap();
        let parsed: Json = serde_json::from_str(&rendered).unwrap();
        if user != "b" {
            prop_assert_eq!(&parsed["b"], &Json::from(body.clone()));
        }
        prop_assert_eq!(&parsed[&user][0], &Json::from(format!("{user}{body}")));
        prop_assert_eq!(&parsed[&user][1]["user"], &Json::from(user));
    }

    #[test]
    fn any_text_in_a_form_is_that_text(body: String) {
        let rendered = render_with("a=1&b={{ body }}&c=2", Escape::Form, &with_body(&body)).unwrap();
        let fields: Vec<_> = rendered.split('&').collect();
        prop_assert_eq!(fields.len(), 3);
        prop_assert!(rendered.is_ascii() && fields[2] == "c=2");
    }

    #[test]
    fn any_text_stays_in_its_part_of_the_path(user in "\\PC{0,20}|[./%?#]{1,4}") {
        let mut event = event();
        event["data"]["from"]["user"] = user.clone().into();
        match render_with("/a/{{ from.user }}/b", Escape::Path, &event) {
            Ok(path) => prop_assert_eq!(path.split('/').count(), 4),
            Err(_) => prop_assert!(user == "." || user == ".."),
        }
    }

    #[test]
    fn any_template_is_compiled_and_rendered_without_a_panic(
        source in "(\\{\\{|\\}\\}|\\{%|%\\}|[a-z.|(]+| |for|if|end|in|set|[0-9\"'~*\\[\\]-]){0,12}",
    ) {
        for escape in [Escape::None, Escape::Json, Escape::Path] {
            let _ = render(&source, escape);
        }
    }
}
