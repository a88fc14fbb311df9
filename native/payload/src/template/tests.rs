use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn event() -> Json {
    serde_json::from_str(samples()[0].json).expect("JSON")
}

fn with_body(body: &str) -> Json {
    let mut event = event();
    event["data"]["body"] = body.into();
    event
}

fn render_with(source: &str, escape: Escape, event: &Json) -> Result<String, String> {
    let variables = variables::of(event, "msg_1").expect("an event");
    let rendered = Template::compile(source, escape, Scope::Event)?.render(&variables)?;
    Ok(String::from_utf8(rendered).expect("text"))
}

fn render(source: &str, escape: Escape) -> Result<String, String> {
    render_with(source, escape, &event())
}

fn text(source: &str) -> String {
    render(source, Escape::None).expect(source)
}

fn failure(source: &str, escape: Escape) -> String {
    render(source, escape).expect_err(source)
}

#[test]
fn the_variables_are_those_of_json() {
    assert_eq!(
        text("{{ type }} {{ timestamp }}"),
        "message.chat 2026-11-26T12:34:56.789012Z"
    );
    assert_eq!(
        text("{{ id }} {{ data.from.user }} {{ from.user }}"),
        "msg_1 alice alice"
    );
    assert_eq!(
        text("{{ unread + 1 }} {{ metadata.campaign }} {{ hints | join(',') }}"),
        "4 spring store"
    );
    assert_eq!(
        text("{% for a in attachments %}{{ a.url }}{% endfor %}"),
        "https://example.com/upload/cat.jpg"
    );
    assert_eq!(
        text("{{ subject[:3] }}{{ subject | upper }}"),
        "A sA SUBJECT"
    );
    let whole = render("{{ data }}", Escape::Json).unwrap();
    assert_eq!(
        serde_json::from_str::<Json>(&whole).unwrap(),
        event()["data"]
    );
}

#[test]
fn filters_for_services() {
    assert_eq!(
        text("{{ timestamp | epoch('s') }} {{ timestamp | epoch('ns') }}"),
        "1795696496 1795696496789012000"
    );
    assert_eq!(
        text("{{ from.jid | urlencode }}"),
        "alice%40example.com%2Fphone"
    );
    assert_eq!(
        text("{{ ' x ' | trim }}{{ 'aXa' | trim('a') }}{{ 'hELLO' | capitalize }}"),
        "xXHello"
    );
    assert_eq!(
        text("{{ [1, 'a'] | join('-') }}{{ 'abc' | replace('b', '--') }}"),
        "1-aa--c"
    );
    let error = failure("{{ body | epoch('s') }}", Escape::None);
    assert!(error.contains("epoch needs a timestamp"), "{error}");
    assert!(failure("{{ timestamp | epoch('h') }}", Escape::None).contains("units"));
}

#[test]
fn an_undefined_variable_is_an_error_with_its_name_and_line() {
    assert_eq!(
        failure("\n{{ bdoy }}", Escape::None),
        "line 2: `bdoy` is undefined"
    );
    assert_eq!(
        failure("{{ from.name }}", Escape::None),
        "line 1: `from.name` is undefined"
    );
    assert_eq!(
        failure("{% if room %}x{% endif %}", Escape::None),
        "line 1: `room` is undefined"
    );
    assert_eq!(text("{{ room | default('none') }}"), "none");
    assert_eq!(
        text("{% if room is defined %}{{ room.jid }}{% else %}none{% endif %}"),
        "none"
    );
}

#[test]
fn mistakes_are_named_with_their_line_and_without_values() {
    for (source, expected) in [
        (
            "x\n{{ 1 +",
            "line 2: syntax error: unexpected end of input, expected expression",
        ),
        (
            "{% include 'x' %}",
            "line 1: syntax error: unknown statement include",
        ),
        (
            "{{ body | nofilter }}",
            "line 1: unknown filter: filter nofilter is unknown",
        ),
        (
            "{{ nofunction() }}",
            "line 1: unknown function: nofunction is unknown",
        ),
        (
            "{{ debug() }}",
            "line 1: unknown function: debug is unknown",
        ),
    ] {
        assert_eq!(failure(source, Escape::None), expected);
    }
    for source in [
        "{{ body | int }}",
        "{{ body + 1 }}",
        "{{ body.hunter() }}",
        "{{ 7 // (body | length - body | length) }}",
        "{{ '%d' | format(body) }}",
        "{{ range(body) }}",
    ] {
        let error = render_with(source, Escape::None, &with_body("hunter2")).expect_err(source);
        assert!(
            !error.contains("hunter2") && error.starts_with("line 1: "),
            "{error}"
        );
    }
}

