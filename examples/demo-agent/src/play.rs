use std::time::Duration;

use serde_json::json;
use task_core::{
    Ask, NoticeLevel, Plan, PlanEntry, PlanStatus, RequestOption, RunContext, RunError, RunResult, ToolCall,
    ToolStatus, ToolUpdate,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::process;
use super::step::Step;

/// Plays the steps of a run.
pub(super) struct Player {
    cx: RunContext,
    /// Counts blocks and calls: their names are unique within the run.
    named: u32,
    /// Words said since somebody asked.
    words: u64,
    /// The tool call that is under way.
    call: Option<String>,
    /// The name of the next question: the same when a run is resumed.
    question: String,
}

impl Player {
    pub(super) const fn new(cx: RunContext) -> Self {
        Self { cx, named: 0, words: 0, call: None, question: String::new() }
    }

    /// Names the question that comes next.
    pub(super) fn name_question(&mut self, name: String) {
        self.question = name;
    }

    /// Plays a step. Dropped, it stops where it is; then [`Player::break_off`].
    pub(super) async fn play(&mut self, step: Step) -> RunResult {
        match step {
            Step::Ask(question) => {
                let answer = self.cx.ask(Ask::question(question).key(&*self.question)).await?;
                self.say(&answer.text()).await
            }
            Step::Count { upto, rate } => {
                let pace = Pace::new(rate);
                for n in 1..=upto {
                    pace.wait_for(n - 1).await;
                    self.cx.custom("count", &json!({ "n": n })).await?;
                }
                Ok(())
            }
            Step::Fail(message) => Err(RunError::new(message)),
            Step::Hang => std::future::pending().await,
            Step::Markdown => self.say(SAMPLE).await,
            Step::Panic => panic!("the demo agent was asked to panic"),
            Step::Permit(what) => {
                let ask = Ask::permission(what)
                    .key(&*self.question)
                    .option(RequestOption::new("allow", "Allow").with_kind("allow_once"))
                    .option(RequestOption::new("deny", "Deny").with_kind("reject_once"));
                let answer = self.cx.ask(ask).await?;
                self.say(if answer.text() == "allow" { "granted" } else { "denied" }).await
            }
            Step::Plan(entries) => self.plan(&entries).await,
            Step::Say(text) => self.say(&text).await,
            Step::Sleep(time) => {
                sleep(time).await;
                Ok(())
            }
            Step::Spawn(seconds) => {
                let call = self.call("spawn", json!({ "seconds": seconds })).await?;
                let ended = process::spawn_stubborn_tree(self.cx.id(), seconds).await;
                self.call = None;
                let update = match ended {
                    Ok(exit_code) => ToolUpdate::new(call, ToolStatus::Completed).with_exit_code(exit_code),
                    Err(error) => ToolUpdate::new(call, ToolStatus::Failed).with_output(error.to_string()),
                };
                self.cx.tool_update(update).await
            }
            Step::Text { bytes, rate } => self.text(bytes, rate).await,
            Step::Think(text) => {
                let block = self.name("think");
                for word in text.split_inclusive(char::is_whitespace) {
                    self.cx.thinking(&*block, word).await?;
                }
                Ok(())
            }
            Step::Tool { name, seconds } => self.tool(name, seconds).await,
            Step::Unknown(why) => {
                self.cx.notice(NoticeLevel::Warning, why.clone()).await?;
                self.say(&why).await
            }
        }
    }

    /// Streams a text, word by word.
    pub(super) async fn say(&mut self, text: &str) -> RunResult {
        let block = self.name("say");
        for word in text.split_inclusive(char::is_whitespace) {
            self.cx.text(&*block, word).await?;
            self.words += 1;
        }
        Ok(())
    }

    /// Says of the tool call that is under way that it is over.
    pub(super) async fn break_off(&mut self) -> RunResult {
        match self.call.take() {
            Some(call) => self.cx.tool_update(ToolUpdate::new(call, ToolStatus::Cancelled)).await,
            None => Ok(()),
        }
    }

    /// How many words were said since the last time.
    pub(super) const fn take_words(&mut self) -> u64 {
        std::mem::replace(&mut self.words, 0)
    }

    async fn text(&mut self, bytes: usize, rate: f64) -> RunResult {
        let block = self.name("text");
        let pace = Pace::new(rate);
        let mut left = bytes;
        for n in 0.. {
            if left == 0 {
                break;
            }
            pace.wait_for(n).await;
            let delta = &DELTA[..left.min(DELTA.len())];
            self.cx.text(&*block, delta).await?;
            left -= delta.len();
        }
        Ok(())
    }

    async fn plan(&mut self, entries: &[String]) -> RunResult {
        // One step after the other gets under way, then is done.
        for done in 0..=entries.len() {
            let entries = entries.iter().enumerate().map(|(at, text)| {
                let status = match at {
                    at if at < done => PlanStatus::Completed,
                    at if at == done => PlanStatus::InProgress,
                    _ => PlanStatus::Pending,
                };
                PlanEntry::new(text, status)
            });
            self.cx.emit(Plan::new(entries.collect())).await?;
        }
        Ok(())
    }

    async fn tool(&mut self, name: String, seconds: f64) -> RunResult {
        let call = self.call(&name, json!({ "seconds": seconds })).await?;
        for line in 1..=TOOL_LINES {
            sleep(Duration::from_secs_f64(seconds / f64::from(TOOL_LINES))).await;
            let output = format!("{name}: line {line} of {TOOL_LINES}\n");
            self.cx.tool_update(ToolUpdate::new(&*call, ToolStatus::Running).with_output(output)).await?;
        }
        self.call = None;
        self.cx.tool_update(ToolUpdate::new(call, ToolStatus::Completed).with_exit_code(0)).await
    }

    async fn call(&mut self, name: &str, input: serde_json::Value) -> Result<String, RunError> {
        let call = self.name("call");
        self.cx
            .tool_call(ToolCall::new(&*call, name).with_title(format!("Run {name}")).with_input(input))
            .await?;
        self.call = Some(call.clone());
        Ok(call)
    }

    fn name(&mut self, kind: &str) -> String {
        self.named += 1;
        format!("{kind}-{}", self.named)
    }
}

/// Steps at a rate, measured from the first one, so that delays do not add up.
struct Pace {
    begun: Instant,
    rate: f64,
}

impl Pace {
    fn new(rate: f64) -> Self {
        Self { begun: Instant::now(), rate }
    }

    #[expect(clippy::cast_precision_loss, reason = "steps are far fewer than what a float counts exactly")]
    async fn wait_for(&self, steps: u64) {
        if self.rate > 0.0 {
            sleep_until(self.begun + Duration::from_secs_f64(steps as f64 / self.rate)).await;
        }
    }
}

const SAMPLE: &str = include_str!("sample.md");

/// What `/text` repeats: 20 bytes.
const DELTA: &str = "The quick brown fox ";

/// Lines of output of a tool.
const TOOL_LINES: u32 = 4;
