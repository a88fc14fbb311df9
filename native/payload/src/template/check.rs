//! What `http-pusher check` says of a handler's templates.

use super::samples::{Sample, SampleKind, samples};
use super::variables;
use super::{Template, TemplateOptions, Templates};

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

/// Reads and compiles the templates, and tries them with events of these kinds, which are
/// those that the handler can get. Blocks on the
/// file system.
#[must_use]
pub fn check(options: &TemplateOptions, kinds: &[SampleKind]) -> Vec<Finding> {
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
    let body = body.and_then(|bytes| Templates::body(&bytes, &options.content_type));
    compile("template_file".to_owned(), format!("{file}: "), body);
    if let Some(path) = &options.path {
        compile("path".to_owned(), String::new(), Templates::path(path));
    }
    for (name, value) in &options.headers {
        compile(
            format!("headers.{name}"),
            String::new(),
            Templates::header(value),
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
            "{place}no event has these variables: {}",
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
        let Err(text) = rendered(template, sample) else {
            continue;
        };
        match failures.iter_mut().find(|(other, _)| *other == text) {
            Some((_, names)) => names.push(sample.name),
            None => failures.push((text, vec![sample.name])),
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
    let event: serde_json::Value =
        serde_json::from_str(event).map_err(|error| error.to_string())?;
    let variables = variables::of(&event, id).map_err(|error| error.text)?;
    let source = files::read(&options.file).map_err(|error| error.to_string())?;
    let path = options.path.as_deref().map(|path| {
        let rendered = Templates::path(path)?.render(&variables)?;
        String::from_utf8(rendered).map_err(|error| error.to_string())
    });
    Ok(Try {
        body: Templates::body(&source, &options.content_type)?.render(&variables)?,
        path: path.transpose()?,
    })
}

fn rendered(template: &Template, sample: &Sample) -> Result<Vec<u8>, String> {
    let event: serde_json::Value =
        serde_json::from_str(sample.json).map_err(|error| error.to_string())?;
    let variables =
        variables::of(&event, "msg_2qRVsmHh6eYyTkDqLJZpNw").map_err(|error| error.text)?;
    template.render(&variables)
}
