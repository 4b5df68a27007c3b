use std::fmt;
use std::fmt::Write as _;
use std::io;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

/// The secret that gives access. Printed for debugging it does not show itself.
#[derive(Clone)]
pub struct Token(Box<str>);

impl Token {
    /// 256 bits of the operating system's randomness, in hexadecimal.
    ///
    /// # Errors
    ///
    /// When the operating system has none.
    pub fn random() -> io::Result<Self> {
        Ok(Self(random_hex()?.into()))
    }

    /// A token that somebody chose. `None` when it could not be sent in a header: it must be visible ASCII
    /// characters, and at least one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let legal = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        legal.then(|| Self(text.into()))
    }

    /// The secret itself, to hand to whoever shall have access.
    #[must_use]
    pub const fn reveal(&self) -> &str {
        &self.0
    }

    /// How many bits of randomness a text like this may have at most, judged by its length and the kinds of
    /// characters in it. A text of few different characters has none.
    #[must_use]
    pub fn max_bits(&self) -> usize {
        let text = self.0.as_bytes();
        let mut distinct = text.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < FEW_CHARACTERS {
            return 0;
        }
        // In tenths of a bit per character.
        let per_char = if text.iter().all(u8::is_ascii_digit) {
            33
        } else if text.iter().all(u8::is_ascii_hexdigit) {
            40
        } else {
            60
        };
        text.len() * per_char / 10
    }

    /// Whether `given` is the token, in a time that tells nothing but its length.
    pub(crate) fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The token of the header `Authorization: Bearer …`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (given.next(), given.next()) else { return None };
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// 256 random bits in hexadecimal.
pub(super) fn random_hex() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to text cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

/// A text with fewer different characters was not made at random.
const FEW_CHARACTERS: usize = 8;
