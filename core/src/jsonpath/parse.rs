//! Reads the text form of a path.

use super::{Comparison, JsonPath, JsonPathError, Operand, Step};
use crate::value::Value;

/// Longer than any path that means something; bounds the work that one can cause.
pub const PATH_MAX_BYTES: usize = 8 * 1024;

/// How deep filters may nest.
const DEPTH_MAX: usize = 16;

type Result<T> = std::result::Result<T, JsonPathError>;

pub(super) fn path(text: &str) -> Result<JsonPath> {
    if text.len() > PATH_MAX_BYTES {
        return Err(JsonPathError::Syntax("path is too long"));
    }
    let text = text.strip_prefix(['$', '@']).unwrap_or(text);
    let mut parser = Parser { rest: text, depth: 0 };
    let steps = parser.steps()?;
    if !parser.rest.is_empty() {
        return Err(JsonPathError::Syntax("unrecognized character in path"));
    }
    Ok(JsonPath { steps })
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl Parser<'_> {
    fn eat(&mut self, token: &str) -> bool {
        self.rest.strip_prefix(token).inspect(|rest| self.rest = rest).is_some()
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Steps up to something that belongs to none.
    fn steps(&mut self) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        loop {
            if self.eat("..") {
                steps.push(Step::Recursive);
                if !self.rest.starts_with('[') {
                    steps.push(self.field()?);
                }
            } else if self.rest.starts_with(".[") || self.rest == "." {
                self.rest = &self.rest[1..];
            } else if self.eat(".") {
                steps.push(self.field()?);
            } else if self.eat("[") {
                steps.push(self.bracket()?);
            } else {
                return Ok(steps);
            }
        }
    }

    fn field(&mut self) -> Result<Step> {
        let mut name = String::new();
        let mut letters = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => name.extend(letters.next().map(|(_, escaped)| escaped)),
                '.' | '[' | ']' | ')' | ' ' | '=' | '!' | '<' | '>' | ',' => {
                    end = at;
                    break;
                }
                _ => name.push(letter),
            }
        }
        self.rest = &self.rest[end..];
        match name.as_str() {
            "" => Err(JsonPathError::Syntax("a field needs a name")),
            "*" => Ok(Step::Wildcard),
            _ => Ok(Step::Field(name.into())),
        }
    }

    /// After `[`.
    fn bracket(&mut self) -> Result<Step> {
        self.skip_spaces();
        if self.eat("?(") {
            return self.filter();
        }
        let mut parts = vec![self.part()?];
        while self.eat(",") {
            parts.push(self.part()?);
        }
        self.expect("]")?;
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        Ok(Step::Union(parts.into_iter().map(|step| JsonPath { steps: vec![step] }).collect()))
    }

    fn part(&mut self) -> Result<Step> {
        self.skip_spaces();
        let step = if self.rest.starts_with(['\'', '"']) {
            Step::Field(self.quoted()?.into())
        } else if self.eat("*") {
            Step::Wildcard
        } else {
            self.slice()?
        };
        self.skip_spaces();
        Ok(step)
    }

    fn slice(&mut self) -> Result<Step> {
        let end = self.rest.find([']', ',']).ok_or(JsonPathError::Syntax("unterminated array"))?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let number = |text: &str| match text.trim() {
            "" => Ok(None),
            text => {
                text.parse().map(Some).map_err(|_| JsonPathError::Syntax("invalid array index"))
            }
        };
        let mut numbers = text.split(':');
        let start = number(numbers.next().unwrap_or_default())?;
        let Some(second) = numbers.next() else {
            let start = Some(start.ok_or(JsonPathError::Syntax("invalid array index"))?);
            return Ok(Step::Slice { start, end: None, step: 1, index: true });
        };
        let (end, step) = (number(second)?, number(numbers.next().unwrap_or_default())?);
        let step = step.unwrap_or(1);
        if step < 1 || numbers.next().is_some() {
            return Err(JsonPathError::Syntax("step must be > 0"));
        }
        Ok(Step::Slice { start, end, step, index: false })
    }

    /// After `[?(`.
    fn filter(&mut self) -> Result<Step> {
        const OPERATORS: [(&str, Comparison); 6] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(JsonPathError::Syntax("filters are nested too deep"));
        }
        let left = self.operand()?;
        let found = OPERATORS.iter().find(|(text, _)| self.rest.starts_with(text));
        let (comparison, right) = match found {
            Some((text, comparison)) => {
                self.rest = &self.rest[text.len()..];
                (*comparison, self.operand()?)
            }
            None => (Comparison::Exists, Operand::None),
        };
        self.expect(")")?;
        self.expect("]")?;
        self.depth -= 1;
        Ok(Step::Filter(left, comparison, right))
    }

    fn operand(&mut self) -> Result<Operand> {
        self.skip_spaces();
        let operand = if self.rest.starts_with(['\'', '"']) {
            Operand::Literal(Value::from(self.quoted()?))
        } else if self.eat("@") || self.rest.starts_with(['.', '[']) {
            Operand::Path(JsonPath { steps: self.steps()? })
        } else {
            let end = self.rest.find([')', '=', '!', '<', '>', ' ']).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            let literal: Value = serde_json::from_str(word)
                .map_err(|_| JsonPathError::Syntax("unrecognized literal in filter"))?;
            Operand::Literal(literal)
        };
        self.skip_spaces();
        Ok(operand)
    }

    fn quoted(&mut self) -> Result<String> {
        let mut letters = self.rest.char_indices();
        let quote = letters.next().map(|(_, quote)| quote);
        let mut text = String::new();
        while let Some((at, letter)) = letters.next() {
            if Some(letter) == quote {
                self.rest = &self.rest[at + 1..];
                return Ok(text);
            }
            match letter {
                '\\' => text.extend(letters.next().map(|(_, escaped)| escaped)),
                _ => text.push(letter),
            }
        }
        Err(JsonPathError::Syntax("unterminated quoted string"))
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        self.skip_spaces();
        if self.eat(token) { Ok(()) } else { Err(JsonPathError::Syntax("unterminated array")) }
    }
}
