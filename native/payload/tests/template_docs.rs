//! Each example of docs/templates.md makes the result that follows it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use payload::TemplateOptions;
use payload::template::{SampleKind, check, samples, try_out, try_out_batch};

#[test]
fn examples_make_their_results() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/templates.md");
    let page = fs::read_to_string(page).expect("the page");
    let file = std::env::temp_dir().join(format!("template-docs-{}.j2", std::process::id()));
    let mut blocks = page.split("```").skip(1).step_by(2);
    let mut count = 0;
    while let Some(block) = blocks.next() {
        let Some(content_type) = block
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("jinja "))
        else {
            continue;
        };
        let batched = content_type.ends_with(" batch");
        let content_type = content_type.trim_end_matches(" batch");
        let content = |block: &str| block.split_once('\n').expect("a line").1.to_owned();
        fs::write(&file, content(block)).unwrap();
        let options = TemplateOptions {
            file: file.clone(),
            content_type: content_type.to_owned(),
            path: None,
            headers: Vec::new(),
        };
        let result = blocks.next().expect("a result");
        assert!(
            result.lines().next().unwrap().ends_with(" result"),
            "{block}"
        );
        let made = if batched {
            let events = [(samples()[0].json, "msg_1"), (samples()[5].json, "msg_2")];
            try_out_batch(&options, &events, "batch_1").expect(block)
        } else {
            try_out(&options, samples()[0].json, "msg_1").expect(block)
        };
        let made = String::from_utf8(made.body).expect("text");
        assert_eq!(made.trim_end(), content(result).trim_end(), "{block}");
        let fatal = check(&options, &[SampleKind::Message], batched)
            .into_iter()
            .find(|found| found.fatal);
        assert_eq!(fatal, None);
        count += 1;
    }
    fs::remove_file(file).unwrap();
    assert_eq!(count, 10);
}
