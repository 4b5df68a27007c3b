//! What agents say, made harmless for a terminal.
//!
//! A terminal takes control characters as orders: it would move the cursor over what was printed, rename its window or
//! answer into the shell. So none of them gets there, nor the characters that turn the order of a line around. Off a
//! terminal text is data and stays as it is.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Cleans a text that comes in pieces.
#[derive(Debug)]
pub(crate) struct Cleaner {
    is_terminal: bool,
    /// The piece before ended with a carriage return that may be half of a line break.
    after_return: bool,
}

impl Cleaner {
    pub(crate) const fn new(is_terminal: bool) -> Self {
        Self { is_terminal, after_return: false }
    }

    /// The next piece, with line breaks and tabs. A carriage return alone is a line break, too: programs that draw
    /// over their own line must not draw over ours.
    pub(crate) fn clean(&mut self, piece: &str) -> String {
        if !self.is_terminal {
            return piece.to_owned();
        }
        let mut clean = String::with_capacity(piece.len());
        for c in piece.chars() {
            let completes_break = std::mem::replace(&mut self.after_return, c == '\r') && c == '\n';
            match c {
                '\n' if completes_break => {}
                '\n' | '\r' => clean.push('\n'),
                '\t' => clean.push('\t'),
                c => push(&mut clean, c),
            }
        }
        clean
    }
}

/// A text on one line: what would break the line, or move within it, is a space. The rest is made harmless for a
/// terminal, if it goes to one.
pub(crate) fn line(text: &str, is_terminal: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push(' '),
            c if is_terminal => push(&mut clean, c),
            c => clean.push(c),
        }
    }
    clean
}

/// A JSON text, harmless for a terminal and the same JSON: it has control characters in strings alone, where they have
/// another form.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_order(c) && c != '\n') {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_order(c) && c != '\n' {
            // Writing to a string cannot fail.
            let _ = write!(clean, "\\u{:04x}", u32::from(c));
        } else {
            clean.push(c);
        }
    }
    clean.into()
}

fn push(clean: &mut String, c: char) {
    match c {
        c if !is_order(c) => clean.push(c),
        '\u{7f}' => clean.push_str("^?"),
        '\0'..='\u{1f}' => {
            clean.push('^');
            clean.push(char::from((c as u8) ^ 0x40));
        }
        c => {
            // Writing to a string cannot fail.
            let _ = write!(clean, "<U+{:04X}>", u32::from(c));
        }
    }
}

/// Whether a terminal obeys it rather than shows it.
fn is_order(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_order_reaches_a_terminal() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        for clean in [Cleaner::new(true).clean(&all), line(&all, true), json(&all).into_owned()] {
            assert!(!clean.chars().any(|c| is_order(c) && c != '\n' && c != '\t'));
        }
        assert_eq!(Cleaner::new(true).clean("\u{1b}[31mred\u{9b}2J\u{7f}"), "^[[31mred<U+009B>2J^?");
        assert_eq!(line("one\r\ntwo\tthree\u{1b}\n", true), "one  two three^[");
    }

    #[test]
    fn off_a_terminal_text_is_data() {
        let raw = "\u{1b}[31mred\r\n\u{0}";
        assert_eq!(Cleaner::new(false).clean(raw), raw);
        assert_eq!(line("a\tb\u{1b}\n", false), "a b\u{1b}");
    }

    #[test]
    fn a_line_break_that_comes_in_two_pieces_is_one() {
        let mut cleaner = Cleaner::new(true);
        let clean: String = ["a\r", "\nb\r", "c\n", "\nd"].iter().map(|piece| cleaner.clean(piece)).collect();
        assert_eq!(clean, "a\nb\nc\n\nd");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"text": "\u{1b}[1m \u{9b} \u{202e} \u{7f} 任务"});
        let clean = json(&value.to_string()).into_owned();
        assert!(!clean.contains(['\u{9b}', '\u{202e}', '\u{7f}']));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&clean).expect("JSON"), value);
    }
}
