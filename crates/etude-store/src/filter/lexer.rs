//! Cuts an expression into words, values and signs.

use super::{FilterError, LENGTH_MAX};

/// A piece of an expression and where it begins, in characters from 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) position: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Word(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
    End,
}

impl TokenKind {
    /// The piece as a message names it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Text(text) => format!("the text '{text}'"),
            Self::Number(number) => format!("the number {number}"),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

const SIGNS: [&str; 10] = ["<=", ">=", "!=", "<>", "=", "<", ">", "(", ")", ","];

/// Cuts the whole expression; the last token is [`TokenKind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let characters: Vec<char> = text.chars().collect();
    let error = |position, message: String, hint: &str| FilterError {
        text: text.to_owned(),
        position,
        message,
        hint: hint.to_owned(),
    };
    if characters.len() > LENGTH_MAX {
        let message =
            format!("the expression has {} characters, at most {LENGTH_MAX} are read", characters.len());
        return Err(error(0, message, "list long choices with `in (…)` or make a smaller release"));
    }
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(&first) = characters.get(position) {
        let rest = characters.get(position..).unwrap_or_default();
        let start = position;
        let kind = if first.is_whitespace() {
            position += 1;
            continue;
        } else if first == '\'' || first == '"' {
            let (value, length) = quoted(rest).ok_or_else(|| {
                error(
                    start,
                    "a text without its closing quote".to_owned(),
                    "close it; a quote inside is written twice",
                )
            })?;
            position += length;
            TokenKind::Text(value)
        } else if first.is_ascii_digit() || (first == '-' && rest.get(1).is_some_and(char::is_ascii_digit)) {
            let word: String = rest.iter().take_while(|c| is_number_part(**c)).collect();
            position += word.chars().count();
            let number = word.parse().ok().filter(|number: &f64| number.is_finite());
            TokenKind::Number(number.ok_or_else(|| {
                error(start, format!("`{word}` is no number"), "texts such as dates stand in quotes")
            })?)
        } else if first.is_alphabetic() || first == '_' {
            let word: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
            position += word.chars().count();
            TokenKind::Word(word)
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| starts_with(rest, sign)) {
            position += sign.len();
            TokenKind::Sign(sign)
        } else {
            let hint = "comparisons are = != < <= > >=, connections are and, or, not";
            return Err(error(start, format!("`{}` means nothing", first.escape_default()), hint));
        };
        found.push(Token { kind, position: start });
    }
    found.push(Token { kind: TokenKind::End, position: characters.len() });
    Ok(found)
}

fn is_number_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+')
}

fn starts_with(rest: &[char], sign: &str) -> bool {
    sign.chars().enumerate().all(|(at, c)| rest.get(at) == Some(&c))
}

/// A text in quotes at the beginning: its content and its length with the quotes.
fn quoted(rest: &[char]) -> Option<(String, usize)> {
    let quote = *rest.first()?;
    let mut content = String::new();
    let mut at = 1;
    loop {
        let c = *rest.get(at)?;
        if c != quote {
            content.push(c);
            at += 1;
        } else if rest.get(at + 1) == Some(&quote) {
            content.push(quote);
            at += 2;
        } else {
            return Some((content, at + 1));
        }
    }
}
