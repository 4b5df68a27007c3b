use std::future::Future;
use std::time::Duration;

use task_core::{RunContext, RunError, RunResult, ToolStatus, ToolUpdate};
use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tokio::time::{Instant, timeout, timeout_at};

use super::text::{TextDecoder, char_boundary};

/// What a command prints, on its way into the log.
///
/// Holds a chunk at most: while the log does not take it nothing is read, the pipe fills, and the command waits.
#[derive(Debug)]
pub(super) struct Output {
    call_id: String,
    /// `None` once everybody closed the other end.
    pipe: Option<ChildStdout>,
    decoder: TextDecoder,
    /// Text that the log has not accepted.
    pending: String,
}

impl Output {
    pub(super) fn new(call_id: &str, pipe: Option<ChildStdout>) -> Self {
        Self { call_id: call_id.to_owned(), pipe, decoder: TextDecoder::default(), pending: String::new() }
    }

    /// Waits for `work`, and forwards meanwhile. Dropping it loses nothing.
    pub(super) async fn forward_during<T>(
        &mut self,
        cx: &RunContext,
        work: impl Future<Output = T>,
    ) -> Result<T, RunError> {
        tokio::select! {
            biased;
            outcome = work => Ok(outcome),
            error = self.forward(cx) => Err(error),
        }
    }

    /// Forwards what was printed before the command ended. Something it left running may hold the pipe and go on
    /// printing, so this ends when the pipe is quiet, or all that fits in one was read.
    pub(super) async fn drain(&mut self, cx: &RunContext) -> RunResult {
        let mut read = 0;
        while read < PIPE {
            match timeout(QUIET, self.read()).await {
                Ok(Some(bytes)) => read += bytes,
                Ok(None) | Err(_) => break,
            }
            if self.pending.len() >= CHUNK {
                self.emit(cx).await?;
            }
        }
        self.decoder.finish(&mut self.pending);
        self.emit(cx).await
    }

    /// The pipe, if somebody still holds the other end.
    pub(super) fn into_pipe(self) -> Option<ChildStdout> {
        self.pipe
    }

    /// Returns when the log takes nothing more.
    async fn forward(&mut self, cx: &RunContext) -> RunError {
        loop {
            if self.pending.is_empty() && self.read().await.is_none() {
                return std::future::pending().await;
            }
            // A little patience makes one event of what comes in many small writes.
            let batch = Instant::now() + BATCH;
            while self.pending.len() < CHUNK {
                if !matches!(timeout_at(batch, self.read()).await, Ok(Some(_))) {
                    break;
                }
            }
            if let Err(error) = self.emit(cx).await {
                return error;
            }
        }
    }

    /// Reads once; `None` at the end. Cancel safe.
    async fn read(&mut self) -> Option<usize> {
        let pipe = self.pipe.as_mut()?;
        let mut buffer = [0; CHUNK];
        match pipe.read(&mut buffer).await {
            Ok(bytes @ 1..) => {
                self.decoder.push(&buffer[..bytes], &mut self.pending);
                Some(bytes)
            }
            // An error of a pipe is an end of it.
            Ok(0) | Err(_) => {
                self.pipe = None;
                None
            }
        }
    }

    /// Hands over what is pending. Cancel safe: what was not accepted is still pending.
    async fn emit(&mut self, cx: &RunContext) -> RunResult {
        while !self.pending.is_empty() {
            let end = char_boundary(&self.pending, CHUNK);
            let update =
                ToolUpdate::new(&self.call_id, ToolStatus::Running).with_output(&self.pending[..end]);
            cx.tool_update(update).await?;
            self.pending.drain(..end);
        }
        Ok(())
    }
}

/// Bytes of output in one event, about.
const CHUNK: usize = 8 << 10;

/// How long output may wait for more to share an event with.
const BATCH: Duration = Duration::from_millis(15);

/// What a pipe holds, so that everything printed before the end is read.
const PIPE: usize = 64 << 10;

/// How long a pipe that is held open may say nothing before it is taken as empty.
const QUIET: Duration = Duration::from_millis(50);
