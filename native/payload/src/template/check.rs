//! What `http-pusher check` says of a handler's templates.

use minijinja::Value;

use super::samples::{Sample, SampleKind, samples};
use super::variables;
use super::{Scope, Template, TemplateOptions, Templates};

/// Something to say about a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The option: `template_file`, `path`, `headers.x-tenant`.
    pub option: String,
    /// What is wrong.
    pub text: String,
    /// Whether no notification can be made. Otherwise some can.
    pub fatal: bool,
}

/// Reads and compiles the templates, and tries them with events of these kinds, which are those that the
/// handler can get, alone and, if they share requests, together. Blocks on the file system.
#[must_use]
pub fn check(options: &TemplateOptions, kinds: &[SampleKind], batched: bool) -> Vec<Finding> {
    let scope = Scope::of(batched);
    let file = options.file.display();
    let mut found = Vec::new();
    let mut templates = Vec::new();
    let mut compile =
        |option: String, place: String, compiled: Result<Template, String>| match compiled {
            Ok(template) => templates.push((option, place, template)),
            Err(text) => found.push(Finding {
                option,
                text: format!("{place}{text}"),
                fatal: true,
            }),
        };
    let body = files::read(&options.file).map_err(|error| error.to_string());
    let body = body.and_then(|bytes| Templates::body(&bytes, &options.content_type, scope));
    compile("template_file".to_owned(), format!("{file}: "), body);
    if let Some(path) = &options.path {
        compile(
            "path".to_owned(),
            String::new(),
            Templates::path(path, scope),
        );
    }
    for (name, value) in &options.headers {
        compile(
            format!("headers.{name}"),
            String::new(),
            Templates::header(value, scope),
        );
    }
    if let Err(error) = Templates::check_content_type(&options.content_type) {
        found.push(Finding {
            option: "content_type".to_owned(),
            text: error,
            fatal: true,
        });
    }
    for (option, place, template) in templates {
        found.extend(unknown(&option, &place, &template));
        found.extend(tried(&option, &place, &template, kinds));
    }
    found
}

fn unknown(option: &str, place: &str, template: &Template) -> Option<Finding> {
    let unknown = template.unknown_variables();
    (!unknown.is_empty()).then(|| Finding {
        option: option.to_owned(),
        text: format!(
            "{place}no {} has these variables: {}",
            match template.scope {
                Scope::Event => "event",
                Scope::Batch => "batch",
            },
            unknown.join(", ")
        ),
        fatal: false,
    })
}

/// Renders the samples. Those that fail for the same reason are named together.
fn tried(option: &str, place: &str, template: &Template, kinds: &[SampleKind]) -> Vec<Finding> {
    let mut failures: Vec<(String, Vec<&str>)> = Vec::new();
    let mut count = 0;
    for sample in samples()
        .iter()
        .filter(|sample| kinds.contains(&sample.kind))
    {
        count += 1;
        let Err(text) = rendered(template, &[sample]) else {
            continue;
        };
        match failures.iter_mut().find(|(other, _)| *other == text) {
            Some((_, names)) => names.push(sample.name),
            None => failures.push((text, vec![sample.name])),
        }
    }
    if template.scope == Scope::Batch && failures.is_empty() && count > 0 {
        let all: Vec<_> = samples()
            .iter()
            .filter(|sample| kinds.contains(&sample.kind))
            .collect();
        if let Err(text) = rendered(template, &all.repeat(2)) {
            let text = format!("{place}fails for several events: {text}");
            return vec![Finding {
                option: option.to_owned(),
                text,
                fatal: true,
            }];
        }
    }
    let failed: usize = failures.iter().map(|(_, names)| names.len()).sum();
    let finding = |(text, names): (String, Vec<&str>)| Finding {
        option: option.to_owned(),
        text: format!("{place}fails for {}: {text}", names.join(", for ")),
        fatal: failed == count,
    };
    failures.into_iter().map(finding).collect()
}

/// What the templates make of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// The body.
    pub body: Vec<u8>,
    /// The path, if the options have one.
    pub path: Option<String>,
}

/// Makes body and path of an event in the JSON format. Blocks on the file system.
pub fn try_out(options: &TemplateOptions, event: &str, id: &str) -> Result<Try, String> {
    let variables = variables_of(event, id)?;
    tried_out(options, &variables, Scope::Event)
}

/// Makes body and path of a batch of events in the JSON format, each with its id. Blocks on the file system.
pub fn try_out_batch(
    options: &TemplateOptions,
    events: &[(&str, &str)],
    id: &str,
) -> Result<Try, String> {
    let events: Result<Vec<_>, String> = events
        .iter()
        .map(|(event, id)| variables_of(event, id))
        .collect();
    tried_out(options, &variables::of_batch(events?, id), Scope::Batch)
}

/// Makes body and path with templates of these texts, without a file: of the first of these events in the JSON format,
/// or, if `batched`, of all.
pub fn try_texts(
    body: &[u8],
    content_type: &str,
    path: Option<&str>,
    events: &[(&str, &str)],
    batched: bool,
) -> Result<Try, String> {
    let scope = Scope::of(batched);
    let mut variables = Vec::with_capacity(events.len());
    for (event, id) in events {
        variables.push(variables_of(event, id)?);
    }
    let variables = match scope {
        Scope::Batch => variables::of_batch(variables, BATCH_ID),
        Scope::Event => variables.into_iter().next().unwrap_or_default(),
    };
    made_of(body, content_type, path, &variables, scope)
}

fn tried_out(options: &TemplateOptions, variables: &Value, scope: Scope) -> Result<Try, String> {
    let source = files::read(&options.file).map_err(|error| error.to_string())?;
    let path = options.path.as_deref();
    made_of(&source, &options.content_type, path, variables, scope)
}

fn made_of(
    body: &[u8],
    content_type: &str,
    path: Option<&str>,
    variables: &Value,
    scope: Scope,
) -> Result<Try, String> {
    let path = path.map(|path| {
        let rendered = Templates::path(path, scope)?.render(variables)?;
        String::from_utf8(rendered).map_err(|error| error.to_string())
    });
    Ok(Try {
        body: Templates::body(body, content_type, scope)?.render(variables)?,
        path: path.transpose()?,
    })
}

fn rendered(template: &Template, samples: &[&Sample]) -> Result<Vec<u8>, String> {
    let events: Result<Vec<_>, String> = samples
        .iter()
        .map(|sample| variables_of(sample.json, ID))
        .collect();
    let mut events = events?;
    let variables = match (template.scope, events.pop()) {
        (Scope::Event, Some(event)) => event,
        (_, last) => variables::of_batch(events.into_iter().chain(last).collect(), BATCH_ID),
    };
    template.render(&variables)
}

const ID: &str = "msg_2qRVsmHh6eYyTkDqLJZpNw";
const BATCH_ID: &str = "batch_9f86d081884c7d659a2feaa0c55ad015";

fn variables_of(event: &str, id: &str) -> Result<Value, String> {
    let event: serde_json::Value =
        serde_json::from_str(event).map_err(|error| error.to_string())?;
    variables::of(&event, id).map_err(|error| error.text)
}
