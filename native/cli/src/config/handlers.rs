//! The handlers in the module's own section, in both layouts.

use super::context::Context;
use super::document::{Node, Value};
use super::handler_check;
use super::options::{self, Options};
use super::secrets;
use super::section::{Section, wrong_kind};
use super::templates;
use crate::handler_options::Shape;
use crate::notes::Notes;
use crate::rules::{self, Rule};

/// One handler.
#[derive(Debug)]
pub(crate) struct Handler {
    /// Counted from 1 through the whole file.
    pub number: usize,
    /// Its section.
    pub options: Options,
    /// `pool_name`.
    pub pool_name: String,
    /// `path`.
    pub target: String,
    /// `callback_module`, if the section names one.
    pub callback_module: Option<String>,
    /// `rules`, if the section has them.
    pub rules: Option<Vec<Rule>>,
}

/// Decides what is sent if neither rules nor another module do.
pub(crate) const DEFAULT_MODULE: &str = "mod_event_pusher_http_defaults";

impl Handler {
    fn new(number: usize, options: Options) -> Self {
        let text = |name| options.text(name).map(str::to_owned);
        Self {
            number,
            pool_name: text("pool_name").unwrap_or_else(|| "http_pool".to_owned()),
            target: text("path").unwrap_or_default(),
            callback_module: text("callback_module"),
            rules: rules::of(&options),
            options,
        }
    }

    /// The module that makes headers and body, and decides unless rules alone do.
    pub fn module(&self) -> &str {
        self.callback_module.as_deref().unwrap_or(DEFAULT_MODULE)
    }

    /// Whether the module is one of the operator's own.
    pub fn is_custom(&self) -> bool {
        self.module() != DEFAULT_MODULE
    }

    /// Whether a template makes the path.
    pub fn has_template_path(&self) -> bool {
        self.options.text("format") == Some("template")
            && ["{{", "{%", "{#"]
                .iter()
                .any(|sign| self.target.contains(sign))
    }

    /// Whether the module is asked about an event: rules without a module decide alone.
    pub fn asks_module(&self) -> bool {
        self.rules.is_none() || self.callback_module.is_some()
    }

    /// Whether the host holds the same for both.
    fn is_same(&self, other: &Self) -> bool {
        let own = |handler: &Self| {
            let mut options = handler.options.clone();
            for name in ["pool_name", "path", "callback_module"] {
                options.remove(name);
            }
            options
        };
        self.pool_name == other.pool_name
            && bare(&self.target) == bare(&other.target)
            && self.module() == other.module()
            && self.asks_module() == other.asks_module()
            && own(self) == own(other)
    }
}

/// Reads `modules` sections.
pub(crate) struct Reader<'a> {
    /// The release, the layout, and where relative paths begin.
    pub context: Context<'a>,
    /// The options that a handler may have.
    pub shape: Shape,
    /// The next handler's number.
    pub next: usize,
    /// Where mistakes are noted.
    pub notes: &'a mut Notes,
}

impl Reader<'_> {
    /// The handlers in a `modules` section.
    pub fn modules(&mut self, node: &Node) -> Vec<Handler> {
        let Some(mut modules) = Section::of(node, self.notes) else {
            return Vec::new();
        };
        if let Some(node) = modules.take("mod_event_pusher_http") {
            let section = self.section_name();
            let text = format!("is not read by MongooseIM; the module's section is {section}");
            self.notes.problem((&node.path, node.line), text);
        }
        let Some(mut pusher) = modules.section("mod_event_pusher", self.notes) else {
            return Vec::new();
        };
        if self.context.mongooseim.old_layout {
            self.misplaced(&mut pusher, "http");
            let backend = pusher.section("backend", self.notes);
            let http = backend.and_then(|mut backend| backend.take("http"));
            return http.map(|node| self.old_handlers(node)).unwrap_or_default();
        }
        self.misplaced(&mut pusher, "backend");
        let Some(mut http) = pusher.section("http", self.notes) else {
            return Vec::new();
        };
        let list = http.take("handlers");
        http.finish(self.notes);
        list.map(|node| self.handlers(node)).unwrap_or_default()
    }

    fn section_name(&self) -> &'static str {
        if self.context.mongooseim.old_layout {
            "[modules.mod_event_pusher.backend.http]"
        } else {
            "[[modules.mod_event_pusher.http.handlers]]"
        }
    }

    /// Notes a section of the other layout.
    fn misplaced(&mut self, pusher: &mut Section<'_>, key: &'static str) {
        if let Some(node) = pusher.take(key) {
            let release = match self.context.mongooseim.release {
                Some(release) => format!("MongooseIM {release}"),
                None if self.context.mongooseim.old_layout => {
                    "5.0's layout, as in the rest of the file,".to_owned()
                }
                None => "MongooseIM from 5.1 on".to_owned(),
            };
            let section = self.section_name();
            let text = format!("is of another release; {release} has {section}");
            self.notes.problem((&node.path, node.line), text);
        }
    }

    /// 5.0: one section or a list of them.
    fn old_handlers(&mut self, node: &Node) -> Vec<Handler> {
        match &node.value {
            Value::Array(items) => {
                let handlers: Vec<_> = items.iter().filter_map(|item| self.handler(item)).collect();
                same_on_disk(&handlers, self.notes);
                handlers
            }
            _ => self.handler(node).into_iter().collect(),
        }
    }

    /// From 5.1 on: a list, without repetitions.
    fn handlers(&mut self, node: &Node) -> Vec<Handler> {
        let Value::Array(items) = &node.value else {
            wrong_kind::<()>(node, "a list of sections", &node.value, self.notes);
            return Vec::new();
        };
        let mut handlers: Vec<Handler> = Vec::new();
        for item in items {
            let Some(handler) = self.handler(item) else {
                continue;
            };
            if let Some(other) = handlers.iter().find(|other| other.is_same(&handler)) {
                let text = format!(
                    "is the same as handler {}, which MongooseIM refuses",
                    other.number
                );
                self.notes.problem((&item.path, item.line), text);
            }
            handlers.push(handler);
        }
        same_on_disk(&handlers, self.notes);
        handlers
    }

    fn handler(&mut self, node: &Node) -> Option<Handler> {
        let options = options::read(node, &self.shape, self.context.mongooseim, self.notes)?;
        let handler = Handler::new(self.next, options);
        self.next += 1;
        handler_check::check(&handler, self.context.mongooseim, self.notes);
        secrets::check(&handler, self.context.root, self.notes);
        templates::check(&handler, self.context.root, self.notes);
        Some(handler)
    }
}

/// Notes handlers whose notifications are not told apart on disk: there they belong to a host type, a pool and a path.
fn same_on_disk(handlers: &[Handler], notes: &mut Notes) {
    let on_disk = |handler: &Handler| handler.options.text("delivery") == Some("at_least_once");
    for (at, handler) in handlers.iter().enumerate() {
        let is_like = |other: &&Handler| {
            on_disk(other)
                && other.pool_name == handler.pool_name
                && bare(&other.target) == bare(&handler.target)
                && !other.is_same(handler)
        };
        if on_disk(handler)
            && let Some(other) = handlers[..at].iter().find(is_like)
        {
            let text = format!(
                "is that of handler {} too: what comes in from the disk, of both, is sent with the options of the last \
                 such handler; give each a path of its own, for example with a query",
                other.number
            );
            handler.options.warning("path", text, notes);
        }
    }
}

/// The path as MongooseIM keeps it.
fn bare(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}
