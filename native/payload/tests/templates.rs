//! Templates as a handler has them: a file that changes, headers and path, and what `check` says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use files::{Remark, Tell};
use notification::{FailureReason, MessageId};
use payload::template::{SampleKind, check, samples};
use payload::{
    FormStyle, FormatOptions, Made, PayloadError, Plan, PlanError, PlanOptions, TemplateOptions,
};
use support::Sample;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("templates-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("body.j2")
    }

    fn write(&self, text: &str) {
        let new = self.0.join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.file()).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn options(file: &Path) -> TemplateOptions {
    TemplateOptions {
        file: file.to_owned(),
        content_type: "application/json".to_owned(),
        path: None,
        headers: Vec::new(),
    }
}

fn compile(options: TemplateOptions, tell: &Tell) -> Result<Plan, PlanError> {
    let options = PlanOptions {
        format: FormatOptions::Template(options),
        ..PlanOptions::default()
    };
    Plan::compile_and_tell(options, tell)
}

fn quiet() -> Tell {
    Arc::new(|_| {})
}

async fn make(plan: &Plan, sample: &Sample) -> Result<Made, PayloadError> {
    plan.ready().await?;
    let id = MessageId::parse(support::ID).unwrap();
    plan.make(&sample.notification(), &id, FormStyle::default())
}

fn chat(body: &str) -> Sample {
    Sample::chat().children(&format!("<body>{body}</body>"))
}

