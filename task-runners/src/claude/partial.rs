use serde_json::Value;

/// What the beginning of a JSON text says so far: strings and brackets that are open are closed, what cannot be
/// completed is left out. `None` when nothing is to be seen yet.
pub(super) fn complete(text: &str) -> Option<Value> {
    let mut closers = Vec::new();
    // Where a string began that is open, and where the last escape in it did.
    let mut string = None;
    let mut escape = None;
    // Up to here everything is whole, and what has to be closed there.
    let mut whole: Option<(usize, Vec<char>)> = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match (string, character) {
            (Some(_), '\\') => {
                escape = Some(at);
                characters.next();
            }
            (Some(_), '"') => string = None,
            (Some(_), _) => {}
            (None, '"') => (string, escape) = (Some(at), None),
            (None, '{' | '[') => {
                closers.push(if character == '{' { '}' } else { ']' });
                whole = Some((at + 1, closers.clone()));
            }
            (None, '}' | ']') => {
                closers.pop();
                whole = Some((at + 1, closers.clone()));
            }
            (None, ',') => whole = Some((at, closers.clone())),
            (None, _) => {}
        }
    }
    if string.is_some() {
        // An escape may be cut in the middle.
        let ends = [Some(text.len()), escape];
        let mut closed =
            ends.into_iter().flatten().map(|end| close(&format!("{}\"", &text[..end]), &closers));
        if let Some(value) = closed.find_map(|value| value) {
            return Some(value);
        }
    } else if let Some(value) = close(text, &closers) {
        return Some(value);
    }
    let (end, closers) = whole?;
    close(&text[..end], &closers)
}

fn close(text: &str, closers: &[char]) -> Option<Value> {
    let closed: String = text.chars().chain(closers.iter().rev().copied()).collect();
    serde_json::from_str(&closed).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_is_there_is_seen() {
        for (text, expected) in [
            (r#"{"command": "echo o"#, json!({ "command": "echo o" })),
            (r#"{"command": "echo one""#, json!({ "command": "echo one" })),
            (r#"{"command": "echo one", "desc"#, json!({ "command": "echo one" })),
            (r#"{"command": "echo one", "timeout": 12"#, json!({ "command": "echo one", "timeout": 12 })),
            (r#"{"a": [1, {"b": "x\n"#, json!({ "a": [1, { "b": "x\n" }] })),
            (r#"{"a": "x\"#, json!({ "a": "x" })),
            (r#"{"a": "x\u00"#, json!({ "a": "x" })),
            (r#"{"a": true, "b": fal"#, json!({ "a": true })),
            (r#"{"a": "}]\"" , "#, json!({ "a": "}]\"" })),
            ("{", json!({})),
        ] {
            assert_eq!(complete(text), Some(expected), "{text}");
        }
        assert_eq!(complete(""), None);
        assert_eq!(complete("}"), None);
    }

    #[test]
    fn every_beginning_of_an_object_is_one() {
        let text =
            r#"{"file": "/srv/ж\u00e9\ud83e\udd80.txt", "n": [1, -2.5e3, null, {"x": []}], "last": false}"#;
        for end in (1..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            assert!(complete(&text[..end]).is_some_and(|value| value.is_object()), "{}", &text[..end]);
        }
        assert_eq!(complete(text), serde_json::from_str(text).ok());
    }
}
