//! Lines, in and out: JSON, one value a line.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdin;

/// Lines of a pipe. Holds one line and a chunk at most: while nobody takes lines nothing is read, and the other side
/// waits.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    /// `None` once everybody closed the other end.
    pipe: Option<R>,
    limit: usize,
    buffer: Vec<u8>,
    /// So much of the buffer holds no end of a line.
    searched: usize,
    /// Bytes of a line that is too long, and is not kept.
    skipped: usize,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The pipe ended in the middle of it.
    Cut(Vec<u8>),
    /// So many bytes, which nobody kept.
    TooLong(usize),
    Whole(Vec<u8>),
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) const fn new(pipe: Option<R>, limit: usize) -> Self {
        Self { pipe, limit, buffer: Vec::new(), searched: 0, skipped: 0 }
    }

    /// Whether more may come.
    pub(crate) const fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// The next line; `None` at the end. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.take() {
                return Some(line);
            }
            let mut chunk = [0; CHUNK];
            match self.pipe.as_mut()?.read(&mut chunk).await {
                Ok(bytes @ 1..) => self.buffer.extend_from_slice(&chunk[..bytes]),
                // An error of a pipe is an end of it.
                Ok(0) | Err(_) => {
                    self.pipe = None;
                    return self.rest();
                }
            }
        }
    }

    /// A line that is complete, if there is one.
    fn take(&mut self) -> Option<Line> {
        let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
            if self.buffer.len() > self.limit {
                self.skipped += self.buffer.len();
                self.buffer = Vec::new();
            }
            self.searched = self.buffer.len();
            return None;
        };
        let mut line: Vec<u8> = self.buffer.drain(..=self.searched + at).collect();
        line.pop();
        self.searched = 0;
        let length = std::mem::take(&mut self.skipped) + line.len();
        Some(if length > self.limit { Line::TooLong(length) } else { Line::Whole(line) })
    }

    fn rest(&mut self) -> Option<Line> {
        self.searched = 0;
        let line = std::mem::take(&mut self.buffer);
        match std::mem::take(&mut self.skipped) {
            0 if line.is_empty() => None,
            0 => Some(Line::Cut(line)),
            skipped => Some(Line::TooLong(skipped + line.len())),
        }
    }
}

/// Lines on their way to an agent. The agent may not read while it writes, so nobody waits for a line to be written.
#[derive(Debug)]
pub(crate) struct Outbox {
    pipe: Option<ChildStdin>,
    pending: VecDeque<u8>,
}

impl Outbox {
    pub(crate) const fn new(pipe: Option<ChildStdin>) -> Self {
        Self { pipe, pending: VecDeque::new() }
    }

    /// Adds a value, as a line.
    #[cfg(feature = "claude")]
    pub(crate) fn push(&mut self, value: &serde_json::Value) {
        self.push_line(&value.to_string());
    }

    /// Adds a line, without its end. It has to be JSON: agents end at one that is none.
    pub(crate) fn push_line(&mut self, line: &str) {
        if self.pipe.is_some() {
            self.pending.extend(line.as_bytes());
            self.pending.push_back(b'\n');
        }
    }

    /// Whether all of it is written, or nobody is there to read it.
    pub(crate) fn is_empty(&self) -> bool {
        self.pipe.is_none() || self.pending.is_empty()
    }

    /// Writes some of it. Cancel safe.
    pub(crate) async fn write(&mut self) {
        let written = match &mut self.pipe {
            Some(pipe) => pipe.write(self.pending.as_slices().0).await,
            None => Ok(0),
        };
        match written {
            Ok(bytes @ 1..) => drop(self.pending.drain(..bytes)),
            Ok(0) => self.close(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The agent has ended, or closed its input: its end will tell.
            Err(_) => self.close(),
        }
    }

    /// Closes the pipe; what was not written is dropped.
    pub(crate) fn close(&mut self) {
        self.pipe = None;
        self.pending.clear();
    }
}

const CHUNK: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe that gives `size` bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl AsyncRead for Slow<'_> {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            let (piece, rest) = self.0.split_at(self.1.min(self.0.len()));
            buffer.put_slice(piece);
            self.0 = rest;
            std::task::Poll::Ready(Ok(()))
        }
    }

    async fn lines(bytes: &[u8], size: usize, limit: usize) -> Vec<Line> {
        let mut lines = Lines::new(Some(Slow(bytes, size)), limit);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn lines_are_the_same_wherever_reads_end() {
        let whole = |text: &str| Line::Whole(text.into());
        for size in 1..20 {
            let found = lines(b"one\n\ntwo two\nfar too long a line\nx\nhalf", size, 8).await;
            let expected = [
                whole("one"),
                whole(""),
                whole("two two"),
                Line::TooLong(19),
                whole("x"),
                Line::Cut("half".into()),
            ];
            assert_eq!(found, expected, "{size}");
        }
    }

    #[tokio::test]
    async fn the_limit_is_inclusive_and_an_end_is_no_line() {
        assert_eq!(lines(b"12345678\n", 3, 8).await, [Line::Whole(b"12345678".into())]);
        assert_eq!(lines(b"123456789\n", 3, 8).await, [Line::TooLong(9)]);
        assert_eq!(lines(b"123456789012", 3, 8).await, [Line::TooLong(12)]);
        assert_eq!(lines(b"", 3, 8).await, []);
    }
}