/// Each of these would take hours, or all memory: what an operator, a filter or a test looks through counts.
#[test]
fn what_is_compared_or_joined_counts() {
    let grown = format!(
        "{{% set a = [body, 1] %}}{}",
        "{% set a = [a, a] %}".repeat(60)
    );
    let wide = "{% set a = [1] | batch(9000, data) %}{% set a = [1] | batch(9000, a) %}";
    for made in [grown.as_str(), wide] {
        for look in [
            "{{ a ~ '' }}",
            "{{ '' ~ a }}",
            "{{ ('<' | safe) ~ a }}",
            "{{ a + a ~ '' }}",
            "{{ a == [a, a] }}",
            "{{ [a] != [[a[0], a[1]]] }}",
            "{{ 1 < a < [a] }}",
            "{{ a in [[a[0], a[1]]] }}",
            "{% if 1 and a not in [[a[0], a[1]]] %}{% endif %}",
            "{{ {a: 1, [a]: 2} }}",
            "{{ {'a': 1}[a] }}",
            "{{ a is eq([a[0], a[1]]) }}",
            "{{ a is in [a] }}",
            "{{ a is startingwith 'a' }}",
            "{{ [a, [a]] | sort }}",
            "{{ [[a], [a]] | map('min') }}",
            "{{ [a, a] | select('==', [a[0], a[1]]) }}",
            "{{ [a, a] | unique }}",
            "{{ a | split(',') }}",
            "{{ '%s' | format(a) }}",
            "{% for x in [1, 2] %}{{ loop.changed(a) }}{% endfor %}",
        ] {
            for escape in [Escape::None, Escape::Json] {
                let error = failure(&format!("{made}{look}"), escape);
                assert_eq!(error, "line 1: it takes more than 100000 steps", "{look}");
            }
        }
    }
    for source in ["{{ [1] * 2 }}", "{% set a = [1] %}{{ 2 * a }}"] {
        let error = failure(source, Escape::None);
        assert!(error.ends_with("a list cannot be multiplied"), "{error}");
    }
}

