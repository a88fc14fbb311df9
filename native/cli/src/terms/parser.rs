//! The parser: one method for each kind of literal.

use super::{Kind, SyntaxError, Term};

/// Deeper nesting than any configuration has. A bound, so that a hostile file cannot exhaust the stack.
const DEEPEST: usize = 200;

/// The text that is not yet parsed, with its line.
pub(super) struct Parser<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Parser<'a> {
    /// All terms of `text`.
    pub(super) fn terms(text: &'a str) -> Result<Vec<Term>, SyntaxError> {
        let mut parser = Self {
            rest: text,
            line: 1,
        };
        let mut terms = Vec::new();
        parser.skip_blank();
        while !parser.rest.is_empty() {
            terms.push(parser.term(0)?);
            parser.expect('.')?;
            parser.skip_blank();
        }
        Ok(terms)
    }

    fn error<T>(&self, text: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError {
            line: self.line,
            text: text.into(),
        })
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.advance(end)
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if self.peek() != Some('%') {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn accept(&mut self, token: &str) -> bool {
        self.skip_blank();
        let found = self.rest.starts_with(token);
        if found {
            self.advance(token.len());
        }
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), SyntaxError> {
        if self.accept(wanted.encode_utf8(&mut [0; 4])) {
            return Ok(());
        }
        match self.peek() {
            Some(found) => self.error(format!("expected {wanted:?}, found {found:?}")),
            None => self.error(format!("expected {wanted:?}, found the end of the file")),
        }
    }

    fn term(&mut self, depth: usize) -> Result<Term, SyntaxError> {
        self.skip_blank();
        if depth > DEEPEST {
            return self.error("nested too deeply");
        }
        let line = self.line;
        let start = self.rest;
        let kind = match self.peek() {
            None => return self.error("expected a term, found the end of the file"),
            Some('[') => Kind::List(self.sequence("[", ']', depth)?),
            Some('{') => Kind::Tuple(self.sequence("{", '}', depth)?),
            Some('#') => {
                self.map(depth)?;
                self.other(start)
            }
            Some('<') => {
                self.binary()?;
                self.other(start)
            }
            Some('"') => {
                // Adjacent strings are one string.
                while self.peek() == Some('"') {
                    self.quoted('"')?;
                    self.skip_blank();
                }
                self.other(start)
            }
            Some('\'') => Kind::Atom(self.quoted('\'')?),
            Some('$') => self.character()?,
            Some(c) if c.is_ascii_digit() || c == '-' || c == '+' => self.number()?,
            Some(c) if c.is_lowercase() => {
                let word = self.take_while(|c| c.is_alphanumeric() || c == '_' || c == '@');
                if word == "fun" {
                    self.take_while(|c| c.is_alphanumeric() || "_@:/' ".contains(c));
                    self.other(start)
                } else {
                    Kind::Atom(word.to_owned())
                }
            }
            Some(found) => return self.error(format!("expected a term, found {found:?}")),
        };
        Ok(Term { line, kind })
    }

    fn other(&self, start: &str) -> Kind {
        let text = &start[..start.len() - self.rest.len()];
        Kind::Other(text.trim().to_owned())
    }

    fn sequence(
        &mut self,
        open: &str,
        close: char,
        depth: usize,
    ) -> Result<Vec<Term>, SyntaxError> {
        self.accept(open);
        let mut terms = Vec::new();
        if self.accept(close.encode_utf8(&mut [0; 4])) {
            return Ok(terms);
        }
        loop {
            terms.push(self.term(depth + 1)?);
            if !self.accept(",") {
                break;
            }
        }
        if close == ']' && self.accept("|") {
            terms.push(self.term(depth + 1)?);
        }
        self.expect(close)?;
        Ok(terms)
    }

    fn map(&mut self, depth: usize) -> Result<(), SyntaxError> {
        self.accept("#");
        self.expect('{')?;
        if self.accept("}") {
            return Ok(());
        }
        loop {
            self.term(depth + 1)?;
            if !self.accept("=>") {
                return self.error("expected \"=>\"");
            }
            self.term(depth + 1)?;
            if !self.accept(",") {
                break;
            }
        }
        self.expect('}')
    }

    fn binary(&mut self) -> Result<(), SyntaxError> {
        if !self.accept("<<") {
            return self.error("expected \"<<\"");
        }
        loop {
            self.take_while(|c| c != '"' && c != '>');
            if self.accept(">>") {
                return Ok(());
            }
            if self.peek() == Some('"') {
                self.quoted('"')?;
            } else if self.rest.is_empty() {
                return self.error("a binary is not closed");
            } else {
                self.advance(1);
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, SyntaxError> {
        let line = self.line;
        self.advance(1);
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|c| c != quote && c != '\\'));
            match self.peek() {
                Some('\\') => {
                    self.advance(1);
                    let Some(escaped) = self.peek() else { continue };
                    self.advance(escaped.len_utf8());
                    text.push(escaped);
                }
                Some(_) => {
                    self.advance(1);
                    return Ok(text);
                }
                None => {
                    let text = format!("{quote} is opened here and not closed");
                    return Err(SyntaxError { line, text });
                }
            }
        }
    }

    fn character(&mut self) -> Result<Kind, SyntaxError> {
        self.advance(1);
        if self.peek() == Some('\\') {
            self.advance(1);
        }
        match self.peek() {
            Some(c) => {
                self.advance(c.len_utf8());
                Ok(Kind::Integer(i128::from(u32::from(c))))
            }
            None => self.error("expected a character"),
        }
    }

    fn number(&mut self) -> Result<Kind, SyntaxError> {
        let start = self.rest;
        let negative = match self.peek() {
            Some('-') => true,
            Some('+') => false,
            _ => {
                return self.unsigned(start);
            }
        };
        self.advance(1);
        self.skip_blank();
        match self.unsigned(start)? {
            Kind::Integer(value) if negative => Ok(Kind::Integer(-value)),
            kind => Ok(kind),
        }
    }

    fn unsigned(&mut self, start: &str) -> Result<Kind, SyntaxError> {
        let digits = self.digits();
        if self.peek() == Some('#') {
            self.advance(1);
            let base = digits.parse().unwrap_or(0);
            let digits = self.digits();
            let value = if (2..=36).contains(&base) {
                i128::from_str_radix(&digits, base).ok()
            } else {
                None
            };
            return value.map_or_else(
                || self.error("not a number"),
                |value| Ok(Kind::Integer(value)),
            );
        }
        let mut after = self.rest.chars();
        if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
            self.advance(1);
            self.take_while(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-');
            return Ok(self.other(start));
        }
        match digits.parse() {
            Ok(value) => Ok(Kind::Integer(value)),
            Err(_) => self.error("not a number"),
        }
    }

    fn digits(&mut self) -> String {
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '_')
            .replace('_', "")
    }
}
