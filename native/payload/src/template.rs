//! `format = "template"`: a body, and if wanted a path and header values, that the operator's own
//! templates make.
//!
//! The templates are Jinja's, rendered by minijinja. What `{{ }}` writes is escaped for the place: as
//! JSON in a body of JSON, percent-encoded in a form and in the path. An undefined variable is an error.
//! Steps and output are bounded ([`limits`]), what a template itself says is too ([`shape`]), and there is
//! no way to read files or to include other templates. [`Templates`] are those of a handler; the body's file is watched like a certificate.

mod batch;
mod check;
mod escape;
mod filters;
mod guard;
mod handler;
mod limits;
mod measure;
mod samples;
mod shape;
mod variables;

use std::thread;

use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use notification::panics;

pub use check::{Finding, Try, check, try_out, try_out_batch, try_texts};
pub use handler::TemplateOptions;
pub(crate) use handler::Templates;
pub use samples::{Sample, SampleKind, samples};

use escape::Escape;

/// The name of the only template of an environment.
const NAME: &str = "template";

/// What a template is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// One event, whose fields are its variables.
    Event,
    /// A list of events.
    Batch,
}

/// A compiled template.
#[derive(Debug)]
struct Template {
    environment: Environment<'static>,
    escape: Escape,
    scope: Scope,
}

/// Why a template makes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    text: String,
    /// It may be that it has too many events.
    too_much: bool,
}

impl Failure {
    /// The same with its place.
    fn at(self, place: &str) -> Self {
        Self {
            text: format!("{place}: {}", self.text),
            ..self
        }
    }
}

impl Scope {
    fn of(batched: bool) -> Self {
        if batched { Self::Batch } else { Self::Event }
    }

    fn steps(self) -> u64 {
        match self {
            Self::Event => limits::STEPS,
            Self::Batch => limits::BATCH_STEPS,
        }
    }
}

impl Template {
    /// Compiles `source`. The error has the line.
    fn compile(source: &str, escape: Escape, scope: Scope) -> Result<Self, String> {
        shape::check(source)?;
        on_deep_stack(|| Self::compile_here(source, escape, scope))?
    }

    fn compile_here(source: &str, escape: Escape, scope: Scope) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(scope.steps()));
        // Names the variable that is undefined. It costs nothing until something fails.
        environment.set_debug(true);
        // It would write all variables.
        environment.remove_global("debug");
        // It would let values grow around one another, or around themselves, without end.
        environment.remove_global("namespace");
        filters::install(&mut environment);
        measure::install(&mut environment);
        environment.set_auto_escape_callback(move |_| escape.automatic());
        environment.set_formatter(move |out, state, value| escape.write(out, state, value));
        environment
            .add_template_owned(NAME, guard::guarded(source))
            .map_err(|error| describe(&error, scope))?;
        Ok(Self {
            environment,
            escape,
            scope,
        })
    }

    /// Renders it. The error has the line, and nothing of what an event says.
    fn render(&self, variables: &Value) -> Result<Vec<u8>, String> {
        self.render_within(variables, limits::OUTPUT)
            .map_err(|failure| failure.text)
    }

    /// Renders it, if it writes no more bytes than these.
    fn render_within(&self, variables: &Value, most: usize) -> Result<Vec<u8>, Failure> {
        let failed = |error: &minijinja::Error| Failure {
            text: describe(error, self.scope),
            too_much: error.kind() == ErrorKind::OutOfFuel || filters::is_too_long(error),
        };
        let template = self.environment.get_template(NAME);
        let template = template.map_err(|error| failed(&error))?;
        let mut output = limits::Output::up_to(most);
        let rendered = template.render_captured_to(variables.clone(), &mut output);
        if output.is_full() {
            return Err(Failure {
                text: format!("it writes more than {most} bytes"),
                too_much: true,
            });
        }
        rendered.map_err(|error| failed(&error))?;
        let finished = self.escape.finish(output.into_bytes());
        finished.map_err(|text| Failure {
            text,
            too_much: false,
        })
    }

    /// The variables that it uses and that no event has.
    fn unknown_variables(&self) -> Vec<String> {
        let unknown = || match self.environment.get_template(NAME) {
            Ok(template) => variables::unknown(template.undeclared_variables(true), self.scope),
            Err(_) => Vec::new(),
        };
        on_deep_stack(unknown).unwrap_or_default()
    }
}

/// Runs what is recursive on a thread with a stack that is large enough.
fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("http-pusher-tpl".to_owned());
        let thread = builder.stack_size(limits::STACK).spawn_scoped(scope, || {
            panics::adopt_thread();
            work()
        });
        let thread =
            thread.map_err(|error| format!("there is no thread to compile it: {error}"))?;
        thread.join().map_err(|_| "compiling it crashed".to_owned())
    })
}

/// What is wrong, with the line. Never with a value: it may be from a message.
fn describe(error: &minijinja::Error, scope: Scope) -> String {
    let line = error.line().map(|line| format!("line {line}: "));
    let line = line.unwrap_or_default();
    let kind = error.kind();
    let detail = error.detail();
    let detail = detail.filter(|detail| !shows_a_value(detail, error.template_source()));
    match (kind, detail) {
        (ErrorKind::OutOfFuel, _) => {
            format!("{line}it takes more than {} steps", scope.steps())
        }
        (ErrorKind::UndefinedError, Some(detail)) => format!("{line}{detail}"),
        (_, Some(detail)) => format!("{line}{kind}: {detail}"),
        (_, None) => format!("{line}{kind}"),
    }
}

/// Whether a detail has a value in it that is not from the template itself.
fn shows_a_value(detail: &str, source: Option<&str>) -> bool {
    // The name can come from a mapping: `sort(**{body: 1})`.
    let named = detail.strip_prefix("unknown keyword argument '");
    let named = named.and_then(|name| name.strip_suffix('\''));
    match named {
        Some(name) => !source.is_some_and(|source| source.contains(name)),
        None => detail.starts_with("unable to calculate"),
    }
}

#[cfg(test)]
mod tests;
