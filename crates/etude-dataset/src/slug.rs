//! Words as ids.

/// A task's words as an id: lower-case letters and digits with `_` between, at most 64 characters.
pub(crate) fn slug(text: &str) -> Option<String> {
    let mut id = String::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if !id.is_empty() {
            id.push('_');
        }
        id.extend(word.chars().flat_map(char::to_lowercase));
    }
    let id: String = id.chars().take(64).collect();
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn words_become_ids() {
        assert_eq!(slug("Pick up the yellow bottle.").as_deref(), Some("pick_up_the_yellow_bottle"));
        assert_eq!(slug("拿 起").as_deref(), Some("拿_起"));
        assert_eq!(slug(" … "), None);
    }
}
