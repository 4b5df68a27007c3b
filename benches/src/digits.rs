//! Numbers as tables show them.

/// Three digits that mean something, thousands apart.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    if size >= 1000.0 {
        let digits = format!("{value:.0}");
        let split = digits.len() % 3;
        let mut text = digits[..split].to_owned();
        for group in digits.as_bytes()[split..].chunks(3) {
            if !text.is_empty() && text != "-" {
                text.push(',');
            }
            text.push_str(&String::from_utf8_lossy(group));
        }
        return text;
    }
    if size >= 100.0 || value == value.trunc() {
        return format!("{value:.0}");
    }
    if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let numbers = [0.0, 0.12345, 1.2345, 12.345, 123.45, 1234.5, 1_234_567.0, f64::NAN].map(number);
        assert_eq!(numbers, ["0", "0.123", "1.23", "12.3", "123", "1,234", "1,234,567", "–"]);
    }
}
