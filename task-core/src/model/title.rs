use super::content::Content;

/// The title of a task that was not given one: the beginning of its first message, on one line, cut at
/// [`MAX_CHARS`] characters, on a word where there is one.
pub(crate) fn from_message(content: &[Content]) -> String {
    let words = content.iter().filter_map(Content::as_text).flat_map(str::split_whitespace);
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !c.is_control()));
        if line.chars().count() > MAX_CHARS {
            return cut(&line);
        }
    }
    if line.is_empty() { "Untitled task".to_owned() } else { line }
}

/// The beginning of a line that is too long, and an ellipsis: up to the last whole word when that keeps half of what
/// there is room for, otherwise within a word, but never between a character and what belongs to it.
fn cut(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let room = MAX_CHARS - 1;
    let on_a_word = chars[..=room].iter().rposition(|c| *c == ' ').filter(|end| *end >= MAX_CHARS / 2);
    let end = on_a_word.unwrap_or_else(|| {
        let mut end = room;
        while end > 1 && (is_joined(chars[end]) || chars[end - 1] == ZERO_WIDTH_JOINER) {
            end -= 1;
        }
        end
    });
    let kept: String = chars[..end].iter().collect();
    format!("{}…", kept.trim_end())
}

/// Whether the character belongs to the one before it: accents, variation selectors, skin tones, joiners.
const fn is_joined(c: char) -> bool {
    matches!(
        c,
        '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{1F3FB}'..='\u{1F3FF}' | ZERO_WIDTH_JOINER
    )
}

const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// Characters of a title that was made from a message.
const MAX_CHARS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn title(text: &str) -> String {
        from_message(&[Content::text(text)])
    }

    #[test]
    fn a_short_message_is_the_title() {
        assert_eq!(title("  fix\nthe\t build  "), "fix the build");
    }

    #[test]
    fn a_long_message_is_cut_on_a_word() {
        let cut = title(&"lorem ipsum dolor sit amet ".repeat(10));
        assert!(cut.chars().count() <= 80, "{cut}");
        assert!(cut.ends_with("amet…") || cut.ends_with("sit…") || cut.ends_with("ipsum…"), "{cut}");
    }

    #[test]
    fn text_without_spaces_is_cut_between_characters() {
        let cut = title(&"任务".repeat(100));
        assert_eq!(cut.chars().count(), 80);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn what_belongs_together_stays_together() {
        let family = "👩\u{200D}👩\u{200D}👧";
        for before in 60..80 {
            let cut = title(&format!("{}{}", "x".repeat(before), family.repeat(10)));
            assert!(cut.chars().count() <= 80);
            assert!(!cut.contains("\u{200D}…"), "{cut:?}");
        }
    }

    #[test]
    fn a_message_without_text_has_a_title_too() {
        assert_eq!(from_message(&[]), "Untitled task");
    }

    #[test]
    fn what_just_fits_is_not_cut() {
        let fits = format!("{} {}", "x".repeat(40), "y".repeat(MAX_CHARS - 41));
        assert_eq!(title(&fits), fits);
        assert!(title(&format!("{fits}z")).ends_with('…'));
    }

    #[test]
    fn a_word_early_in_the_line_is_not_where_a_long_one_is_cut() {
        let words = format!("a {}", "x".repeat(200));
        assert_eq!(title(&words), format!("a {}…", "x".repeat(MAX_CHARS - 3)));
    }

    #[test]
    fn an_accent_stays_with_its_letter() {
        for before in 0..3 {
            let cut = title(&format!("{}{}", "x".repeat(before), "e\u{301}".repeat(200)));
            assert!(cut.ends_with("e\u{301}…") || cut.ends_with("x…"), "{cut}");
        }
    }
}
