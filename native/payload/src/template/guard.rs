//! Operators that look into lists, bounded.
//!
//! minijinja compares lists, and makes text of them, without counting what is in them, and what `[[1] * 99999] * 99999`
//! or `{% set x = [x, x] %}` sixty times makes is short to write and has no end. So a filter counts what an operand
//! holds before the operator sees it ([`measure`]). It is written into the source, behind the operand: a filter binds
//! closer than any operator, so nothing else changes.
//!
//! [`measure`]: super::measure

mod tokens;

use super::shape;
use tokens::{Token, Tokens};

/// What an operand has to be, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Demand {
    Nothing,
    /// What it holds is counted.
    Counted,
    /// No list: what multiplies one would not count.
    Single,
}

impl Demand {
    fn filter(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Counted => "|_counted",
            Self::Single => "|_single",
        }
    }
}

/// The template with the filters behind its operands.
pub(super) fn guarded(source: &str) -> String {
    let mut guarded = String::with_capacity(source.len() + 64);
    let (mut rest, mut copied) = (source, 0);
    while let Some(tag) = shape::next(&mut rest) {
        let begin = source.len() - tag.left;
        for (at, demand) in Walk::through(tag.text) {
            guarded.push_str(&source[copied..begin + at]);
            guarded.push_str(demand.filter());
            copied = begin + at;
        }
    }
    guarded.push_str(&source[copied..]);
    guarded
}

/// A name, a literal or something in brackets, with all that is read from it: `a.b[c](d) | e`.
#[derive(Clone, Copy, Debug)]
struct Operand {
    /// Where it ends.
    end: usize,
    /// A text or a number that stands there.
    literal: bool,
    /// What stands before it asks for this.
    before: Demand,
}

/// What two brackets hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bracket {
    /// A list, or an operand.
    Group,
    Mapping,
    /// Arguments, or what an item is found by.
    Arguments,
}

/// Goes through a tag, and finds the operands that are to be counted.
#[derive(Debug)]
struct Walk {
    found: Vec<(usize, Demand)>,
    operand: Option<Operand>,
    /// What stands before the next operand asks for this.
    before: Demand,
    /// The open brackets, each with the operand that it belongs to once it is closed.
    brackets: Vec<(Bracket, Operand)>,
}

impl Walk {
    /// The ends of the operands of a tag, with what is asked of them.
    fn through(tag: &str) -> Vec<(usize, Demand)> {
        let mut walk = Self {
            found: Vec::new(),
            operand: None,
            before: Demand::Nothing,
            brackets: Vec::new(),
        };
        let mut tokens = Tokens::of(tag);
        // The word that says what the block is.
        let word = tag.starts_with("{%").then(|| tokens.word()).flatten();
        let mut is_target = word == Some("for");
        while let Some((token, end)) = tokens.next() {
            match token {
                Token::Name("in") if is_target && walk.brackets.is_empty() => {
                    is_target = false;
                    walk.operand = None;
                }
                Token::Name("is") => {
                    walk.ends(Demand::Nothing);
                    // What a test gets is counted by itself, and it says no more than yes or no.
                    walk.begins(tokens.test(), true);
                }
                token => walk.takes(&token, end),
            }
        }
        walk.ends(Demand::Nothing);
        walk.found
    }

    fn takes(&mut self, token: &Token<'_>, end: usize) {
        match token {
            Token::Name("in") | Token::Looks => self.operator(Demand::Counted),
            // `a not in b`; `not a` asks for nothing.
            Token::Name("not") => self.ends(Demand::Counted),
            Token::Name("and" | "or" | "if" | "else") => {
                let asks = self.asks_before_colon();
                self.ends(asks);
                self.before = asks;
            }
            Token::Name("true" | "false" | "none" | "True" | "False" | "None") | Token::Literal => {
                self.begins(end, true);
            }
            Token::Name(_) => self.begins(end, false),
            Token::Part => {
                if let Some(operand) = &mut self.operand {
                    *operand = Operand {
                        end,
                        literal: false,
                        ..*operand
                    };
                }
            }
            Token::Open(byte) => self.opens(*byte),
            Token::Close => self.closes(end),
            Token::Comma => {
                let asks = self.asks();
                self.ends(asks);
                self.before = asks;
            }
            Token::Colon => {
                let asks = self.asks_before_colon();
                self.ends(asks);
                self.before = Demand::Nothing;
            }
            Token::Assigns => {
                // What stands before it is no value.
                self.operand = None;
                self.before = self.asks();
            }
            // In `f(*a)` and `-a` there is nothing before it, and what was asked is asked of `a`.
            Token::Multiplies | Token::Calculates if self.operand.is_none() => {}
            Token::Multiplies => self.operator(Demand::Single),
            // What comes out is a number.
            Token::Calculates => self.operator(Demand::Nothing),
        }
    }

