//! Reads an expression by recursive descent; the grammar stands in [`super`].

use super::column::{COLUMNS, Column, ColumnKind, by_name};
use super::lexer::{Token, TokenKind, tokens};
use super::{Comparison, DEPTH_MAX, Expression, FilterError, Value, time};

pub(super) fn parse(text: &str) -> Result<Expression, FilterError> {
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0 };
    let expression = parser.any()?;
    match parser.peek() {
        TokenKind::End => Ok(expression),
        other => {
            let message = format!("expected `and`, `or` or the end, found {}", other.describe());
            Err(parser.error(message, "texts stand in quotes: task = 'lift_can'".to_owned()))
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &TokenKind {
        self.tokens.get(self.at).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn next(&mut self) -> TokenKind {
        let kind = self.peek().clone();
        self.at += 1;
        kind
    }

    fn error(&self, message: String, hint: String) -> FilterError {
        let position = self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |token| token.position);
        FilterError { text: self.text.to_owned(), position, message, hint }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), TokenKind::Word(found) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), TokenKind::Sign(found) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn needs_sign(&mut self, sign: &str) -> Result<(), FilterError> {
        if self.takes_sign(sign) {
            return Ok(());
        }
        let message = format!("expected `{sign}`, found {}", self.peek().describe());
        Err(self.error(message, "lists are written in ('a', 'b')".to_owned()))
    }

    fn any(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.all()?];
        while self.takes_word("or") {
            parts.push(self.all()?);
        }
        Ok(single(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.term()?];
        while self.takes_word("and") {
            parts.push(self.term()?);
        }
        Ok(single(parts, Expression::All))
    }

    fn term(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} parentheses and `not` inside each other");
            return Err(self.error(message, "lists of values are written in ('a', 'b')".to_owned()));
        }
        let term = if self.takes_word("not") {
            Expression::Not(Box::new(self.term()?))
        } else if self.takes_sign("(") {
            let inner = self.any()?;
            self.needs_sign(")")?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(term)
    }

    fn column(&mut self) -> Result<&'static Column, FilterError> {
        let found = self.peek().clone();
        let column = if let TokenKind::Word(word) = &found { by_name(word) } else { None };
        if let Some(column) = column {
            self.at += 1;
            return Ok(column);
        }
        let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        let message = format!("expected a column, found {}", found.describe());
        Err(self.error(message, format!("columns are {}", names.join(", "))))
    }

    fn test(&mut self) -> Result<Expression, FilterError> {
        let column = self.column()?;
        if self.takes_word("is") {
            let not = self.takes_word("not");
            if !self.takes_word("null") {
                let message = format!("expected `null`, found {}", self.peek().describe());
                return Err(self.error(message, "write `task is null` or `task is not null`".to_owned()));
            }
            return Ok(negated_if(not, Expression::Absent(column)));
        }
        let not = matches!(self.tokens.get(self.at + 1).map(|token| &token.kind),
            Some(TokenKind::Word(word)) if word.eq_ignore_ascii_case("in") || word.eq_ignore_ascii_case("contains"))
            && self.takes_word("not");
        if self.takes_word("in") {
            return Ok(negated_if(not, self.list(column)?));
        }
        if self.takes_word("contains") {
            return Ok(negated_if(not, self.contains(column)?));
        }
        self.comparison(column)
    }

    fn comparison(&mut self, column: &'static Column) -> Result<Expression, FilterError> {
        let comparison = match self.peek() {
            TokenKind::Sign("=") => Comparison::Equal,
            TokenKind::Sign("!=" | "<>") => Comparison::Different,
            TokenKind::Sign("<") => Comparison::Less,
            TokenKind::Sign("<=") => Comparison::LessOrEqual,
            TokenKind::Sign(">") => Comparison::Greater,
            TokenKind::Sign(">=") => Comparison::GreaterOrEqual,
            _ if column.kind == ColumnKind::Truth => return Ok(Expression::True(column)),
            other => {
                let message =
                    format!("expected a comparison after `{}`, found {}", column.name, other.describe());
                return Err(self.error(message, format!("write {} = …, or in (…)", column.name)));
            }
        };
        if column.kind == ColumnKind::Truth {
            return self.truth(column, comparison);
        }
        self.at += 1;
        Ok(Expression::Compare(column, comparison, self.value(column)?))
    }

    fn truth(&mut self, column: &'static Column, comparison: Comparison) -> Result<Expression, FilterError> {
        let wanted = match comparison {
            Comparison::Equal => true,
            Comparison::Different => false,
            _ => {
                let message = format!("`{}` is true or false and has no order", column.name);
                return Err(self.error(message, format!("write {0} or not {0}", column.name)));
            }
        };
        self.at += 1;
        let value = if self.takes_word("true") {
            true
        } else if self.takes_word("false") {
            false
        } else {
            let message = format!("expected true or false, found {}", self.peek().describe());
            return Err(self.error(message, format!("write {0} or not {0}", column.name)));
        };
        Ok(negated_if(value != wanted, Expression::True(column)))
    }

    fn list(&mut self, column: &'static Column) -> Result<Expression, FilterError> {
        self.needs_sign("(")?;
        let mut values = vec![self.value(column)?];
        while self.takes_sign(",") {
            values.push(self.value(column)?);
        }
        self.needs_sign(")")?;
        Ok(Expression::In(column, values))
    }

    fn contains(&mut self, column: &'static Column) -> Result<Expression, FilterError> {
        if !matches!(column.kind, ColumnKind::Text | ColumnKind::Word(_)) {
            let message = format!("`{}` is no text", column.name);
            return Err(self.error(message, "contains works on columns of text".to_owned()));
        }
        match self.next() {
            TokenKind::Text(part) => Ok(Expression::Contains(column, part)),
            other => {
                self.at -= 1;
                let message = format!("expected a text in quotes, found {}", other.describe());
                Err(self.error(message, format!("write {} contains 'part'", column.name)))
            }
        }
    }

    fn value(&mut self, column: &'static Column) -> Result<Value, FilterError> {
        let found = self.peek().clone();
        let value = match (&column.kind, &found) {
            (ColumnKind::Text, TokenKind::Text(text)) => Some(Value::Text(text.clone())),
            (ColumnKind::Word(words), TokenKind::Text(text)) if words.contains(&text.as_str()) => {
                Some(Value::Text(text.clone()))
            }
            (ColumnKind::Number { scale }, TokenKind::Number(number)) => {
                Some(Value::Number(number * f64::from(*scale)))
            }
            (ColumnKind::Time, TokenKind::Text(text)) => time::parse(text).map(Value::Time),
            _ => None,
        };
        if let Some(value) = value {
            self.at += 1;
            return Ok(value);
        }
        let (expected, hint) = expectation(column);
        let message = format!("expected {expected} for `{}`, found {}", column.name, found.describe());
        Err(self.error(message, hint))
    }
}

fn expectation(column: &Column) -> (&'static str, String) {
    match column.kind {
        ColumnKind::Text => ("a text in quotes", format!("write {} = 'text'", column.name)),
        ColumnKind::Word(words) => {
            ("one of its words in quotes", format!("it can be '{}'", words.join("', '")))
        }
        ColumnKind::Number { .. } => ("a number", format!("write {} > 5", column.name)),
        ColumnKind::Time => {
            ("a date in quotes", "write '2026-01-31' or '2026-01-31T08:00:00Z' (UTC)".to_owned())
        }
        ColumnKind::Truth => ("true or false", format!("write {0} or not {0}", column.name)),
    }
}

fn negated_if(not: bool, expression: Expression) -> Expression {
    if not { Expression::Not(Box::new(expression)) } else { expression }
}

fn single(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}
