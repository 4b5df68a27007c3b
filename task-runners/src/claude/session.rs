use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use task_core::{Delivery, IncomingMessage, NoticeLevel, Output, RunContext, RunError, RunResult};
use tokio::time::{Instant, sleep_until};

use super::ClaudeRunner;
use super::asking::{ask, decided};
use super::control;
use super::event::Event;
use super::normalize::normalize;
use super::state::State;
use super::turn::Turn;
use crate::asking::digest;
use crate::stdio::{Agent, Step};
use crate::turns::{GO_ON, Kept, Stop, Waiting, Warnings, emit, open_calls_end, withdraw};
use crate::work_dir;

/// One run: a process of the agent, and turns one after the other.
pub(super) struct Session<'a> {
    pub(super) runner: &'a ClaudeRunner,
    pub(super) cx: RunContext,
    pub(super) dir: PathBuf,
    pub(super) agent: Option<Agent>,
    pub(super) state: State,
    pub(super) turn: Turn,
    pub(super) kept: Kept,
    waiting: Waiting,
    pub(super) session: Option<String>,
    /// The control request that was answered last.
    pub(super) responded: Option<(String, Option<String>)>,
    warnings: Warnings,
    /// Counts the turns that the agent may have begun by itself.
    unasked: u32,
    /// Whether the agent is stopped without the end of its input, which it would take as an answer.
    pub(super) is_curt: bool,
}

/// What a turn begins with.
enum Prompt {
    /// Nothing: the agent went on by itself.
    Nothing,
    /// The turn that a crash cut off.
    Rest(String),
    Message(IncomingMessage),
}

impl<'a> Session<'a> {
    pub(super) async fn open(runner: &'a ClaudeRunner, cx: RunContext) -> Result<Self, RunError> {
        let dir = work_dir::resolve(runner.work_dir.as_deref(), cx.task().work_dir.as_deref())?;
        let kept = cx.last_checkpoint().await?.unwrap_or_default();
        let session = cx.task().session_id.clone();
        let state = State::new(cx.task().usage, session.as_deref());
        Ok(Self {
            runner,
            cx,
            dir,
            agent: None,
            state,
            turn: Turn::default(),
            kept,
            waiting: Waiting::default(),
            session,
            responded: None,
            warnings: Warnings::default(),
            unasked: 0,
            is_curt: false,
        })
    }

    pub(super) async fn run(mut self) -> RunResult {
        let ended = self.turns().await;
        let stopped = self.dismiss().await;
        // What the run came to says more than that this could not be told.
        let _ = self.waiting.tell_lost(&self.cx).await;
        ended.and(stopped)
    }

    async fn turns(&mut self) -> RunResult {
        let mut prompt = match (self.cx.next_message().await?, &self.kept.turn) {
            (Some(message), _) => Prompt::Message(message),
            // A question was answered that the run before had asked.
            (None, Some(turn)) if self.cx.is_resumed() => Prompt::Rest(turn.clone()),
            (None, _) => return Ok(()),
        };
        while !self.cx.is_cancelled() {
            self.take_turn(prompt).await?;
            if self.cx.is_cancelled() {
                break;
            }
            prompt = match self.next_prompt().await? {
                Some(prompt) => prompt,
                None => break,
            };
        }
        Ok(())
    }

