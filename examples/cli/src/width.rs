//! How much room a text takes on a terminal.

use unicode_width::UnicodeWidthChar;

/// Columns that a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// As much of a line as fits in so many columns, with an ellipsis for the rest.
pub(crate) fn cut(line: &str, width: usize) -> String {
    if columns(line) <= width {
        return line.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 0;
    for c in line.chars() {
        taken += c.width().unwrap_or(0);
        // A column is left for the ellipsis.
        if taken >= width {
            break;
        }
        kept.push(c);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// Where a cursor at `column` stands after this text, on an endless line.
pub(crate) fn column_after(column: usize, text: &str) -> usize {
    let (column, last) = text.rsplit_once('\n').map_or((column, text), |(_, last)| (0, last));
    last.chars().fold(column, |column, c| match c {
        '\t' => (column / 8 + 1) * 8,
        c => column + c.width().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_fits() {
        assert_eq!(cut("任务管理", 8), "任务管理");
        assert_eq!(cut("任务管理", 7), "任务管…");
        assert_eq!(cut("任务管理", 6), "任务…");
        assert_eq!(cut("abc", 0), "");
        for width in 0..12 {
            assert!(columns(&cut("a任b务c管d理", width)) <= width, "{width}");
        }
    }

    #[test]
    fn a_cursor_is_followed_over_tabs_and_lines() {
        assert_eq!(column_after(3, "ab"), 5);
        assert_eq!(column_after(3, "\t"), 8);
        assert_eq!(column_after(3, "x\n任"), 2);
        assert_eq!(column_after(3, "x\n"), 0);
    }
}
