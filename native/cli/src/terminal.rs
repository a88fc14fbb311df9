//! Standard output: colour where a person reads, and no fuss where nobody does any more.

use std::io::{IsTerminal, Write};

/// Prints a line. Unlike `println!` it ends the program, without a panic, where the reader is gone.
pub fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// A stranger's text, with what could drive the terminal escaped.
pub fn visible(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

/// Whether to colour what goes to standard output.
#[derive(Clone, Copy, Debug)]
pub struct Colour(bool);

impl Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    pub fn of_stdout() -> Self {
        Self(
            std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        )
    }

    /// Bold.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// For problems and failures.
    pub fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// For warnings.
    pub fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// For what is well.
    pub fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn nothing_drives_the_terminal() {
        assert_eq!(
            visible("a\u{1b}[2Jb\u{9b}\n\u{e9}"),
            "a\\u{1b}[2Jb\\u{9b}\\n\u{e9}"
        );
    }
}
