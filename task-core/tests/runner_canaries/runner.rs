//! A small runner that can do everything and keeps the contract, unless it is told to break one rule of it.

use std::future::pending;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use task_core::{
    AgentRunner, Ask, Capabilities, NoticeLevel, Output, RequestOption, RunContext, RunError, RunId,
    RunResult, ToolCall, ToolStatus, ToolUpdate,
};
use tokio::time::sleep;

use crate::fault::Fault;
use crate::place::{World, locked};

/// The runner of one process.
pub(crate) struct BrokenRunner {
    fault: Option<Fault>,
    resumes: bool,
    process: u32,
    world: Arc<World>,
}

/// A message that was taken: its name, and what it says.
type Turn = (String, String);

impl BrokenRunner {
    pub(crate) const fn new(fault: Option<Fault>, resumes: bool, process: u32, world: Arc<World>) -> Self {
        Self { fault, resumes, process, world }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

#[async_trait]
impl AgentRunner for BrokenRunner {
    async fn run(&self, cx: RunContext) -> RunResult {
        self.begin(&cx).await?;
        let saved = cx.last_checkpoint::<Option<Turn>>().await?.flatten();
        let comes_back = cx.is_resumed() && !self.is(Fault::ForgetsAfterRestart);
        let mut next = saved.filter(|_| comes_back || self.is(Fault::CancelledComesBack));
        if next.is_some() && self.is(Fault::ResumedDoesNothing) {
            return Ok(());
        }
        loop {
            let turn = match next.take() {
                Some(turn) => turn,
                None => match self.next(&cx).await? {
                    Some(turn) => turn,
                    None => return Ok(()),
                },
            };
            self.turn(&cx, &turn).await?;
            if cx.is_cancelled() {
                return if self.is(Fault::CancelHangsEarly) { pending().await } else { Ok(()) };
            }
            if self.is(Fault::DrainsAtTheEnd) {
                cx.next_message().await?;
            }
            if !self.is(Fault::TurnsWithoutEnd) {
                cx.emit(Output::turn_ended("done")).await?;
            }
        }
    }

    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::default().with_steer().with_interrupt();
        let resumes = self.resumes || (self.is(Fault::CrashResumes) && self.process > 0);
        if resumes { capabilities.with_resume_after_restart() } else { capabilities }
    }

    async fn clean_up(&self, runs: &[RunId]) {
        match self.fault {
            Some(Fault::CleanUpNothing | Fault::KillIsForgotten) => {}
            Some(Fault::CleanUpHangs) => pending().await,
            Some(Fault::CleanUpKillsAll) => self.world.kill(|_| true),
            _ => self.world.kill(|run| runs.contains(&run)),
        }
    }
}

impl BrokenRunner {
    async fn begin(&self, cx: &RunContext) -> RunResult {
        let id = cx.task().id;
        if self.world.broken.load(Ordering::Relaxed) {
            match self.fault {
                Some(Fault::PanicPoisons) => panic!("a lock is poisoned"),
                _ => return Err(RunError::new("it failed before")),
            }
        }
        match self.fault {
            Some(Fault::RestartIsFinal) if cx.is_resumed() => return Err(RunError::new("where was I?")),
            Some(Fault::EmitsBeforeItsMessage) => cx.notice(NoticeLevel::Info, "hello").await?,
            Some(Fault::EndLeavesAnEmitter) => emit_for_ever(cx.clone()),
            Some(Fault::SkipsAfterRestart) if cx.is_resumed() => drop(cx.next_message().await?),
            Some(Fault::OneRunOnly) if cx.run() > 1 => while cx.next_message().await?.is_some() {},
            _ => {}
        }
        let session = match self.fault {
            Some(Fault::SessionOfTheProcess) => format!("{id}-{}", self.process),
            Some(Fault::SessionOfTheRun) => format!("{id}-{}", cx.run()),
            _ => format!("{id}"),
        };
        cx.set_session(session).await
    }

    async fn next(&self, cx: &RunContext) -> Result<Option<Turn>, RunError> {
        let mut next = cx.next_message().await?;
        if self.is(Fault::CompletesWithoutDoing) {
            while cx.next_message().await?.is_some() {}
            return Ok(None);
        }
        while self.is(Fault::KeepsTheLastMessage)
            && let Some(later) = cx.next_message().await?
        {
            next = Some(later);
        }
        Ok(next.map(|message| (message.id.to_string(), message.text())))
    }

    async fn turn(&self, cx: &RunContext, turn: &Turn) -> RunResult {
        let (name, text) = turn;
        let (act, with) = text.split_once(' ').unwrap_or((text, ""));
        match act {
            "ask" => self.ask(cx, turn, with).await,
            "fail" => {
                self.world.broken.store(self.is(Fault::FailsForEver), Ordering::Relaxed);
                Err(RunError::new(if self.is(Fault::ErrorHasNoWords) { "error" } else { with }))
            }
            "hang" => {
                if self.is(Fault::HangLeavesAnEmitter) {
                    emit_for_ever(cx.clone());
                }
                if self.is(Fault::BlocksItsThread) {
                    cx.cancelled().await;
                    std::thread::sleep(Duration::from_millis(1_600));
                }
                pending().await
            }
            "panic" => {
                self.world.broken.store(self.is(Fault::PanicPoisons), Ordering::Relaxed);
                if self.is(Fault::PanicIsSilent) {
                    std::panic::panic_any(7_u8);
                }
                panic!("a message asked for it");
            }
            "permit" => self.permit(cx, name, with).await,
            "say" => self.say(cx, name, with).await,
            "spawn" => self.spawn(cx, with).await,
            "stream" => self.stream(cx, turn).await,
            _ => self.work(cx, turn).await,
        }
    }

