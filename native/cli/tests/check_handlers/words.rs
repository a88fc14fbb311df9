//! What a handler does, in words.

use super::common::{Dir, check_in};
use super::{SECRET, file, send, skip};

#[test]
fn handlers_in_words() {
    let offline =
        "{event = \"msg\", type = \"groupchat\", direction = \"out\", user_status = \"offline\"}";
    let to = "to http://localhost:1/n";
    let dir = Dir::new();
    dir.file("key", SECRET);
    for (lines, words) in [
        (
            String::new(),
            "sends non-empty chat messages that users send, as a form".to_owned(),
        ),
        (
            format!(
                "rules = [{}]\nformat = \"json\"\nsigning = {{secret_file = \"key\"}}",
                send(offline)
            ),
            "sends groupchat messages about to be delivered to members who are offline, as JSON, signed"
                .to_owned(),
        ),
        (
            format!(
                "rules = [{}, {}]",
                skip("{own_copy = true}"),
                send(&format!("{offline}, {{event = \"user_status\"}}"))
            ),
            "sends groupchat messages about to be delivered to members who are offline and presence when a user comes \
             online or goes offline (but not messages that go back to their own sender), as a form"
                .to_owned(),
        ),
        (
            format!(
                "rules = [{}]",
                send("{event = \"unack_msg\"}, {}, {event = \"user_status\", user_status = \"online\", sender_domain = \
                      [\"a\", \"b\"]}")
            ),
            "sends messages that a broken connection did not acknowledge; all events; and presence of users of a or b \
             when a user comes online, as a form"
                .to_owned(),
        ),
        (
            format!(
                "rules = [{}]",
                send("{direction = \"in\", type = \"chat\", body = \"non_empty\", hint = \"no_store\", jingle = false, \
                      sender_domain = [\"a\"], receiver_domain = [\"b\", \"c\", \"d\"]}")
            ),
            "sends non-empty chat messages with the hint no-store that are not of calls from users of a that users \
             send to users of b, c or d, as a form"
                .to_owned(),
        ),
        (
            "callback_module = \"my_cb\"\nwait = 2000".to_owned(),
            "sends messages, if my_cb:should_make_req/6 returns true, as my_cb makes them, while the session waits for \
             at most 2 s"
                .to_owned(),
        ),
        (
            format!(
                "callback_module = \"mod_event_pusher_http_defaults\"\nrules = [{}]\nformat = \"cloudevents\"\n\
                 cloudevents.mode = \"binary\"\nomit = [\"body\"]\ninclude = [\"unread\"]",
                send("{direction = \"out\", client_state = \"inactive\"}")
            ),
            "sends messages about to be delivered to users who have an inactive client, if \
             mod_event_pusher_http_defaults:should_make_req/6 returns true, as CloudEvents (binary), with the number \
             of unread messages, without what was written"
                .to_owned(),
        ),
        (
            "omit = [\"body\"]".to_owned(),
            "sends non-empty chat messages that users send, as a form, without what was written"
                .to_owned(),
        ),
        (
            "headers = [{name = \"x-a\", value = \"1\"}, {name = \"x-b\", value = \"2\"}]\n\
             auth = {basic_user = \"me\", basic_password_file = \"key\"}"
                .to_owned(),
            "sends non-empty chat messages that users send, as a form, with the header fields x-a, x-b, with the \
             password of me"
                .to_owned(),
        ),
        (
            "delivery = \"at_least_once\"".to_owned(),
            "sends non-empty chat messages that users send, as a form, kept on disk until delivered, tried again for \
             at most 3 days and then kept as a dead letter"
                .to_owned(),
        ),
        (
            "retry.give_up_after = 60000".to_owned(),
            "sends non-empty chat messages that users send, as a form, tried again for at most 60 s".to_owned(),
        ),
        (
            "auth.oauth2 = {token_url = \"https://a.example/t\", client_id = \"i\", client_secret_file = \"key\"}"
                .to_owned(),
            "sends non-empty chat messages that users send, as a form, with a token from https://a.example/t".to_owned(),
        ),
    ] {
        says(&dir, &lines, &format!("{words}, {to}"));
    }
}

/// A handler with these lines is described so.
#[track_caller]
fn says(dir: &Dir, lines: &str, words: &str) {
    let checked = check_in(dir, &file(lines), &[]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    assert_eq!(checked.handler(0)["sends"], words);
    assert!(
        checked.text.contains(&format!("\n1 {words}\n")),
        "{}",
        checked.text
    );
}

#[test]
fn many_events_in_words() {
    for (lines, words) in [
        (
            "format = \"json\"\nbatch.max_events = 200\ncompress = \"zstd\"\nrate = {per_second = 100, burst = 200}",
            "..., as JSON, compressed with zstd, in batches of up to 200 \
             events that wait for one another for up to 50 ms, at most 100 requests a second (bursts of 200), to http://localhost:1/n",
        ),
        (
            "format = \"cloudevents\"\nbatch = {max_events = 1}\nrate.per_second = 1",
            "..., as CloudEvents (structured), in batches of one event, at most 1 request a second, to http://localhost:1/n",
        ),
        (
            "format = \"json\"\nbatch.linger = 0",
            "..., as JSON, in batches of up to 500 events, to http://localhost:1/n",
        ),
    ] {
        let what = "sends non-empty chat messages that users send";
        says(&Dir::new(), lines, &words.replace("...", what));
    }
}
