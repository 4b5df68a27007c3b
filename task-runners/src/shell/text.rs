/// Bytes to text, piece by piece: a character whose bytes come in two pieces is whole, bytes that are no text become
/// `U+FFFD`, as one piece would give it.
#[derive(Debug, Default)]
pub(super) struct TextDecoder {
    /// The beginning of a character.
    begun: Vec<u8>,
}

impl TextDecoder {
    /// Appends what `bytes` say to `text`.
    pub(super) fn push(&mut self, bytes: &[u8], text: &mut String) {
        let joined;
        let mut rest = bytes;
        if !self.begun.is_empty() {
            self.begun.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.begun);
            rest = &joined;
        }
        for chunk in rest.utf8_chunks() {
            text.push_str(chunk.valid());
            rest = &rest[chunk.valid().len() + chunk.invalid().len()..];
            if chunk.invalid().is_empty() {
                continue;
            }
            let is_begun =
                std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
            if rest.is_empty() && is_begun {
                self.begun.extend_from_slice(chunk.invalid());
            } else {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }

    /// Nothing more comes: a character that was begun stays incomplete.
    pub(super) fn finish(&mut self, text: &mut String) {
        if !std::mem::take(&mut self.begun).is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// The last place up to `index` that is not inside a character. (`str::floor_char_boundary` is younger than the oldest
/// compiler we build with.)
pub(super) fn char_boundary(text: &str, index: usize) -> usize {
    if index >= text.len() {
        return text.len();
    }
    (0..=index).rev().find(|index| text.is_char_boundary(*index)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wherever_bytes_are_cut_the_text_is_the_same() {
        let samples: [&[u8]; 6] = [
            "naïve 任务 👩\u{200D}👧 end".as_bytes(),
            b"a\xff\xfeb\xe4\xbb",
            b"\xe4\xe4\xbb\xbb\xf0\x9f\x91",
            b"\xc0\x80\xed\xa0\x80",
            b"nul\0inside",
            b"",
        ];
        for sample in samples {
            let whole = String::from_utf8_lossy(sample);
            for size in 1..=sample.len().max(1) {
                let (mut decoder, mut text) = (TextDecoder::default(), String::new());
                sample.chunks(size).for_each(|piece| decoder.push(piece, &mut text));
                decoder.finish(&mut text);
                assert_eq!(text, whole, "{sample:?} in pieces of {size}");
            }
        }
    }
}
