use std::collections::BTreeMap;

use task_core::{Json, RunContext, RunResult, ToolCall, ToolStatus, ToolUpdate};

use super::piece::ToolPiece;

/// The tools that a model called in one answer. It was offered none, so each call fails; but it is shown.
#[derive(Debug, Default)]
pub(super) struct Tools(BTreeMap<u64, Call>);

#[derive(Debug, Default)]
struct Call {
    name: String,
    arguments: String,
}

impl Tools {
    pub(super) fn take(&mut self, piece: ToolPiece) {
        if self.0.len() >= MAX_CALLS && !self.0.contains_key(&piece.index) {
            return;
        }
        let call = self.0.entry(piece.index).or_default();
        // The name comes with the first piece; some servers repeat it with each.
        if call.name.is_empty() {
            call.name = piece.name;
        }
        call.arguments.push_str(&piece.arguments);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shows them. `turn` makes their names differ from those of other turns.
    pub(super) async fn show(self, cx: &RunContext, turn: &str) -> RunResult {
        for (index, Call { name, arguments }) in self.0 {
            let call_id = format!("{turn}-{index}");
            let name = if name.is_empty() { "tool".to_owned() } else { name };
            let arguments =
                if arguments.len() <= MAX_ARGUMENTS { arguments } else { "too long to show".to_owned() };
            let input = match Json::parse(arguments.trim().to_owned()) {
                Ok(input) => input,
                // Models do not always write JSON.
                Err(_) => Json::new(&arguments)?,
            };
            cx.tool_call(ToolCall::new(&call_id, name).with_input(input)).await?;
            let update =
                ToolUpdate::new(&call_id, ToolStatus::Failed).with_output("this agent has no tools\n");
            cx.tool_update(update).await?;
        }
        Ok(())
    }
}

/// Calls of one answer.
const MAX_CALLS: usize = 64;

/// Bytes of the arguments of a call, below the limit of an event.
const MAX_ARGUMENTS: usize = 128 << 10;
