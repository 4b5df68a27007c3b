use std::path::PathBuf;

use task_core::{Content, Delivery, IncomingMessage, NoticeLevel, Output, RunContext, RunError, RunResult};
use tokio::time::Instant;

use super::AcpRunner;
use super::abilities::Abilities;
use super::leave::Leave;
use super::normalize::{State, normalize, raw};
use super::peer::{Heard, Peer};
use super::request::{Decision, Request};
use super::turn::{Turn, was_injected};
use crate::turns::{GO_ON, Kept, Stop, Waiting, Warnings, emit, open_calls_end, withdraw};
use crate::work_dir;

/// One run: a process of the agent, and turns one after the other.
pub(super) struct Session<'a> {
    pub(super) runner: &'a AcpRunner,
    pub(super) cx: RunContext,
    pub(super) dir: PathBuf,
    pub(super) peer: Option<Peer>,
    pub(super) abilities: Abilities,
    pub(super) state: State,
    pub(super) turn: Turn,
    pub(super) kept: Kept,
    waiting: Waiting,
    pub(super) session: Option<String>,
    warnings: Warnings,
    /// Whether the agent is stopped without the end of its input, which it would take as an answer.
    pub(super) is_curt: bool,
}

/// What a turn begins with.
enum Prompt {
    Message(IncomingMessage),
    /// The turn that a crash cut off.
    Rest(String),
}

