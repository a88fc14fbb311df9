//! Bounds on a template's own text, so that it cannot overflow the stack of a thread, which would end the
//! whole node.
//!
//! minijinja reads an expression by recursion, one call for each operator in a row, and it forgets, writes
//! and compares a value by recursion, one call for each list within a list. What is inside of tags bounds
//! both: without `namespace` and without recursive loops, a list gets into another only by something that is
//! written there. What is outside of tags is only copied.

use super::limits::{NESTING, TAG, TAGS};

/// What can put a value into another one: lists, mappings, calls, filters, and operators on lists.
const NESTS: &[u8] = b"[{(|*+~";

/// Checks the text of a template. The error has the line.
pub(super) fn check(source: &str) -> Result<(), String> {
    let mut rest = source;
    let (mut all, mut nesting) = (0, 0);
    while let Some(tag) = next(&mut rest) {
        let wrong = |text: String| {
            let at = source.len() - rest.len();
            let line = source[..at].matches('\n').count() + 1;
            Err(format!("line {line}: {text}"))
        };
        all += tag.text.len();
        nesting += tag.nesting;
        if tag.text.len() > TAG {
            return wrong(format!("a tag has more than {TAG} bytes"));
        }
        if all > TAGS {
            return wrong(format!("the tags up to here have more than {TAGS} bytes"));
        }
        if nesting > NESTING {
            return wrong(format!(
                "the tags up to here have more than {NESTING} brackets, filters and operators"
            ));
        }
        if is_recursive(tag.text) {
            return wrong("a loop cannot be recursive".to_owned());
        }
    }
    Ok(())
}

/// A `{{ }}` or `{% %}`, from its start to its end.
pub(super) struct Tag<'a> {
    pub(super) text: &'a str,
    /// How much of the template is left where it begins.
    pub(super) left: usize,
    nesting: usize,
}

/// Takes the next tag, and all before it, off the front. Comments are skipped, and what is raw.
pub(super) fn next<'a>(rest: &mut &'a str) -> Option<Tag<'a>> {
    loop {
        let at = rest.find('{')?;
        let text = &rest[at..];
        let end: &[u8; 2] = match text.as_bytes().get(1) {
            Some(b'{') => b"}}",
            Some(b'%') => b"%}",
            Some(b'#') => {
                *rest = text.split_once("#}").map_or("", |(_, after)| after);
                continue;
            }
            _ => {
                *rest = &text[1..];
                continue;
            }
        };
        let tag = tag(text, *end);
        *rest = &text[tag.text.len()..];
        if words(tag.text).eq(["raw"]) {
            *rest = rest.split_once("endraw").map_or("", |(_, after)| after);
        }
        return Some(tag);
    }
}

/// The tag at the start of `text`. If it has no end, it is all of the text.
fn tag(text: &str, end: [u8; 2]) -> Tag<'_> {
    let bytes = text.as_bytes();
    let (mut at, mut open, mut nesting) = (2, 0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        if open == 0 && bytes[at..].starts_with(&end) {
            at += end.len();
            break;
        }
        match byte {
            b'"' | b'\'' => at = after_text(bytes, at),
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        nesting += usize::from(NESTS.contains(&byte));
        at += 1;
    }
    // Tags end behind ASCII.
    let of_tag = text.get(..at).unwrap_or(text);
    Tag {
        text: of_tag,
        left: text.len(),
        nesting,
    }
}

/// Where the quote is that ends the text which starts at `at`.
pub(super) fn after_text(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let mut end = at + 1;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'\\' => end += 1,
            _ if byte == quote => break,
            _ => {}
        }
        end += 1;
    }
    end
}

fn words(tag: &str) -> impl Iterator<Item = &str> {
    tag.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// Whether the tag begins a loop that calls itself. A word in a text counts too.
fn is_recursive(tag: &str) -> bool {
    tag.starts_with("{%")
        && words(tag).next() == Some("for")
        && words(tag).any(|w| w == "recursive")
}

#[cfg(test)]
mod tests {
    use super::{NESTING, TAG, TAGS, check, next};

    fn tags(mut source: &str) -> Vec<&str> {
        std::iter::from_fn(|| next(&mut source))
            .map(|tag| tag.text)
            .collect()
    }

    #[test]
    fn tags_are_found_as_minijinja_finds_them() {
        for (source, expected) in [
            ("", vec![]),
            ("{ } }} %}", vec![]),
            (
                "a {{ b }} c {%- if d -%} e",
                vec!["{{ b }}", "{%- if d -%}"],
            ),
            ("{# {{ a }} #}{{ b }}", vec!["{{ b }}"]),
            (
                r#"{{ {"a": {"b": "}}"}} }}{{ c }}"#,
                vec![r#"{{ {"a": {"b": "}}"}} }}"#, "{{ c }}"],
            ),
            (
                r#"{{ "\"}}" }}{{ '"' }}"#,
                vec![r#"{{ "\"}}" }}"#, "{{ '\"' }}"],
            ),
            (
                "{% raw %}{{ ' }}{% endraw %}{{ b }}",
                vec!["{% raw %}", "{{ b }}"],
            ),
            ("{{ \u{e9}", vec!["{{ \u{e9}"]),
            ("{{ '\\", vec!["{{ '\\"]),
        ] {
            assert_eq!(tags(source), expected, "{source}");
        }
    }

    #[test]
    fn what_is_too_much_is_refused_with_its_line() {
        let text = "x".repeat(1024 * 1024);
        let long = "x".repeat(TAG);
        for (source, expected) in [
            (format!("{text}{{{{ body }}}}"), ""),
            (format!("\n{{{{ {long} }}}}\n"), "line 2: a tag has more"),
            (format!("{{{{ {long}"), "line 1: a tag has more"),
            (
                "{{ body }}\n".repeat(TAGS / 10 + 1),
                "line 3277: the tags up to here have more",
            ),
            (
                "{{ a | b }}".repeat(NESTING + 1),
                "line 1: the tags up to here have more",
            ),
            (
                "{% for a in b recursive %}".to_owned(),
                "line 1: a loop cannot be recursive",
            ),
            ("{% for recursively in b %}".to_owned(), ""),
        ] {
            let found = check(&source).err().unwrap_or_default();
            assert!(
                found.starts_with(expected) && found.is_empty() == expected.is_empty(),
                "{found}"
            );
        }
    }
}