    async fn say(&self, cx: &RunContext, name: &str, words: &str) -> RunResult {
        let call = if self.is(Fault::CallsAlike) { "call".to_owned() } else { format!("call-{name}") };
        if !self.is(Fault::UpdatesOfNothing) {
            cx.tool_call(ToolCall::new(&*call, "think")).await?;
        }
        let mut words: Vec<_> = words.split(' ').map(str::to_owned).collect();
        match self.fault {
            Some(Fault::BlockOfTwoKinds) => cx.thinking(name, "hm").await?,
            Some(Fault::MixesTasks) => {
                locked(&self.world.words).append(&mut words);
                sleep(Duration::from_millis(1)).await;
                words.append(&mut locked(&self.world.words));
            }
            Some(Fault::TextIsAscii) => words.iter_mut().for_each(|word| word.retain(|c| c.is_ascii())),
            Some(Fault::TextLosesItsMiddle) if words.len() > 1_100 => drop(words.drain(1_000..1_001)),
            _ => {}
        }
        for (at, word) in words.into_iter().enumerate() {
            cx.text(name, format!("{word} ")).await?;
            if at < 50 {
                // A moment in which others get their turn.
                sleep(Duration::from_millis(1)).await;
            }
            if self.is(Fault::CancelHangsEarly) && cx.is_cancelled() {
                return pending().await;
            }
        }
        let open = self.is(Fault::CallLeftOpen);
        let status = if open { ToolStatus::Running } else { ToolStatus::Completed };
        cx.tool_update(ToolUpdate::new(call, status)).await
    }

    async fn ask(&self, cx: &RunContext, turn: &Turn, question: &str) -> RunResult {
        let name = &turn.0;
        let key = match self.fault {
            Some(Fault::AsksAgain) => format!("{name}-{}", cx.run()),
            Some(Fault::AsksUnderOneKey) => "question".to_owned(),
            _ => name.clone(),
        };
        if self.is(Fault::QuestionIsANotice) {
            cx.notice(NoticeLevel::Info, question).await?;
            return pending().await;
        }
        cx.checkpoint(&Some(turn)).await?;
        let answer = match cx.ask(Ask::question(question).key(key)).await {
            Err(_) if self.is(Fault::CancelIgnoredWhileAsking) => return pending().await,
            answer => answer?.text(),
        };
        cx.checkpoint(&None::<Turn>).await?;
        let said = match self.fault {
            Some(Fault::AnswerIgnored) => "thanks".to_owned(),
            Some(Fault::AnswersShared) => {
                locked(&self.world.answer).get_or_insert_with(|| answer.clone()).clone()
            }
            _ => answer,
        };
        cx.text(&**name, said).await
    }

    async fn permit(&self, cx: &RunContext, name: &str, what: &str) -> RunResult {
        let mut ask = Ask::permission(what).key(name).option(RequestOption::new("yes", "Yes"));
        if !self.is(Fault::PermissionWithoutChoice) {
            ask = ask.option(RequestOption::new("no", "No"));
        }
        let answer = cx.ask(ask).await?.text();
        cx.text(name, if self.is(Fault::DecisionIgnored) { "done" } else { &answer }).await
    }

    async fn stream(&self, cx: &RunContext, turn: &Turn) -> RunResult {
        let name = &turn.0;
        if matches!(self.fault, Some(Fault::BackgroundEmits | Fault::ShutdownLeavesAnEmitter)) {
            emit_for_ever(cx.clone());
        }
        if self.is(Fault::CancelledComesBack) {
            cx.checkpoint(&Some(turn)).await?;
        }
        loop {
            cx.text(&**name, ". ").await?;
            // The clock of the test goes on only when everybody waits for it.
            sleep(Duration::from_millis(10)).await;
            if cx.is_cancelled() && !self.is(Fault::CancelIgnoredWhileStreaming) {
                self.world.stop.store(self.is(Fault::CancelStopsAll), Ordering::Relaxed);
                return Ok(());
            }
            if self.world.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if !self.is(Fault::InterruptWaits) && cx.interrupted().now_or_never().is_some() {
                return Ok(());
            }
            if !self.is(Fault::SteeringWaits)
                && cx.steered().now_or_never().is_some()
                && let Some(message) = cx.next_steering().await?
            {
                cx.text(&**name, format!("noted: {}", message.text())).await?;
            }
        }
    }

    async fn spawn(&self, cx: &RunContext, number: &str) -> RunResult {
        let child = Command::new("sleep").arg(number).spawn()?;
        locked(&self.world.processes).entry(cx.id()).or_default().push(child);
        let _killed = KilledOnDrop { runner: self, run: cx.id() };
        cx.cancelled().await;
        Ok(())
    }

    async fn work(&self, cx: &RunContext, turn: &Turn) -> RunResult {
        cx.checkpoint(&Some(turn)).await?;
        for step in 0..10 {
            cx.text(&*turn.0, format!("step-{step} ")).await?;
            cx.flush().await?;
            sleep(Duration::from_millis(20)).await;
        }
        cx.checkpoint(&None::<Turn>).await
    }
}

/// The processes of a run go with its future.
struct KilledOnDrop<'a> {
    runner: &'a BrokenRunner,
    run: RunId,
}

impl Drop for KilledOnDrop<'_> {
    fn drop(&mut self) {
        if !matches!(self.runner.fault, Some(Fault::DropLeavesProcesses | Fault::KillIsForgotten)) {
            self.runner.world.kill(|run| run == self.run);
        }
    }
}

/// What nobody waits for, and nobody stops.
fn emit_for_ever(cx: RunContext) {
    tokio::spawn(async move {
        loop {
            cx.text("background", "still here").await.ok();
            sleep(Duration::from_millis(20)).await;
        }
    });
}