    async fn next_prompt(&mut self) -> Result<Option<Prompt>, RunError> {
        let (mut until, mut worked) = (Instant::now() + self.runner.background_wait, false);
        // Another turn: leave that was given for once in the one before does not count in it.
        self.unasked += 1;
        let anchor = self.turn.asking.anchor().split(':').next().unwrap_or_default();
        let anchor = format!("{anchor}:{}", self.unasked);
        loop {
            if let Some(message) = self.waiting.next(&self.cx).await? {
                return Ok(Some(Prompt::Message(message)));
            }
            let works = self.state.has_background();
            if worked && !works {
                // It has just ended, and the agent may go on with what came of it.
                until = until.min(Instant::now() + AFTERMATH);
            }
            let Some(agent) = self.agent.as_mut().filter(|_| works || worked) else { return Ok(None) };
            worked = true;
            let step = tokio::select! {
                biased;
                () = self.cx.cancelled() => return Ok(None),
                () = self.cx.message_waiting() => continue,
                () = sleep_until(until) => return Ok(None),
                step = agent.step() => step,
            };
            self.turn = Turn::new(anchor.clone());
            self.on_step(step).await?;
            if self.turn.has_begun() {
                return Ok(Some(Prompt::Nothing));
            }
        }
    }

    async fn take_turn(&mut self, prompt: Prompt) -> RunResult {
        if !matches!(prompt, Prompt::Nothing) {
            if !self.start().await? {
                return Ok(());
            }
            let anchor = match &prompt {
                Prompt::Message(message) => message.id.to_string(),
                Prompt::Rest(anchor) => anchor.clone(),
                Prompt::Nothing => String::new(),
            };
            self.kept.begin_turn(&self.cx, &anchor).await?;
            self.turn = Turn::new(anchor);
        }
        match prompt {
            Prompt::Message(message) => {
                // It is taken, and a turn that fails is told: it is not sent twice.
                self.send(&message.id.to_string(), &control::content(&message), None);
            }
            Prompt::Rest(_) => self.send(&uuid::Uuid::new_v4().to_string(), &json!(GO_ON), None),
            Prompt::Nothing => {}
        }
        let followed = self.follow().await;
        let (reason, error) = match followed {
            Ok(()) => self.turn.outcome(),
            Err(error) => ("failed".to_owned(), Some(error)),
        };
        self.end_turn(&reason).await?;
        error.map_or(Ok(()), Err)
    }

    /// Follows the turn to its end.
    async fn follow(&mut self) -> RunResult {
        while !self.turn.is_over() {
            let Some(agent) = &mut self.agent else { return Ok(()) };
            let stop = self.turn.stop;
            tokio::select! {
                biased;
                () = self.cx.cancelled(), if stop.is_none_or(|stop| !stop.is_cancel) => {
                    match self.runner.ladder.interrupt_wait() {
                        // An agent that is asked to stop takes its question back, and counts it as denied. A shutdown
                        // does not: the answer may come after it.
                        Some(wait) if self.turn.asking.is_empty() => self.interrupt(true, Instant::now() + wait),
                        _ => {
                            self.turn.stop = Some(Stop { is_cancel: true, until: Instant::now() });
                            self.is_curt = !self.turn.asking.is_empty();
                            return Ok(());
                        }
                    }
                }
                () = self.cx.interrupted(), if stop.is_none() => {
                    self.interrupt(false, Instant::now() + self.runner.interrupt_wait);
                }
                () = self.cx.steered(), if stop.is_none() => self.steer().await?,
                (request, answer) = self.turn.asking.next_answer(), if stop.is_none() => {
                    // A question that failed because the run should stop is no answer.
                    if let (Ok(answer), Some(agent)) = (answer, &mut self.agent) {
                        agent.tell(&control::answer(&request, &answer));
                    }
                }
                () = Stop::is_overdue(stop) => {
                    // It is deaf: the ladder sees to it, and the next turn has another process.
                    if stop.is_some_and(|stop| !stop.is_cancel) {
                        self.dismiss().await?;
                    }
                    return Ok(());
                }
                step = agent.step() => self.on_step(step).await?,
            }
        }
        Ok(())
    }

    fn interrupt(&mut self, is_cancel: bool, until: Instant) {
        let was_asked = self.turn.stop.is_some();
        self.turn.stop = Some(Stop { is_cancel, until });
        if let Some(agent) = self.agent.as_mut().filter(|_| !was_asked) {
            agent.tell(&control::request("interrupt", "interrupt"));
        }
    }