    /// What is asked of each value that stands directly in the brackets.
    fn asks(&self) -> Demand {
        match self.brackets.last() {
            Some((Bracket::Arguments, _)) => Demand::Counted,
            _ => Demand::Nothing,
        }
    }

    /// The same of what a colon may follow: keys are compared.
    fn asks_before_colon(&self) -> Demand {
        match self.brackets.last() {
            Some((Bracket::Arguments | Bracket::Mapping, _)) => Demand::Counted,
            _ => Demand::Nothing,
        }
    }

    fn begins(&mut self, end: usize, literal: bool) {
        self.ends(Demand::Nothing);
        self.operand = Some(Operand {
            end,
            literal,
            before: std::mem::replace(&mut self.before, Demand::Nothing),
        });
    }

    /// The operand ends here, if there is one; what follows asks for `after`.
    fn ends(&mut self, after: Demand) {
        if let Some(operand) = self.operand.take() {
            let demand = operand.before.max(after);
            if demand > Demand::Nothing && !operand.literal {
                self.found.push((operand.end, demand));
            }
        }
    }

    fn operator(&mut self, demand: Demand) {
        self.ends(demand);
        self.before = demand;
    }

    fn opens(&mut self, byte: u8) {
        if byte != b'{'
            && let Some(operand) = self.operand.take()
        {
            self.brackets.push((Bracket::Arguments, operand));
            self.before = Demand::Counted;
            return;
        }
        self.begins(0, false);
        let kind = if byte == b'{' {
            Bracket::Mapping
        } else {
            Bracket::Group
        };
        self.brackets
            .extend(self.operand.take().map(|operand| (kind, operand)));
    }

    fn closes(&mut self, end: usize) {
        let asks = self.asks();
        self.ends(asks);
        self.before = Demand::Nothing;
        self.operand = self.brackets.pop().map(|(_, operand)| Operand {
            end,
            literal: false,
            ..operand
        });
    }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn operands_are_counted() {
        for (source, expected) in [
            ("{{ a ~ b }}", "{{ a|_counted ~ b|_counted }}"),
            (
                "{{ a.b[0](1) | f(2) ~ 'x' }}",
                "{{ a.b[0](1) | f(2)|_counted ~ 'x' }}",
            ),
            (
                "{{ -a == (b or c) }}",
                "{{ -a|_counted == (b or c)|_counted }}",
            ),
            (
                "{{ a * 2 }}{{ 2 * b }}",
                "{{ a|_single * 2 }}{{ 2 * b|_single }}",
            ),
            (
                "{{ a * b ~ c }}",
                "{{ a|_single * b|_single ~ c|_counted }}",
            ),
            ("{{ a - 1 }}", "{{ a - 1 }}"),
            (
                "{{ [a, b] != {c: d} }}",
                "{{ [a, b]|_counted != {c|_counted: d}|_counted }}",
            ),
            (
                "{{ a[b] }}{{ f(c, d=e) }}",
                "{{ a[b|_counted] }}{{ f(c|_counted, d=e|_counted) }}",
            ),
            (
                "{{ f(a if b else c) }}",
                "{{ f(a|_counted if b|_counted else c|_counted) }}",
            ),
            ("{{ f(*a, **b) }}", "{{ f(*a|_counted, **b|_counted) }}"),
            (
                "{%- if a not in b and not c is in d -%}",
                "{%- if a|_counted not in b|_counted and not c is in d -%}",
            ),
            (
                "{{ a ~ b is not none }}",
                "{{ a|_counted ~ b|_counted is not none }}",
            ),
            (
                "{% for a in b if a in c %}",
                "{% for a in b if a|_counted in c|_counted %}",
            ),
            (
                "{% for (a, b) in c ~ d %}",
                "{% for (a, b) in c|_counted ~ d|_counted %}",
            ),
            (
                "{% set a = b + c %}",
                "{% set a = b|_counted + c|_counted %}",
            ),
            (
                "{% set a, b = c < 2 <= d %}",
                "{% set a, b = c|_counted < 2 <= d|_counted %}",
            ),
            (
                "{% raw %}{{ a ~ b }}{% endraw %}{# {{ a ~ b }} #}",
                "{% raw %}{{ a ~ b }}{% endraw %}{# {{ a ~ b }} #}",
            ),
            ("a ~ b {{ 'a ~ b' ~ \"c\" }}", "a ~ b {{ 'a ~ b' ~ \"c\" }}"),
            (
                "{{ \u{e9} ~ '\u{e9}' }} ~",
                "{{ \u{e9}|_counted ~ '\u{e9}' }} ~",
            ),
            ("{{ a ~", "{{ a|_counted ~"),
        ] {
            assert_eq!(guarded(source), expected);
        }
    }
}
