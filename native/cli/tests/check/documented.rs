//! The two examples of the documentation.

use crate::common::{ARRAY, ONE_TABLE, POOL, check};

#[test]
fn first_example_of_the_documentation() {
    let checked = check(ONE_TABLE, &[]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    let handler = checked.handler(0);
    // The text beside the example says http; the file decides.
    assert_eq!(
        handler["url"],
        "https://localhost:8000/webservice/notifications"
    );
    assert_eq!(handler["workers"], 50);
    assert_eq!(handler["request_timeout_ms"], 2000);
    assert_eq!(handler["call_timeout_ms"], 5000);
    assert_eq!(handler["callback_module"], "mod_event_pusher_http_defaults");
    assert_eq!(handler["tls"], "server not verified");
    let path = "modules.mod_event_pusher.backend.http.path";
    let expected = [
        format!("warning {POOL}.connection.tls"),
        format!("warning {path}"),
    ];
    assert_eq!(checked.notes(), expected);
    assert_eq!(checked.note(path)["line"], 13);
    let text = checked.note(path)["text"].as_str().unwrap();
    assert!(
        text.contains("https://localhost:8000/webservicenotifications"),
        "{text}"
    );
    assert!(
        checked
            .text
            .contains("mongooseim.toml:13: warning: modules.mod_event_pusher")
    );
    assert!(
        checked
            .text
            .contains("https://localhost:8000/webservice/notifications  50")
    );
    assert!(checked.text.contains("request 2 s, call 5 s"));
}

#[test]
fn second_example_of_the_documentation() {
    // The example has no pool.
    let checked = check(ARRAY, &[]);
    assert_eq!(checked.status, 1);
    let expected =
        [1, 2].map(|n| format!("problem modules.mod_event_pusher.backend.http[{n}].pool_name"));
    assert_eq!(checked.notes(), expected);
    assert_eq!(
        checked.note("modules.mod_event_pusher.backend.http[2].pool_name")["line"],
        8
    );
    // With the pool of the first example.
    let pool = ONE_TABLE.split("[modules").next().unwrap();
    let checked = check(&format!("{pool}{ARRAY}"), &[]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    for (index, path, module) in [
        (0, "notifications", "notifications"),
        (1, "alerts", "alerts"),
    ] {
        let handler = checked.handler(index);
        assert_eq!(
            handler["url"],
            format!("https://localhost:8000/webservice/{path}")
        );
        assert_eq!(
            handler["callback_module"],
            format!("mod_event_pusher_http_{module}")
        );
    }
}
