mod bounds;
mod places;

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
    assert!(failure("{{ [1] | sort(revers=1) }}", Escape::None).contains("revers"));
    for source in [
        "{{ body | int }}",
        "{{ body + 1 }}",
        "{{ body.hunter() }}",
        "{{ 7 // (body | length - body | length) }}",
        "{{ '%d' | format(body) }}",
        "{{ range(body) }}",
        "{{ [1] | sort(**{body: 1}) }}",
    ] {
        let error = render_with(source, Escape::None, &with_body("hunter2")).expect_err(source);
        assert!(
            !error.contains("hunter2") && error.starts_with("line 1: "),
            "{error}"
        );
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