    /// Gives the agent a message in the middle of its turn.
    async fn steer(&mut self) -> RunResult {
        let Some(message) = self.cx.next_steering().await? else { return Ok(()) };
        if message.delivery == Delivery::Interrupt {
            // It came between the look and the taking.
            self.interrupt(false, Instant::now() + self.runner.interrupt_wait);
            self.waiting.add([message]);
            return Ok(());
        }
        let content = control::content(&message);
        self.send(&message.id.to_string(), &content, Some(message));
        Ok(())
    }

    fn send(&mut self, id: &str, content: &Value, message: Option<IncomingMessage>) {
        if let Some(agent) = &mut self.agent {
            agent.tell(&control::message(id, content));
            self.turn.sent(id.to_owned(), message);
        }
    }

    pub(super) async fn on_step(&mut self, step: Step) -> RunResult {
        match step {
            Step::Ended => {
                let obituary = self.agent.as_ref().map(Agent::obituary);
                self.dismiss().await?;
                // What it said of itself is better than what its end looks like.
                if self.turn.stop.is_some() || self.turn.ended.as_ref().is_some_and(|ended| ended.is_error) {
                    return Ok(());
                }
                obituary.map_or(Ok(()), Err)
            }
            Step::Noise(words) => self.emit(Output::notice(NoticeLevel::Warning, words)).await,
            Step::Said(line) => {
                for event in normalize(&mut self.state, &line) {
                    self.on_event(event).await?;
                }
                Ok(())
            }
            Step::Warned(line) => match self.warnings.shown(line) {
                Some(shown) => self.emit(shown).await,
                None => Ok(()),
            },
            Step::Wrote => Ok(()),
        }
    }

    async fn on_event(&mut self, event: Event) -> RunResult {
        match event {
            Event::Asked(asked) => {
                if let Some(answer) = decided(self.runner.permissions, &asked) {
                    if let Some(agent) = &mut self.agent {
                        agent.tell(&control::answer(&asked.request, &answer));
                    }
                } else if self.turn.stop.is_none() {
                    let name = self.turn.asking.key(&digest(&asked.tool, &asked.input));
                    ask(&mut self.turn.asking, &self.cx, asked, &name);
                }
            }
            Event::Ended(ended) => {
                if let Some(before) = self.turn.ended.replace(ended)
                    && before.is_error
                    && self.turn.stop.is_none()
                {
                    self.emit(Output::notice(NoticeLevel::Error, before.words)).await?;
                }
            }
            Event::Fate { message, fate } => self.turn.fate(&message, fate),
            Event::Output(output) => self.emit(output).await?,
            Event::Responded { request, error } => self.responded = Some((request, error)),
            Event::Session(session) => {
                self.cx.set_session(&session).await?;
                self.session = Some(session);
            }
            Event::State(activity) => self.turn.activity(activity),
            Event::Unsupported(request) => {
                if let Some(agent) = &mut self.agent {
                    agent.tell(&control::unsupported(&request));
                }
            }
            Event::Withdrawn(request) => {
                let keys = self.turn.asking.withdraw(&request);
                withdraw(&self.cx, keys).await?;
            }
        }
        Ok(())
    }

    async fn emit(&mut self, output: Output) -> RunResult {
        emit(&self.cx, output).await
    }

    async fn end_turn(&mut self, reason: &str) -> RunResult {
        for output in self.state.close_calls(open_calls_end(reason)) {
            self.emit(output).await?;
        }
        self.waiting.add(self.turn.undelivered());
        let open = self.turn.asking.withdraw_all();
        withdraw(&self.cx, open).await?;
        self.cx.emit(Output::turn_ended(reason)).await?;
        self.kept.end_turn(&self.cx, reason).await
    }
}

/// How long the agent may take to begin a turn with what it did in the background.
const AFTERMATH: Duration = Duration::from_secs(2);
