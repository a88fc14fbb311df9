//! A page of docs/recipes, and what its handler says.

use std::fs;
use std::path::{Path, PathBuf};

use payload::TemplateOptions;

pub struct Page {
    pub file: PathBuf,
    pub text: String,
    pub options: TemplateOptions,
    pub path: String,
    /// The whole configuration.
    pub toml: toml::Table,
}

impl Page {
    pub fn read(name: &str) -> Self {
        let file = repository().join("docs/recipes").join(format!("{name}.md"));
        let text = fs::read_to_string(&file).expect("a page");
        let toml: toml::Table = block(&text, "toml").parse().expect("TOML");
        let handler = &toml["modules"]["mod_event_pusher"]["http"]["handlers"][0];
        let get = |name: &str| handler[name].as_str().expect(name).to_owned();
        let template = get("template_file").replace("etc/templates/", "examples/templates/");
        let options = TemplateOptions {
            file: repository().join(&template),
            content_type: get("content_type"),
            path: Some(get("path")),
            headers: Vec::new(),
        };
        let path = get("path");
        Self {
            file,
            text,
            options,
            path,
            toml,
        }
    }

    pub fn handler(&self) -> &toml::Table {
        let handler = &self.toml["modules"]["mod_event_pusher"]["http"]["handlers"][0];
        handler.as_table().expect("a handler")
    }

    /// Where the requests go, before the path is rendered.
    pub fn url(&self) -> String {
        let pools = self.toml["outgoing_pools"]["http"]
            .as_table()
            .expect("pools");
        let connection =
            &pools[self.handler()["pool_name"].as_str().expect("a name")]["connection"];
        let get = |name: &str| connection[name].as_str().expect(name);
        let prefix = get("path_prefix").trim_end_matches('/');
        format!(
            "{}{prefix}/{}",
            get("host"),
            self.path.trim_start_matches('/')
        )
    }
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The first block of a page that has these words behind its fence.
pub fn block<'a>(text: &'a str, words: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("```") {
        let (fence, content) = after.split_once('\n').expect("a line");
        let (content, after) = content.split_once("```").expect("an end");
        let has = |word| fence.split(' ').any(|found| found == word);
        if words.split(' ').all(has) {
            return content;
        }
        rest = after;
    }
    panic!("no block {words}");
}
