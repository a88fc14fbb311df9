//! Links and commands lead somewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{code, files, prose, read, root};

/// The anchors of a page, as code hosts make them of its headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = prose(page).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let text = text.replace(' ', "-");
        text.chars()
            .filter(|c| c.is_alphanumeric() || "-_".contains(*c))
            .collect()
    };
    headings.map(anchor).collect()
}

/// The links of a page's text that lead to files, or into them.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let links = prose(text).flat_map(|line| line.split("](").skip(1));
    links
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://") && !link.contains('`'))
}

#[test]
fn every_link_leads_somewhere() {
    let pages = files("", ".md");
    assert!(pages.len() > 30, "{pages:?}");
    for page in pages {
        let text = read(&page);
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() && target.extension().is_some_and(|ending| ending == "md") {
                let known = anchors(&read(&target));
                assert!(known.contains(anchor), "{}: {link}", page.display());
            }
        }
    }
}

/// A package has some of the repository's files: scripts/package names them.
#[test]
fn installed_pages_link_to_what_is_installed() {
    let script = read(&root().join("scripts/package"));
    let (_, list) = script.split_once("\ndocuments=\"").unwrap();
    let root = root().canonicalize().unwrap();
    let installed: Vec<PathBuf> = list
        .split('"')
        .next()
        .unwrap()
        .split_whitespace()
        .map(|document| root.join(document))
        .collect();
    let is_installed = |file: &Path| installed.iter().any(|document| file.starts_with(document));
    let mut count = 0;
    for page in files("", ".md") {
        let page = page.canonicalize().unwrap();
        if !is_installed(&page) {
            continue;
        }
        let text = read(&page);
        for link in links(&text) {
            let file = link.split('#').next().unwrap();
            if file.is_empty() {
                continue;
            }
            let target = page.parent().unwrap().join(file).canonicalize().unwrap();
            assert!(is_installed(&target), "{}: {link}", page.display());
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn every_command_of_make_and_every_script_is_there() {
    let makefile = read(&root().join("Makefile"));
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(target, _)| target)
        .collect();
    for page in files("", ".md") {
        let text = read(&page);
        for command in prose(&text).flat_map(code) {
            let mut words = command
                .split(' ')
                .skip_while(|word| word.contains('=') || *word == "flock");
            match words.next() {
                Some("make") => {
                    let target = words.find(|word| !word.contains('=')).unwrap_or("help");
                    assert!(targets.contains(target), "{}: {command}", page.display());
                }
                Some(script) if script.starts_with("scripts/") && !script.contains('*') => {
                    let there = root().join(script).exists();
                    assert!(there, "{}: {command}", page.display());
                }
                _ => {}
            }
        }
    }
}
