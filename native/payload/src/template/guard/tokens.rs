//! The tokens of a tag, as far as it matters what stands before and behind an operand.

use super::super::shape::after_text;

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A text or a number.
    Literal,
    /// A name or a word of the language.
    Name(&'a str),
    /// A point or a bar, with the name behind it.
    Part,
    /// A bracket.
    Open(u8),
    Close,
    Comma,
    Colon,
    /// `=`
    Assigns,
    /// An operator that looks into its operands: it compares them, or joins them.
    Looks,
    /// `*`
    Multiplies,
    /// An operator on numbers, and whatever else there is.
    Calculates,
}

/// Those of a tag, in order.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    /// The tokens between the ends of a tag.
    pub(super) fn of(tag: &'a str) -> Self {
        let text = tag.strip_suffix("}}").or_else(|| tag.strip_suffix("%}"));
        Self {
            text: text.unwrap_or(tag),
            at: 2,
        }
    }

    /// The next token, and where it ends.
    pub(super) fn next(&mut self) -> Option<(Token<'a>, usize)> {
        self.skip(|byte| byte.is_ascii_whitespace());
        let byte = self.byte(0)?;
        let second = self.byte(1);
        let (token, length) = match byte {
            b'"' | b'\'' => {
                self.at = after_text(self.text.as_bytes(), self.at);
                (Token::Literal, 1)
            }
            b'0'..=b'9' => {
                self.number();
                (Token::Literal, 0)
            }
            b'.' | b'|' => {
                self.at += 1;
                self.skip(|byte| byte.is_ascii_whitespace());
                self.name();
                (Token::Part, 0)
            }
            b'(' | b'[' | b'{' => (Token::Open(byte), 1),
            b')' | b']' | b'}' => (Token::Close, 1),
            b',' => (Token::Comma, 1),
            b':' => (Token::Colon, 1),
            b'=' | b'!' | b'<' | b'>' if second == Some(b'=') => (Token::Looks, 2),
            b'=' => (Token::Assigns, 1),
            b'<' | b'>' | b'~' | b'+' => (Token::Looks, 1),
            b'*' if second == Some(b'*') => (Token::Calculates, 2),
            b'*' => (Token::Multiplies, 1),
            _ if is_of_name(byte) => (Token::Name(self.name()), 0),
            _ => (Token::Calculates, 1),
        };
        self.at = self.text.len().min(self.at + length);
        Some((token, self.at))
    }

    /// The word at the start of a block.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        self.skip(|byte| byte.is_ascii_whitespace() || byte == b'-' || byte == b'+');
        Some(self.name()).filter(|word| !word.is_empty())
    }

    /// Where the name of a test ends, with the `not` before it.
    pub(super) fn test(&mut self) -> usize {
        self.skip(|byte| byte.is_ascii_whitespace());
        if self.name() == "not" {
            self.skip(|byte| byte.is_ascii_whitespace());
            self.name();
        }
        self.at
    }

    fn name(&mut self) -> &'a str {
        let begin = self.at;
        self.skip(is_of_name);
        &self.text[begin..self.at]
    }

    fn number(&mut self) {
        self.skip(is_of_name);
        if self.byte(0) == Some(b'.') && self.byte(1).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
            self.skip(is_of_name);
        }
    }

    fn skip(&mut self, skips: impl Fn(u8) -> bool) {
        while self.byte(0).is_some_and(&skips) {
            self.at += 1;
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }
}

/// Whether a byte may be in a name; those of other characters than ASCII may.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}
