//! No template runs or grows without end, whatever it says.

use super::*;

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
