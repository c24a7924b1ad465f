//! Just enough of Rust's grammar to count lines: comments, strings, braces and `fn`.

/// A function that has a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Where its `fn` is, counted from 1.
    pub(crate) line: usize,
    /// From its `fn` to its closing brace.
    pub(crate) lines: usize,
}

/// The number of lines before `#[cfg(test)] mod tests`, or of all lines where there is none.
pub(crate) fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let opens = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
    lines.windows(2).position(opens).unwrap_or(lines.len())
}

/// All functions with a body, in the order of their `fn`; what is nested counts for the outer one too.
pub(crate) fn functions(text: &str) -> Vec<Function> {
    let code = code_only(text);
    let mut found = Vec::new();
    for at in words(&code, "fn") {
        let name: String =
            code[at + 2..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // Without a name it is a pointer type; without a body it is a declaration.
        if let (false, Some(end)) = (name.is_empty(), end_of_body(&code, at)) {
            let line = 1 + count_lines(&code[..at]);
            found.push(Function { name, line, lines: 1 + count_lines(&code[at..end]) });
        }
    }
    found
}

/// The places of a whole word.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| !code[..at].ends_with(part) && !code[at + word.len()..].starts_with(part))
}

/// The place of the brace that closes the function's body, or `None` where it ends without one.
fn end_of_body(code: &str, start: usize) -> Option<usize> {
    let (mut round, mut curly) = (0_usize, 0_usize);
    for (offset, character) in code[start..].char_indices() {
        match character {
            '(' | '[' => round += 1,
            ')' | ']' => round = round.saturating_sub(1),
            '{' if round == 0 || curly > 0 => curly += 1,
            '}' if curly > 0 => {
                curly -= 1;
                if curly == 0 {
                    return Some(start + offset);
                }
            }
            ';' if round == 0 && curly == 0 => return None,
            _ => {}
        }
    }
    None
}

fn count_lines(code: &str) -> usize {
    code.matches('\n').count()
}

/// The text with comments, strings and character literals blanked; every line keeps its place.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let skipped = not_code(rest, code.chars().next_back());
        if skipped == 0 {
            let character = rest.chars().next().expect("the rest is not empty");
            code.push(character);
            rest = &rest[character.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[skipped..];
        }
    }
    code
}

/// The length of the comment or literal that begins here, in bytes; 0 for code.
fn not_code(rest: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment(rest)
    } else if rest.starts_with('"') {
        escaped(rest, '"')
    } else if !in_word && let Some(hashes) = raw_string_opens(rest) {
        raw_string(rest, hashes)
    } else if rest.starts_with('\'') && is_character(rest) {
        escaped(rest, '\'')
    } else {
        0
    }
}

/// Comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// A literal that ends with its quote, unless a backslash stands before it.
fn escaped(rest: &str, quote: char) -> usize {
    let mut after_backslash = false;
    for (at, character) in rest.char_indices().skip(1) {
        if after_backslash {
            after_backslash = false;
        } else if character == '\\' {
            after_backslash = true;
        } else if character == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// The number of hashes where `r"`, `r#"`, `br"` and the like begin.
fn raw_string_opens(rest: &str) -> Option<usize> {
    let rest = rest.strip_prefix(['b', 'c']).unwrap_or(rest).strip_prefix('r')?;
    let hashes = rest.chars().take_while(|&c| c == '#').count();
    rest[hashes..].starts_with('"').then_some(hashes)
}

fn raw_string(rest: &str, hashes: usize) -> usize {
    let closes = format!("\"{}", "#".repeat(hashes));
    let opened = rest.find('"').map_or(rest.len(), |at| at + 1);
    rest[opened..].find(&closes).map_or(rest.len(), |at| opened + at + closes.len())
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn is_character(rest: &str) -> bool {
    let mut characters = rest.chars().skip(1);
    match characters.next() {
        Some('\\') => true,
        Some(_) => characters.next() == Some('\''),
        None => false,
    }
}

#[test]
fn functions_are_measured_through_strings_comments_and_nesting() {
    let text = r##"
/// fn not_me() {
trait T { fn declared(&self) -> [u8; 4]; }
fn one<'a>(f: fn(u8) -> u8, x: &'a str) -> char { let _ = "}{"; '{' }
fn outer() {
    /* } /* } */ } */
    let _ = r#"fn quoted() { "#;
    fn inner() {
    }
}
"##;
    let of = |name: &str, line, lines| Function { name: name.to_owned(), line, lines };
    assert_eq!(functions(text), [of("one", 4, 1), of("outer", 5, 6), of("inner", 8, 2)]);
}

#[test]
fn unit_tests_do_not_count() {
    assert_eq!(lines_before_tests("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
    assert_eq!(lines_before_tests("a\n#[cfg(test)]\nuse b;\n"), 3);
}
