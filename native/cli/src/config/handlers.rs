//! The handlers in the module's own section, in both layouts.

use super::document::{Node, Value};
use super::release::Mongooseim;
use super::section::{Section, wrong_kind};
use crate::notes::Notes;

/// One handler.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Handler {
    /// Counted from 1 through the whole file.
    pub number: usize,
    /// Its path in the file.
    pub path: String,
    /// Its line.
    pub line: usize,
    /// `pool_name`.
    pub pool_name: String,
    /// The line of `pool_name`, or that of the handler.
    pub pool_line: usize,
    /// `path`.
    pub target: String,
    /// The line of `path`, or that of the handler.
    pub target_line: usize,
    /// `callback_module`.
    pub callback_module: String,
    /// `wait`; `None` if the node's own setting applies.
    pub wait: Option<u64>,
}

/// Reads `modules` sections.
pub(crate) struct Reader<'a> {
    /// The release and layout.
    pub mongooseim: Mongooseim,
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
        if self.mongooseim.old_layout {
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
        if self.mongooseim.old_layout {
            "[modules.mod_event_pusher.backend.http]"
        } else {
            "[[modules.mod_event_pusher.http.handlers]]"
        }
    }

    /// Notes a section of the other layout.
    fn misplaced(&mut self, pusher: &mut Section<'_>, key: &'static str) {
        if let Some(node) = pusher.take(key) {
            let release = match self.mongooseim.release {
                Some(release) => format!("MongooseIM {release}"),
                None if self.mongooseim.old_layout => {
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
            Value::Array(items) => items.iter().filter_map(|item| self.handler(item)).collect(),
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
            let same = |other: &&Handler| {
                other.pool_name == handler.pool_name
                    && bare(&other.target) == bare(&handler.target)
                    && other.callback_module == handler.callback_module
                    && other.wait == handler.wait
            };
            if let Some(other) = handlers.iter().find(same) {
                let text = format!(
                    "is the same as handler {}, which MongooseIM refuses",
                    other.number
                );
                self.notes.problem((&handler.path, handler.line), text);
            }
            handlers.push(handler);
        }
        handlers
    }

    fn handler(&mut self, node: &Node) -> Option<Handler> {
        let mut section = Section::of(node, self.notes)?;
        let pool_name = section.filled("pool_name", self.notes);
        let target = section.string("path", self.notes);
        let callback_module = section.filled("callback_module", self.notes);
        let wait = wait(&mut section, self.notes);
        let mut line_of = |key| section.take(key).map_or(node.line, |node| node.line);
        let (pool_line, target_line) = (line_of("pool_name"), line_of("path"));
        section.finish(self.notes);
        let number = self.next;
        self.next += 1;
        Some(Handler {
            number,
            path: node.path.clone(),
            line: node.line,
            pool_name: pool_name.unwrap_or_else(|| "http_pool".to_owned()),
            pool_line,
            target: target.unwrap_or_default(),
            target_line,
            callback_module: callback_module
                .unwrap_or_else(|| "mod_event_pusher_http_defaults".to_owned()),
            wait,
        })
    }
}

/// `wait`, within the bounds that the module checks in the node.
fn wait(section: &mut Section<'_>, notes: &mut Notes) -> Option<u64> {
    let wait = section.number("wait", notes)?;
    if wait > u64::from(u32::MAX) {
        let text = format!("must be at most {} milliseconds", u32::MAX);
        section.problem_with("wait", text, notes);
    }
    Some(wait)
}

/// The path as MongooseIM keeps it.
fn bare(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}
