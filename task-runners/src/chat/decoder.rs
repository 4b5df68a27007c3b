use serde_json::Value;

use super::piece::{Piece, read};

/// What a server may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnswerLimits {
    /// Bytes of a line.
    pub(super) line: usize,
    /// Bytes of an answer.
    pub(super) answer: usize,
}

/// The bytes of an answer to its pieces, however they are cut.
///
/// Knows server-sent events, one JSON value to a `data:` line, as all servers in use write them; lines with JSON alone;
/// and one JSON document. Holds a line at most, or the document.
#[derive(Debug)]
pub(super) struct Decoder {
    limits: AnswerLimits,
    is_document: bool,
    line: Vec<u8>,
    taken: usize,
    /// How many lines were no JSON.
    unreadable: usize,
    is_over: bool,
}

/// The server sent more than it may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMuch(pub(super) String);

impl Decoder {
    pub(super) const fn new(limits: AnswerLimits, is_document: bool) -> Self {
        Self { limits, is_document, line: Vec::new(), taken: 0, unreadable: 0, is_over: false }
    }

    /// Takes the next bytes, and gives the pieces that are whole with them.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Piece>, TooMuch> {
        let mut out = Vec::new();
        self.taken += bytes.len();
        if self.taken > self.limits.answer {
            return Err(TooMuch(format!("an answer of more than {} bytes", self.limits.answer)));
        }
        if self.is_document {
            self.line.extend_from_slice(bytes);
            return Ok(out);
        }
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend(&rest[..end])?;
            self.end_line(&mut out);
            rest = &rest[end + 1..];
        }
        self.extend(rest)?;
        Ok(out)
    }

    /// Nothing more comes: what is left may be a line without its end, or the document.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        let mut out = Vec::new();
        self.end_line(&mut out);
        out
    }

    pub(super) const fn unreadable(&self) -> usize {
        self.unreadable
    }

    fn extend(&mut self, part: &[u8]) -> Result<(), TooMuch> {
        if self.line.len() + part.len() > self.limits.line {
            return Err(TooMuch(format!("a line of more than {} bytes", self.limits.line)));
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_line(&mut self, out: &mut Vec<Piece>) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if self.is_over {
            return;
        }
        let (data, is_error) = match line.strip_prefix("data:") {
            Some(data) => (data.trim_start(), false),
            // Some versions of llama.cpp.
            None if line.starts_with("error:") => (line["error:".len()..].trim_start(), true),
            None if line.starts_with('{') => (line, false),
            // A comment, the name of an event, an empty line.
            None => return self.unreadable += usize::from(self.is_document && !line.is_empty()),
        };
        if data == "[DONE]" {
            self.is_over = true;
            out.push(Piece::End);
            return;
        }
        match serde_json::from_str::<Value>(data) {
            Ok(value) if is_error && value.get("error").is_none() => out.push(Piece::Failed(value)),
            Ok(value) => read(&value, out),
            Err(_) if is_error => out.push(Piece::Failed(data.into())),
            Err(_) => self.unreadable += 1,
        }
        // Nothing is said after a failure.
        self.is_over |= matches!(out.last(), Some(Piece::Failed(_)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const LIMITS: AnswerLimits = AnswerLimits { line: 4_096, answer: 64 << 10 };

    const STREAM: &str = concat!(
        ": a comment\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"naïve 任务\"}}],\"usage\":{}}\r\n\r\n",
        "data:{\"choices\":[{\"delta\":{\"content\":\"🦀 one\"},\"finish_reason\":\"\"}]}\n\n",
        "event: message\ndata: {\"choices\":[{\"delta\":{\"content\":\" two\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}}]}\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n",
        "data: [DONE]\n\n",
    );

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Piece>, usize) {
        let mut decoder = Decoder::new(LIMITS, false);
        let mut out = Vec::new();
        for piece in pieces {
            match decoder.push(piece) {
                Ok(pieces) => out.extend(pieces),
                Err(TooMuch(_)) => return (out, decoder.unreadable()),
            }
        }
        out.extend(decoder.finish());
        (out, decoder.unreadable())
    }

    #[test]
    fn wherever_an_answer_is_cut_its_pieces_are_the_same() {
        let (whole, unreadable) = decode([STREAM.as_bytes()]);
        assert_eq!((whole.len(), unreadable), (7, 0), "{whole:?}");
        assert_eq!(whole.last(), Some(&Piece::End));
        for size in 1..STREAM.len() {
            assert_eq!(decode(STREAM.as_bytes().chunks(size)).0, whole, "in pieces of {size}");
        }
    }

    #[test]
    fn nothing_is_read_after_the_end() {
        let (pieces, _) = decode([&b"data: [DONE]\ndata: {\"error\":\"x\"}\n"[..]]);
        assert_eq!(pieces, [Piece::End]);
    }

    #[test]
    fn a_line_without_an_end_is_read_at_the_end() {
        let (pieces, _) = decode([&b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}"[..]]);
        assert_eq!(pieces, [Piece::Text("a".to_owned())]);
    }

    #[test]
    fn errors_come_in_several_forms() {
        for stream in
            ["data: {\"error\":{\"code\":500}}\n", "error: {\"code\":500}\n", "{\"error\":{\"code\":500}}"]
        {
            let (pieces, _) = decode([stream.as_bytes()]);
            assert_eq!(pieces, [Piece::Failed(serde_json::json!({"code": 500}))], "{stream}");
        }
    }

    #[test]
    fn a_document_is_read_as_a_whole() {
        let document =
            b"{\n \"choices\": [{\"message\": {\"content\": \"hi\"},\n \"finish_reason\": \"stop\"}]\n}";
        let mut decoder = Decoder::new(LIMITS, true);
        for byte in document.chunks(1) {
            assert_eq!(decoder.push(byte), Ok(vec![]));
        }
        assert_eq!(decoder.finish(), [Piece::Text("hi".to_owned()), Piece::Finish("stop".to_owned())]);
        let mut decoder = Decoder::new(LIMITS, true);
        assert_eq!(decoder.push(b"<html>"), Ok(vec![]));
        assert_eq!((decoder.finish(), decoder.unreadable()), (vec![], 1));
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let mut decoder = Decoder::new(LIMITS, false);
        assert!(decoder.push(&[b'x'; 4_096]).is_ok());
        assert_eq!(decoder.push(b"x"), Err(TooMuch("a line of more than 4096 bytes".to_owned())));
        let mut decoder = Decoder::new(LIMITS, true);
        assert!(decoder.push(&[b'x'; 64 << 10]).is_ok());
        assert_eq!(decoder.push(b"x"), Err(TooMuch("an answer of more than 65536 bytes".to_owned())));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(pieces in vec(vec(any::<u8>(), 0..200), 0..20)) {
            decode(pieces.iter().map(Vec::as_slice));
        }

        /// Damage in one line is the loss of that line: what is still said was said, in that order.
        #[test]
        fn a_damaged_answer_says_nothing_of_its_own(
            at in 0..STREAM.len(),
            damage in prop_oneof![Just(vec![]), vec(any::<u8>(), 1..4)],
            removed in 0..40_usize,
            cut in 0..STREAM.len() * 2,
            size in 1..100_usize,
        ) {
            let mut bytes = STREAM.as_bytes().to_vec();
            bytes.splice(at..(at + removed).min(STREAM.len()), damage);
            bytes.truncate(cut);
            let (pieces, unreadable) = decode(bytes.chunks(size));
            prop_assert!(pieces.len() <= 7 + 1);
            prop_assert!(unreadable <= 4);
            let ends = pieces.iter().filter(|piece| matches!(piece, Piece::End | Piece::Failed(_))).count();
            prop_assert!(ends == 0 || ends == 1 && matches!(pieces.last(), Some(Piece::End | Piece::Failed(_))));
        }
    }
}
