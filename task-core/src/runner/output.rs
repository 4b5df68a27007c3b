//! What a run says.

use serde::Serialize;

use super::context::RunContext;
use super::error::RunResult;
use crate::error::TaskError;
use crate::model::{Custom, Json, Notice, NoticeLevel, Output, ToolCall, ToolUpdate};

impl RunContext {
    /// Adds output to the log. Returns when it is accepted: it will be written, in order. Waits while too much is
    /// waiting to be written.
    ///
    /// Cancel safe: a call that was dropped before it returned accepted nothing.
    ///
    /// # Errors
    ///
    /// When the output exceeds the limit of one event, the store failed for good, or the output has the name of a
    /// kind that only core writes.
    pub async fn emit(&self, output: impl Into<Output>) -> RunResult {
        let output = output.into();
        if matches!(output, Output::Other { .. }) {
            let reason = format!("`{}` is no kind a runner can write; use `custom`", output.kind());
            return Err(TaskError::invalid("kind", reason).into());
        }
        Ok(self.0.writer.emit(self.run(), output).await?)
    }

    /// Appends text to the block `block`. Pieces that wait to be written together become one event.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn text(&self, block: impl Into<String>, text: impl Into<String>) -> RunResult {
        self.emit(Output::text(block, text)).await
    }

    /// Appends reasoning to the block `block`.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn thinking(&self, block: impl Into<String>, text: impl Into<String>) -> RunResult {
        self.emit(Output::thinking(block, text)).await
    }

    /// Says that a tool is called.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn tool_call(&self, call: ToolCall) -> RunResult {
        self.emit(call).await
    }

    /// Says how a tool call went on.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn tool_update(&self, update: ToolUpdate) -> RunResult {
        self.emit(update).await
    }

    /// Remarks something about the run.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn notice(&self, level: NoticeLevel, text: impl Into<String>) -> RunResult {
        self.emit(Notice { level, text: text.into() }).await
    }

    /// Emits anything the runner's own front end understands.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`], and when `data` has no JSON form.
    pub async fn custom<T: Serialize + ?Sized>(&self, name: impl Into<String>, data: &T) -> RunResult {
        self.emit(Custom::new(name, Json::new(data)?)).await
    }

    /// Waits until everything emitted so far is stored: viewers can see it, and the death of the process does not take
    /// it back.
    ///
    /// # Errors
    ///
    /// When the store failed for good, or the run is over, or another process took the task over.
    pub async fn flush(&self) -> RunResult {
        // Output of a run that another process took over is not written, so it is not enough that the writer is done.
        self.update(|_| Ok(())).await?;
        Ok(self.0.writer.check(self.run())?)
    }
}
