//! Standard output: colours on a terminal, and a quiet end when the reader has gone.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};

/// Headings, and what a reader looks for in a line.
pub(crate) const STRONG: Style = Style::new().bold();
/// Problems and failures.
pub(crate) const PROBLEM: Style = AnsiColor::Red.on_default();
/// Warnings.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// Success.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();

/// The text with the codes of a style around it. [`print_line`] removes them if no terminal will read them.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Prints a line. Unlike `println!` it ends the program without a panic when the reader has gone. What others write to the same
/// place does not come in between: the line is written at once.
pub(crate) fn print_line(line: &str) {
    let mut out = anstream::stdout().lock();
    let line = format!("{line}\n");
    if out
        .write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        std::process::exit(0);
    }
}

/// A text from elsewhere, with every character that could control the terminal escaped.
pub(crate) fn visible(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            visible("a\u{1b}[2Jb\u{9b}\n\u{e9}"),
            "a\\u{1b}[2Jb\\u{9b}\\n\u{e9}"
        );
    }
}