#[test]
fn operators_on_lists_do_what_they_did() {
    for (source, expected) in [
        ("{{ [1] + [2, 3] == [1, 2, 3] }}", "True"),
        ("{{ hints ~ '!' }}", "['store']!"),
        ("{{ 'store' in hints and 'x' not in hints }}", "True"),
        (
            "{{ type in ['message.chat', 'message.groupchat'] }}",
            "True",
        ),
        ("{{ from == data.from and from != to }}", "True"),
        ("{{ (attachments or [1]) | length * 2 - -1 }}", "3"),
        ("{{ {'a' ~ 1: [1, 2]}['a' ~ 1][0 + 1] }}", "2"),
        ("{{ 1 < 2 <= 2 and 2 * 3 ** 2 // 4 == 4 }}", "True"),
        ("{{ [[2, 1], [1, 2]] | sort }}", "[[1, 2], [2, 1]]"),
        (
            "{{ [3, 1, 2] | sort(reverse=true) | join ~ [1, 2] | max }}",
            "3212",
        ),
        ("{{ ['b', 'a', 'B'] | unique | join }}", "ba"),
        ("{{ 'a,b' | split(',') | last ~ ('%d' | format(7)) }}", "b7"),
        ("{{ [1, 2, 3] | select('gt', 1) | list }}", "[2, 3]"),
        (
            "{{ 3 is not eq 4 and 3 is in [3] and 'ab' is startingwith 'a' }}",
            "True",
        ),
        (
            "{% for k, v in {'a': 1} | dictsort if k ~ v == 'a1' %}{{ k }}{% endfor %}",
            "a",
        ),
        ("{% set a, b = 'x' ~ 'y', 2 %}{{ a * b }}", "xyxy"),
        (
            "{{ subject ~ 1 if unread + 1 == 4 else body }}",
            "A subject1",
        ),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn no_template_runs_or_grows_without_end() {
    let doubled =
        "{% set x = body ~ body %}".to_owned() + &"{% set x = x ~ x %}".repeat(60) + "{{ x }}";
    for source in [
        "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
        "\n\n{% for i in range(10000) %}{% for j in range(10000) %}{{ body }}{% endfor %}{% endfor %}",
        doubled.as_str(),
        "{{ 'x' * 99999999 }}",
        "{% for i in 'x' * 99999999 %}{% endfor %}",
        "{{ [[1] * 99999] * 99999 }}",
        "{{ ([[1] * 99999] * 99999) | tojson }}",
        "{{ ([[1] * 99999] * 99999) | upper }}",
        "{{ ([[1] * 99999] * 99999) | join }}",
        "{{ ([''] * 99999999) | join }}",
        "{{ 'x' | replace('x', [[1] * 99999] * 99999) }}",
        "{% set x %}{{ [[1] * 99999] * 99999 }}{% endset %}",
        "{{ body | replace('', body * 9999) }}",
        "{% for item in data recursive %}{{ loop(data) }}{% endfor %}",
        "{{ '%999999999d' | format(1) }}",
    ] {
        for escape in [Escape::None, Escape::Json] {
            let error = failure(source, escape);
            assert!(
                error.contains("line ") || error.contains("bytes"),
                "{source}: {error}"
            );
        }
    }
    let endless = failure(
        "\n\n{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        Escape::None,
    );
    assert_eq!(endless, "line 3: it takes more than 100000 steps");
    let long = failure(
        "{% for i in range(1500) %}{{ 'x' * 1000 }}{% endfor %}",
        Escape::None,
    );
    assert_eq!(long, "it writes more than 1048576 bytes");
}

/// An overflow of the stack ends the whole node, and so this whole test.
#[test]
fn no_template_overflows_the_stack() {
    let within = |text: &str, bound: usize| text.repeat(bound / text.len());
    let deep = limits::NESTING - 20;
    for source in [
        // Compiled by recursion.
        format!("{{{{ {}1 }}}}", within("-", limits::TAG - 20)),
        format!("{{{{ {}1 }}}}", within("not ", limits::TAG - 20)),
        format!("{{{{ 1{} }}}}", within("-1", limits::TAG - 20)),
        format!("{{{{ body{} }}}}", within(".a", limits::TAG - 20)),
        format!("{{{{ 1{} }}}}", within(" if 0 else 1", limits::TAG - 20)),
        format!("{{{{ {}1{} }}}}", "(".repeat(deep), ")".repeat(deep)),
        format!("{{% if 0 %}}{}{{% endif %}}", within("{% elif 0 %}", limits::TAGS - 40)),
        format!("{}{}", "{% if 1 %}".repeat(1000), "{% endif %}".repeat(1000)),
        // Forgotten, written and compared by recursion.
        format!("{{% set x = 1 %}}{}{{{{ x }}}}", "{% set x = [x] %}".repeat(deep)),
        format!("{{% set x = 1 %}}{}{{{{ x | tojson }}}}", "{% set x = {'a': x} %}".repeat(deep)),
        format!("{{% set x = [1] %}}{}{{{{ x == x }}}}", "{% set x = x | batch(1) %}".repeat(deep)),
        format!("{{% set x = [1] %}}{}{{{{ x }}}}", "{% set x = x + x[:1] %}".repeat(deep / 2)),
        format!("{{% set x = [1] %}}{}{{{{ x }}}}", "{% set x = x * 1 %}".repeat(deep)),
        // More of the same than the bounds allow.
        within("{{ body }}", 2 * limits::TAGS),
        format!("{{% set x = 1 %}}{}", "{% set x = [x] %}".repeat(2000)),
        format!("{{{{ 1{} }}}}", "-1".repeat(100_000)),
        "{% set ns = namespace(x=1) %}{% for i in range(15000) %}{% set ns.x = [ns.x] %}{% endfor %}".to_owned(),
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}".to_owned(),
        "{% for x in [1] recursive %}{{ loop([[x]]) }}{% endfor %}".to_owned(),
    ] {
        for escape in [Escape::None, Escape::Json] {
            let _ = render(&source, escape);
        }
        if let Ok(template) = Template::compile(&source, Escape::None, Scope::Event) {
            let _ = template.unknown_variables();
        }
    }
}

#[test]
fn long_messages_have_room() {
    let event = with_body(&"\u{e9}\"\n".repeat(64 * 1024 / 4));
    for source in ["{{ body }}", "{{ body | tojson }}", "{{ data }}"] {
        let rendered = render_with(source, Escape::Json, &event).expect(source);
        serde_json::from_str::<Json>(&rendered).expect("JSON");
    }
    render_with(
        "{{ body | upper | replace('\"', \"'\") }}",
        Escape::Form,
        &event,
    )
    .expect("a form");
}

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

#[test]
fn what_a_template_uses_and_no_event_has() {
    let source = "{{ bdoy }}{% for a in attachments %}{{ a.url }}{{ loop.index }}{% endfor %}{{ from.usr }}\
                  {% set x = to.user %}{{ x }}{% if nope is defined %}{% endif %}{{ range(3) }}{{ data.bdoy }}\
                  {{ metadata.any }}{{ id }}";
    let template = Template::compile(source, Escape::None, Scope::Event).unwrap();
    assert_eq!(
        template.unknown_variables(),
        ["bdoy", "data.bdoy", "from.usr", "nope"]
    );
}
