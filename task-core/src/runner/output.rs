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
    /// ```
    /// use task_core::{Output, RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     cx.text("reply", "42").await?;
    ///     cx.emit(Output::turn_ended("done")).await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
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
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     cx.text("answer", "It is ").await?;
    ///     cx.text("answer", "42.").await?;                 // more of the same block
    ///     cx.text("remark", "Probably.").await             // another block
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn text(&self, block: impl Into<String>, text: impl Into<String>) -> RunResult {
        self.emit(Output::text(block, text)).await
    }

    /// Appends reasoning to the block `block`.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     cx.thinking("plan", "They greet me. I greet back.").await?;
    ///     cx.text("reply", "Hello!").await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn thinking(&self, block: impl Into<String>, text: impl Into<String>) -> RunResult {
        self.emit(Output::thinking(block, text)).await
    }

    /// Says that a tool is called.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult, ToolCall, ToolStatus, ToolUpdate};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     cx.tool_call(ToolCall::new("call-1", "shell").with_title("make test")).await?;
    ///     cx.tool_update(ToolUpdate::new("call-1", ToolStatus::Completed).with_output("ok\n")).await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn tool_call(&self, call: ToolCall) -> RunResult {
        self.emit(call).await
    }

    /// Says how a tool call went on.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult, ToolCall, ToolStatus, ToolUpdate};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     cx.tool_call(ToolCall::new("call-1", "shell").with_title("make test")).await?;
    ///     for line in ["compiling\n", "testing\n"] {
    ///         cx.tool_update(ToolUpdate::new("call-1", ToolStatus::Running).with_output(line)).await?;     // appended
    ///     }
    ///     cx.tool_update(ToolUpdate::new("call-1", ToolStatus::Completed)).await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn tool_update(&self, update: ToolUpdate) -> RunResult {
        self.emit(update).await
    }

    /// Remarks something about the run.
    ///
    /// ```
    /// use task_core::{NoticeLevel, RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     cx.notice(NoticeLevel::Warning, "the model is busy, trying again in 2 s").await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn notice(&self, level: NoticeLevel, text: impl Into<String>) -> RunResult {
        self.emit(Notice { level, text: text.into() }).await
    }

    /// Emits anything the runner's own front end understands.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     cx.custom("progress", &serde_json::json!({"done": 3, "of": 10})).await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
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
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     cx.text("reply", "Now the files are deleted.").await?;
    ///     cx.flush().await?;                               // whatever happens to this process: it was said before
    ///     delete_the_files();
    ///     Ok(())
    /// }
    /// # fn delete_the_files() {}
    /// # task_core::testing::examples::completes(agent);
    /// ```
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
