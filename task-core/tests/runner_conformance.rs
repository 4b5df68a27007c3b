//! A plain `async fn` keeps the contract of runners.

use std::sync::Arc;

use task_core::testing::{Cue, RunnerHarness};
use task_core::{AgentRunner, Ask, Output, RequestOption, RunContext, RunError, RunResult};

/// Does what a message says: its first word is what, the rest is with what.
async fn agent(cx: RunContext) -> RunResult {
    if cx.task().session_id.is_none() {
        cx.set_session(format!("session-{}", cx.task().id)).await?;
    }
    // A question that was open when the run before was cut off: its message is not delivered a second time.
    let cut_off = cx.last_checkpoint::<Option<(String, String)>>().await?.flatten();
    let mut next = cut_off.filter(|_| cx.is_resumed());
    loop {
        let (name, text) = match next.take() {
            Some(turn) => turn,
            None => match cx.next_message().await? {
                Some(message) => (message.id.to_string(), message.text()),
                None => return Ok(()),
            },
        };
        let (act, with) = text.split_once(' ').unwrap_or((&text, ""));
        match act {
            "say" => cx.text(&*name, with).await?,
            "ask" | "permit" => {
                cx.checkpoint(&Some((&name, &text))).await?;
                let ask = if act == "ask" { Ask::question(with) } else { permission(with) };
                let answer = cx.ask(ask.key(&*name)).await?;
                cx.checkpoint(&None::<()>).await?;
                cx.text(&*name, answer.text()).await?;
            }
            "stream" => stream(&cx, &name).await?,
            "fail" => return Err(RunError::new(with)),
            "panic" => panic!("a message asked for it"),
            _ => std::future::pending().await,
        }
        if cx.is_cancelled() {
            return Ok(());
        }
        cx.emit(Output::turn_ended("done")).await?;
    }
}

fn permission(what: &str) -> Ask {
    Ask::permission(what).option(RequestOption::new("yes", "Yes")).option(RequestOption::new("no", "No"))
}

async fn stream(cx: &RunContext, block: &str) -> RunResult {
    while !cx.is_cancelled() {
        cx.text(block, ". ").await?;
        cx.flush().await?;
    }
    Ok(())
}

struct Agent;

impl RunnerHarness for Agent {
    fn new() -> Self {
        Self
    }

    fn runner(&self) -> Arc<dyn AgentRunner> {
        Arc::new(agent)
    }

    fn cue(&self, cue: Cue<'_>) -> Option<String> {
        Some(match cue {
            Cue::Ask(question) => format!("ask {question}"),
            Cue::Fail(why) => format!("fail {why}"),
            Cue::Hang => "hang".to_owned(),
            Cue::Panic => "panic".to_owned(),
            Cue::Permit(what) => format!("permit {what}"),
            Cue::Say(words) => format!("say {words}"),
            Cue::Stream => "stream".to_owned(),
            _ => return None,
        })
    }
}

task_core::runner_conformance!(ask, fail, hang, panic, permit, session, stream, turns: Agent);