impl<'a> Session<'a> {
    pub(super) async fn open(runner: &'a AcpRunner, cx: RunContext) -> Result<Self, RunError> {
        let dir = work_dir::resolve(runner.work_dir.as_deref(), cx.task().work_dir.as_deref())?;
        let kept = cx.last_checkpoint().await?.unwrap_or_default();
        let session = cx.task().session_id.clone();
        let state = State::new(cx.task().usage, session.as_deref());
        Ok(Self {
            runner,
            cx,
            dir,
            peer: None,
            abilities: Abilities::default(),
            state,
            turn: Turn::default(),
            kept,
            waiting: Waiting::default(),
            session,
            warnings: Warnings::default(),
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
        loop {
            self.take_turn(prompt).await?;
            if self.cx.is_cancelled() {
                return Ok(());
            }
            prompt = match self.waiting.next(&self.cx).await? {
                Some(message) => Prompt::Message(message),
                None => return Ok(()),
            };
        }
    }

    async fn take_turn(&mut self, prompt: Prompt) -> RunResult {
        if self.cx.is_cancelled() || !self.start().await? {
            return Ok(());
        }
        let (anchor, content) = match prompt {
            // It is taken, and a turn that fails is told: it is not sent twice.
            Prompt::Message(message) => (message.id.to_string(), message.content),
            Prompt::Rest(anchor) => (anchor, vec![Content::text(GO_ON)]),
        };
        self.kept.begin_turn(&self.cx, &anchor).await?;
        self.turn = Turn::new(anchor);
        self.state.begin_turn();
        if let (Some(peer), Some(session)) = (&mut self.peer, &self.session) {
            let takes = self.abilities.takes;
            self.turn.prompt = Some(peer.request(Request::Prompt { session, content: &content, takes }));
        }
        let followed = self.follow().await;
        let (reason, error) = match followed {
            Ok(()) => self.turn.outcome(self.state.failure()),
            Err(error) => ("failed".to_owned(), Some(error)),
        };
        self.end_turn(&reason).await?;
        error.map_or(Ok(()), Err)
    }

    /// Follows the turn to its end.
    async fn follow(&mut self) -> RunResult {
        while self.turn.prompt.is_some() {
            let Some(peer) = &mut self.peer else { return Ok(()) };
            let stop = self.turn.stop;
            tokio::select! {
                biased;
                () = self.cx.cancelled(), if stop.is_none_or(|stop| !stop.is_cancel) => {
                    match self.runner.ladder.interrupt_wait() {
                        // An agent that is asked to stop counts its question as refused. A shutdown does not: the
                        // answer may come after it. So one that waits for an answer is ended without a word.
                        Some(wait) if self.turn.asking.is_empty() => {
                            self.interrupt(true, Instant::now() + wait).await?;
                        }
                        _ => {
                            self.turn.stop = Some(Stop { is_cancel: true, until: Instant::now() });
                            self.is_curt = !self.turn.asking.is_empty();
                            return Ok(());
                        }
                    }
                }
                () = self.cx.interrupted(), if stop.is_none() => {
                    self.interrupt(false, Instant::now() + self.runner.interrupt_wait).await?;
                }
                () = self.cx.steered(), if stop.is_none() && self.abilities.steers => self.steer().await?,
                (request, decision) = self.turn.asking.next_answer(), if stop.is_none() => {
                    // A question that failed because the run should stop is no answer.
                    if let Ok(decision) = decision {
                        peer.decide(&request, decision);
                    }
                }
                () = Stop::is_overdue(stop) => {
                    // It is deaf: the ladder sees to it, and the next turn has another process.
                    if stop.is_some_and(|stop| !stop.is_cancel) {
                        self.dismiss().await?;
                    }
                    return Ok(());
                }
                heard = peer.next() => self.on_heard(heard).await?,
            }
        }
        Ok(())
    }

    /// Asks the agent to stop its turn, and takes back what it wants to know.
    async fn interrupt(&mut self, is_cancel: bool, until: Instant) -> RunResult {
        let was_asked = self.turn.stop.is_some();
        self.turn.stop = Some(Stop { is_cancel, until });
        self.state.is_stopping = true;
        if let (Some(peer), Some(session), false) = (&mut self.peer, &self.session, was_asked) {
            peer.cancel(session);
            for request in self.turn.asking.requests() {
                peer.decide(&request, Decision::Cancelled);
            }
        }
        let open = self.turn.asking.withdraw_all();
        withdraw(&self.cx, open).await
    }

    /// Gives the agent a message in the middle of its turn.
    async fn steer(&mut self) -> RunResult {
        let Some(message) = self.cx.next_steering().await? else { return Ok(()) };
        if message.delivery == Delivery::Interrupt {
            // It came between the look and the taking.
            self.waiting.add([message]);
            return self.interrupt(false, Instant::now() + self.runner.interrupt_wait).await;
        }
        if let (Some(peer), Some(session)) = (&mut self.peer, &self.session) {
            let takes = self.abilities.takes;
            let call = peer.request(Request::Steer { session, content: &message.content, takes });
            self.turn.steering.push((call, message));
        }
        Ok(())
    }

    pub(super) async fn on_heard(&mut self, heard: Heard) -> RunResult {
        match heard {
            Heard::Answered(call, answer) => {
                if self.turn.prompt == Some(call) {
                    (self.turn.prompt, self.turn.answer) = (None, Some(answer));
                } else if let Some(at) = self.turn.steering.iter().position(|(steering, _)| *steering == call)
                {
                    let (_, message) = self.turn.steering.swap_remove(at);
                    if !was_injected(&answer) {
                        self.waiting.add([message]);
                    }
                }
                Ok(())
            }
            Heard::Asked(request, mut params) => {
                for output in self.state.tools.asked(&params["toolCall"]) {
                    self.emit(output).await?;
                }
                self.state.tools.complete(&mut params["toolCall"]);
                self.asked(request, &Leave::read(&params));
                Ok(())
            }
            Heard::Ended => {
                let obituary = self.peer.as_ref().map(Peer::obituary);
                self.dismiss().await?;
                if self.turn.stop.is_some() {
                    return Ok(());
                }
                obituary.map_or(Ok(()), Err)
            }
            Heard::Noise(words) => self.emit(Output::notice(NoticeLevel::Warning, words)).await,
            Heard::Said(line) => {
                for output in normalize(&mut self.state, &line) {
                    self.emit(output).await?;
                }
                Ok(())
            }
            Heard::Unknown(line) => self.emit(raw(&line)).await,
            Heard::Warned(line) => match self.warnings.shown(line) {
                Some(shown) => self.emit(shown).await,
                None => Ok(()),
            },
            Heard::Withdrawn(request) => {
                if let Some(peer) = &mut self.peer {
                    peer.decide(&request, Decision::Cancelled);
                }
                let keys = self.turn.asking.withdraw(&request);
                withdraw(&self.cx, keys).await
            }
        }
    }

    fn asked(&mut self, request: String, leave: &Leave) {
        let Some(peer) = &mut self.peer else { return };
        if self.turn.stop.is_some() || self.turn.prompt.is_none() {
            // Nobody is to be asked for a turn that is over.
            return peer.decide(&request, Decision::Cancelled);
        }
        let dirs: Vec<_> = self.dir.canonicalize().into_iter().collect();
        match leave.decided(self.runner.permissions, &dirs) {
            Some(decision) => peer.decide(&request, decision),
            None => {
                let key = self.turn.asking.key(&leave.digest);
                let asking = leave.clone().ask(self.cx.clone(), key.clone());
                self.turn.asking.ask(request, vec![key], asking);
            }
        }
    }

    pub(super) async fn emit(&mut self, output: Output) -> RunResult {
        emit(&self.cx, output).await
    }

    async fn end_turn(&mut self, reason: &str) -> RunResult {
        for output in self.state.close_calls(open_calls_end(reason)) {
            self.emit(output).await?;
        }
        if let Some(cost) = self.state.cost(self.turn.answer.as_ref()) {
            self.emit(cost).await?;
        }
        // Whoever did not answer in time did not take it in.
        self.waiting.add(self.turn.steering.drain(..).map(|(_, message)| message));
        let open = self.turn.asking.withdraw_all();
        withdraw(&self.cx, open).await?;
        self.cx.emit(Output::turn_ended(reason)).await?;
        self.kept.end_turn(&self.cx, reason).await
    }
}