#[tokio::test]
async fn body_path_and_headers_are_templates() {
    let scratch = Scratch::new("all");
    scratch.write(r#"{"text": {{ body }}, "id": {{ id }}}"#);
    let mut options = options(&scratch.file());
    options.path = Some("/topics/{{ to.user }}?from={{ from.resource }}".to_owned());
    options.headers = vec![
        ("X-Title".to_owned(), "From {{ from.user }}".to_owned()),
        ("x-plain".to_owned(), "as it is".to_owned()),
    ];
    let plan = compile(options, &quiet()).unwrap();
    let sample = chat("Hi &quot;Bob&quot;").to("b/ob", "localhost", "");
    let made = make(&plan, &sample).await.unwrap();
    assert_eq!(
        made.body,
        format!(r#"{{"text": "Hi \"Bob\"", "id": "{}"}}"#, support::ID)
    );
    assert_eq!(made.path.as_deref(), Some("/topics/b%2Fob?from=phone"));
    let headers: Vec<_> = made
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let expected = [
        ("content-type", "application/json"),
        ("x-title", "From alice"),
        ("x-plain", "as it is"),
    ];
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn a_path_without_templates_is_the_handlers() {
    let scratch = Scratch::new("path");
    scratch.write("{}");
    let mut options = options(&scratch.file());
    options.path = Some("/as%20it is".to_owned());
    let plan = compile(options, &quiet()).unwrap();
    assert_eq!(make(&plan, &chat("x")).await.unwrap().path, None);
}

#[tokio::test]
async fn a_header_with_a_line_break_costs_its_notification_alone() {
    let scratch = Scratch::new("header");
    scratch.write("{}");
    let mut options = options(&scratch.file());
    options.headers = vec![("x-title".to_owned(), "{{ body }}".to_owned())];
    let plan = compile(options, &quiet()).unwrap();
    for body in ["a\r\nx-injected: b", "a\nb", "a\rb", "hunter2\u{7f}"] {
        let error = make(&plan, &chat(body)).await.unwrap_err();
        assert_eq!(error.reason, FailureReason::TemplateError);
        assert!(
            error
                .text
                .starts_with("headers.x-title: the value of header x-title"),
            "{error}"
        );
        assert!(
            !error.text.contains("injected") && !error.text.contains("hunter2"),
            "{error}"
        );
    }
    assert!(make(&plan, &chat("one line")).await.is_ok());
}

#[tokio::test]
async fn a_template_that_fails_names_file_and_line() {
    let scratch = Scratch::new("line");
    scratch.write("{\n\"a\": {{ subject }}}");
    let plan = compile(options(&scratch.file()), &quiet()).unwrap();
    let error = make(&plan, &chat("hunter2")).await.unwrap_err();
    let file = scratch.file().display().to_string();
    assert_eq!(error.reason, FailureReason::TemplateError);
    assert_eq!(
        error.text,
        format!("template_file: {file}: line 2: `subject` is undefined")
    );

    let endless =
        "{}\n{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}";
    scratch.write(endless);
    let plan = compile(options(&scratch.file()), &quiet()).unwrap();
    let error = make(&plan, &chat("hunter2")).await.unwrap_err();
    assert_eq!(
        error.text,
        format!("template_file: {file}: line 2: it takes more than 100000 steps")
    );
}

#[tokio::test]
async fn a_file_that_does_not_compile_or_is_not_there_fails_with_its_reason() {
    let scratch = Scratch::new("missing");
    let plan = compile(options(&scratch.file()), &quiet()).unwrap();
    let error = make(&plan, &chat("x")).await.unwrap_err();
    assert_eq!(error.reason, FailureReason::TemplateError);
    assert!(error.text.contains("body.j2: No such file"), "{error}");
    scratch.write("\n\n{{ 1 +");
    let plan = compile(options(&scratch.file()), &quiet()).unwrap();
    let error = make(&plan, &chat("x")).await.unwrap_err();
    assert!(
        error.text.contains("body.j2: line 3: syntax error"),
        "{error}"
    );
}

/// The clock is tokio's; the reads are on threads of their own.
#[tokio::test(start_paused = true)]
async fn a_changed_file_is_compiled_again_and_a_bad_one_keeps_the_old() {
    let scratch = Scratch::new("changed");
    scratch.write("1");
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let tell: Tell = Arc::new(move |remark| tell.lock().unwrap().push(remark));
    let plan = compile(options(&scratch.file()), &tell).unwrap();
    let body = async || make(&plan, &chat("x")).await.map(|made| made.body);
    let wait_for = async |expected: &str| {
        let end = Instant::now() + Duration::from_secs(30);
        while body().await.is_ok_and(|body| body != expected) {
            assert!(Instant::now() < end, "{expected}");
            tokio::time::advance(files::CHECK_EVERY).await;
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let end = Instant::now() + Duration::from_secs(30);
    while body().await.is_err() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    scratch.write("2");
    wait_for("2").await;
    scratch.write("{{");
    // The clock that jumps makes reads look long too, so the remark is not the only one.
    let refused = || {
        told.lock().unwrap().iter().any(|remark| {
            matches!(remark, Remark::Warning(text) if text.contains("line 1: syntax error")
                && text.ends_with("the old content stays in use"))
        })
    };
    while !refused() {
        assert!(Instant::now() < end);
        assert_eq!(body().await.unwrap(), "2");
        tokio::time::advance(files::CHECK_EVERY).await;
        std::thread::sleep(Duration::from_millis(5));
    }
    scratch.write("3");
    wait_for("3").await;
}

#[test]
fn options_that_cannot_be_compiled() {
    let scratch = Scratch::new("wrong");
    scratch.write("{}");
    let wrong = |change: &dyn Fn(&mut TemplateOptions)| {
        let mut options = options(&scratch.file());
        change(&mut options);
        compile(options, &quiet()).unwrap_err().to_string()
    };
    let path = wrong(&|options| options.path = Some("/{{ to.user".to_owned()));
    assert!(path.starts_with("path: line 1: syntax error"), "{path}");
    let header =
        wrong(&|options| options.headers = vec![("x-a".to_owned(), "{% if %}".to_owned())]);
    assert!(
        header.starts_with("headers.x-a: line 1: syntax error"),
        "{header}"
    );
    let header = wrong(&|options| options.headers = vec![("a b".to_owned(), String::new())]);
    assert!(header.contains("not allowed in HTTP"), "{header}");
    let content_type = wrong(&|options| options.content_type = "json".to_owned());
    assert_eq!(
        content_type,
        "content_type: it is not a media type such as application/json"
    );
}

#[test]
fn check_finds_what_will_fail() {
    let scratch = Scratch::new("check");
    let found = |source: &str, kinds: &[SampleKind]| {
        scratch.write(source);
        check(&options(&scratch.file()), kinds, false)
            .into_iter()
            .map(|finding| {
                (
                    finding
                        .text
                        .split(": ")
                        .skip(1)
                        .collect::<Vec<_>>()
                        .join(": "),
                    finding.fatal,
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(r#"{"a": {{ body | default("") }}}"#, &SampleKind::ALL),
        []
    );
    assert_eq!(found("{{ body }}", &[SampleKind::Message]), []);
    let expected =
        "fails for a message without a body, for a presence: line 1: `body` is undefined";
    assert_eq!(
        found("{{ body }}", &SampleKind::ALL),
        [(expected.to_owned(), false)]
    );
    let unknown = found("{{ bdoy | default('') }}", &[SampleKind::Message]);
    assert_eq!(
        unknown,
        [("no event has these variables: bdoy".to_owned(), false)]
    );
    let quoted = found(r#"{"a": "{{ body }}"}"#, &[SampleKind::Message]);
    assert!(
        quoted
            .iter()
            .all(|(text, fatal)| text.contains("not JSON") && *fatal),
        "{quoted:?}"
    );
    let syntax = found("{{", &SampleKind::ALL);
    assert!(matches!(&syntax[..], [(text, true)] if text.starts_with("line 1: syntax error")));
    fs::remove_file(scratch.file()).unwrap();
    let missing = check(&options(&scratch.file()), &SampleKind::ALL, false);
    assert!(missing[0].fatal && missing[0].text.contains("No such file"));
}

#[test]
fn samples_are_events_as_the_schemas_say() {
    for sample in samples() {
        let content_type =
            |name: &str| (name == "content-type").then_some(&b"application/json"[..]);
        let kind = schemas::check(content_type, sample.json.as_bytes()).expect(sample.name);
        assert_eq!(kind.len(), 1, "{}", sample.name);
    }
}
