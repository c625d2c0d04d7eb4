//! Reads selectors.

use super::{
    FieldRequirement, FieldSelector, LabelSelector, Operator, REQUIREMENTS_MAX, Requirement,
    SELECTOR_MAX_BYTES,
};
use crate::names::{label_key, label_value};

/// A text that is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    #[error("found '{found}', expected: {expected}")]
    Unexpected { found: String, expected: &'static str },
    #[error("<nil>: Invalid value: {value:?}: {message}")]
    Invalid { value: String, message: String },
    #[error("invalid selector: {text:?}; can't understand {term:?}")]
    Field { text: String, term: String },
    #[error("{operator:?} is not a valid label selector operator")]
    Operator { operator: String },
    #[error("invalid selector: longer than {SELECTOR_MAX_BYTES} bytes")]
    TooLong,
    #[error("invalid selector: more than {REQUIREMENTS_MAX} requirements")]
    TooMany,
}

pub(super) fn labels(text: &str) -> Result<LabelSelector, SelectorError> {
    if text.len() > SELECTOR_MAX_BYTES {
        return Err(SelectorError::TooLong);
    }
    let mut tokens = Tokens { rest: text };
    let mut requirements = Vec::new();
    if tokens.peek() == Token::End {
        return Ok(LabelSelector { requirements });
    }
    loop {
        if requirements.len() == REQUIREMENTS_MAX {
            return Err(SelectorError::TooMany);
        }
        requirements.push(requirement(&mut tokens)?);
        match tokens.next() {
            Token::End => return Ok(LabelSelector { requirements }),
            Token::Symbol(",") => {}
            other => return Err(unexpected(other, "',' or 'end of string'")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    End,
    /// An operator, a comma or a parenthesis.
    Symbol(&'t str),
    Word(&'t str),
}

struct Tokens<'t> {
    rest: &'t str,
}

const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", ",", "(", ")", ">", "<"];

impl<'t> Tokens<'t> {
    fn next(&mut self) -> Token<'t> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if self.rest.is_empty() {
            return Token::End;
        }
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| self.rest.starts_with(**symbol)) {
            let (symbol, rest) = self.rest.split_at(symbol.len());
            self.rest = rest;
            return Token::Symbol(symbol);
        }
        let end = self.rest.find([' ', '\t', '\r', '\n', '=', '!', ',', '(', ')', '>', '<']);
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Token::Word(word)
    }

    fn peek(&self) -> Token<'t> {
        Self { rest: self.rest }.next()
    }
}

fn unexpected(found: Token<'_>, expected: &'static str) -> SelectorError {
    let found = match found {
        Token::End => "",
        Token::Symbol(text) | Token::Word(text) => text,
    };
    SelectorError::Unexpected { found: found.to_owned(), expected }
}

fn requirement(tokens: &mut Tokens<'_>) -> Result<Requirement, SelectorError> {
    if tokens.peek() == Token::Symbol("!") {
        tokens.next();
        let key = key(tokens.next())?;
        return Ok(Requirement { key, operator: Operator::DoesNotExist });
    }
    let key = key(tokens.next())?;
    let operator = match tokens.peek() {
        Token::End | Token::Symbol(",") => {
            return Ok(Requirement { key, operator: Operator::Exists });
        }
        _ => tokens.next(),
    };
    let operator = match operator {
        Token::Symbol("=" | "==") => Operator::In(vec![single(tokens)?]),
        Token::Symbol("!=") => Operator::NotIn(vec![single(tokens)?]),
        Token::Symbol(">") => Operator::GreaterThan(number(tokens.next())?),
        Token::Symbol("<") => Operator::LessThan(number(tokens.next())?),
        Token::Word("in") => Operator::In(set(tokens)?),
        Token::Word("notin") => Operator::NotIn(set(tokens)?),
        other => return Err(unexpected(other, "in, notin, =, ==, !=, gt, lt")),
    };
    Ok(Requirement { key, operator })
}

fn key(token: Token<'_>) -> Result<String, SelectorError> {
    let Token::Word(word) = token else { return Err(unexpected(token, "identifier")) };
    checked(word, &label_key(word))
}

fn checked(word: &str, messages: &[String]) -> Result<String, SelectorError> {
    if messages.is_empty() {
        return Ok(word.to_owned());
    }
    Err(SelectorError::Invalid { value: word.to_owned(), message: messages.join("; ") })
}

/// The value behind `=`: what follows up to the comma, perhaps nothing.
fn single(tokens: &mut Tokens<'_>) -> Result<String, SelectorError> {
    match tokens.peek() {
        Token::End | Token::Symbol(",") => Ok(String::new()),
        _ => match tokens.next() {
            Token::Word(word) => checked(word, &label_value(word)),
            other => Err(unexpected(other, "identifier")),
        },
    }
}

fn number(token: Token<'_>) -> Result<i64, SelectorError> {
    let Token::Word(word) = token else { return Err(unexpected(token, "identifier")) };
    word.parse().map_err(|_| SelectorError::Invalid {
        value: word.to_owned(),
        message: "for 'Gt', 'Lt' operators, the value must be an integer".into(),
    })
}

/// `(a, b)`; an empty place stands for the empty value.
fn set(tokens: &mut Tokens<'_>) -> Result<Vec<String>, SelectorError> {
    match tokens.next() {
        Token::Symbol("(") => {}
        other => return Err(unexpected(other, "'('")),
    }
    let mut values = Vec::new();
    loop {
        match tokens.next() {
            Token::Symbol(")") => {
                values.push(String::new());
                break;
            }
            Token::Symbol(",") => values.push(String::new()),
            Token::Word(word) => {
                values.push(checked(word, &label_value(word))?);
                match tokens.next() {
                    Token::Symbol(",") => {}
                    Token::Symbol(")") => break,
                    other => return Err(unexpected(other, "',' or ')'")),
                }
            }
            other => return Err(unexpected(other, "',', ')' or identifier")),
        }
    }
    values.sort_unstable();
    values.dedup();
    Ok(values)
}

pub(super) fn fields(text: &str) -> Result<FieldSelector, SelectorError> {
    if text.len() > SELECTOR_MAX_BYTES {
        return Err(SelectorError::TooLong);
    }
    let mut requirements = Vec::new();
    for term in split_terms(text).into_iter().filter(|term| !term.is_empty()) {
        if requirements.len() == REQUIREMENTS_MAX {
            return Err(SelectorError::TooMany);
        }
        let malformed = || SelectorError::Field { text: text.to_owned(), term: term.to_owned() };
        let at = term.find(['=', '!']).ok_or_else(malformed)?;
        let (field, rest) = term.split_at(at);
        let (negated, value) = if let Some(value) = rest.strip_prefix("!=") {
            (true, value)
        } else if let Some(value) = rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
            (false, value)
        } else {
            return Err(malformed());
        };
        let value = unescape(value).ok_or_else(malformed)?;
        requirements.push(FieldRequirement { field: field.to_owned(), value, negated });
    }
    Ok(FieldSelector { requirements })
}

/// Splits at commas that no backslash escapes.
fn split_terms(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\\' if !escaped => escaped = true,
            b',' if !escaped => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => escaped = false,
        }
    }
    terms.push(&text[start..]);
    terms
}

/// Takes the backslashes out; only `\\`, `\,` and `\=` are escapes.
fn unescape(value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(|next| matches!(next, '\\' | ',' | '='))?),
            ',' | '=' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}
