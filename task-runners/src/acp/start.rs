//! The beginning and the end of the process of a run, and of its session.

use serde_json::Value;
use task_core::{NoticeLevel, Output, RunError, RunResult};
use tokio::time::{Instant, timeout_at};

use super::abilities::Abilities;
use super::peer::{Heard, Peer};
use super::request::{Answer, Place, Refusal, Request};
use super::session::Session;
use super::turn::Turn;
use crate::process::Mark;
use crate::text::{shortened, text};

impl Session<'_> {
    /// Sees to it that the agent is there, and its session. `false` when the run should stop instead.
    pub(super) async fn start(&mut self) -> Result<bool, RunError> {
        if self.peer.is_some() {
            return Ok(true);
        }
        self.turn = Turn::default();
        self.peer = Some(Peer::start(self.runner, &self.dir, Mark::new(self.cx.id())).await?);
        let until = Instant::now() + self.runner.start_wait;
        let Some(hello) = self.call(Request::Initialize, until).await? else { return Ok(false) };
        let hello = hello
            .map_err(|Refusal { words, .. }| RunError::new(format!("the agent refused to start: {words}")))?;
        self.abilities = Abilities::read(&hello);
        let Some(session) = self.open_session(&hello, until).await? else { return Ok(false) };
        Ok(self.set_mode(&session, until).await? && self.set_model(&session, until).await?)
    }

    /// Goes on in the session of the task, or begins one.
    async fn open_session(&mut self, hello: &Value, until: Instant) -> Result<Option<Value>, RunError> {
        let (dir, more) = (self.dir.clone(), self.more_dirs().await?);
        let place = Place { dir: &dir, more: &more };
        if let Some(session) = self.session.clone() {
            let again = [
                (self.abilities.resumes, Request::Resume(&session, place)),
                (self.abilities.loads, Request::Load(&session, place)),
            ];
            let mut lost = None;
            for (_, request) in again.into_iter().filter(|(is_able, _)| *is_able) {
                self.state.is_replaying = matches!(request, Request::Load(..));
                let answer = self.call(request, until).await?;
                self.state.is_replaying = false;
                match answer {
                    None => return Ok(None),
                    Some(Ok(answer)) => return Ok(Some(answer)),
                    Some(Err(refusal)) => lost = Some(refusal),
                }
            }
            // Else the crash came before the agent had kept anything of the session that it had just named.
            if self.kept.has_history {
                if let Some(refusal) = lost.as_ref().filter(|refusal| !refusal.is_not_found()) {
                    match self.has_lost(&session, refusal, until).await? {
                        None => return Ok(None),
                        Some(false) => return Err(self.no_session(hello, refusal)),
                        Some(true) => {}
                    }
                }
                self.forgotten(lost.as_ref()).await?;
            }
            (self.session, self.state.session) = (None, None);
        }
        let Some(answer) = self.call(Request::New(place), until).await? else { return Ok(None) };
        let answer = answer.map_err(|refusal| self.no_session(hello, &refusal))?;
        let session = text(&answer, "sessionId");
        if session.is_empty() {
            return Err(RunError::new("the agent began a session and did not name it"));
        }
        self.cx.set_session(session).await?;
        (self.session, self.state.session) = (Some(session.to_owned()), Some(session.to_owned()));
        Ok(Some(answer))
    }

    /// Whether the agent refused a session that it does not know: some do not tell that from any other trouble. It has
    /// to list all of its sessions, and this is none of them. `None` when the run should stop instead.
    async fn has_lost(
        &mut self,
        session: &str,
        refusal: &Refusal,
        until: Instant,
    ) -> Result<Option<bool>, RunError> {
        // Who has to log in first may see no sessions.
        if !self.abilities.lists || refusal.wants_login() {
            return Ok(Some(false));
        }
        let mut cursor = None;
        for _ in 0..PAGES {
            let Some(answer) = self.call(Request::List { after: cursor.as_deref() }, until).await? else {
                return Ok(None);
            };
            let page = answer.unwrap_or_default();
            let Some(sessions) = page["sessions"].as_array() else { return Ok(Some(false)) };
            if sessions.iter().any(|known| text(known, "sessionId") == session) {
                return Ok(Some(false));
            }
            match text(&page, "nextCursor") {
                "" => return Ok(Some(true)),
                next => cursor = Some(next.to_owned()),
            }
        }
        Ok(Some(false))
    }

    /// The directories beside the one that it works in, if the agent takes any.
    async fn more_dirs(&mut self) -> Result<Vec<String>, RunError> {
        let more: Vec<_> = self.cx.task().add_dirs.iter().flatten().cloned().collect();
        if self.abilities.takes_dirs || more.is_empty() {
            // They have to be absolute.
            let absolute = |dir: String| self.dir.join(dir).to_string_lossy().into_owned();
            return Ok(more.into_iter().map(absolute).collect());
        }
        self.warn("The agent takes no more directories; those of the task are left out.".to_owned()).await?;
        Ok(Vec::new())
    }

    async fn forgotten(&mut self, refusal: Option<&Refusal>) -> RunResult {
        let why = refusal.map(|refusal| format!(" ({})", refusal.words)).unwrap_or_default();
        let words = format!(
            "The agent cannot go on in its session{why}. It begins a new one, and knows nothing of what was said before."
        );
        self.warn(words).await
    }

    /// Why there is no session, and what to do about it.
    fn no_session(&self, hello: &Value, refusal: &Refusal) -> RunError {
        let words = format!("the agent opens no session: {}", refusal.words);
        if !refusal.wants_login() {
            return RunError::new(words);
        }
        let methods = hello["authMethods"].as_array().into_iter().flatten();
        let methods = methods.flat_map(|method| [text(method, "description"), text(method, "name")]);
        let ways: Vec<_> = methods.filter(|way| !way.is_empty()).map(|way| shortened(way, WORDS)).collect();
        RunError::new(format!("{words}; somebody has to log in first: {}", ways.join("; ")))
    }

    /// Works in the mode of the runner, where the agent has it.
    async fn set_mode(&mut self, session: &Value, until: Instant) -> Result<bool, RunError> {
        let modes = &session["modes"];
        let known = modes["availableModes"].as_array().into_iter().flatten().map(|mode| text(mode, "id"));
        let known: Vec<_> = known.collect();
        let mode = match self.runner.mode.as_deref() {
            Some(mode) if known.contains(&mode) => mode,
            Some(mode) => {
                let words = format!("the agent has no mode `{mode}`; it has: {}", known.join(", "));
                return Err(RunError::new(words));
            }
            None => match MODES.iter().find(|mode| known.contains(mode)) {
                Some(mode) => mode,
                None => return Ok(true),
            },
        };
        if text(modes, "currentModeId") == mode {
            return Ok(true);
        }
        let Some(own) = self.session.clone() else { return Ok(true) };
        let answer = self.call(Request::SetMode { session: &own, mode }, until).await?;
        accepted(answer, "the mode", mode)
    }

    /// Uses the model of the task, or else of the runner.
    async fn set_model(&mut self, session: &Value, until: Instant) -> Result<bool, RunError> {
        let model = self.cx.task().model.clone().or_else(|| self.runner.model.clone());
        let (Some(model), Some(own)) = (model, self.session.clone()) else { return Ok(true) };
        let is_model = |option: &&Value| text(option, "category") == "model" || text(option, "id") == "model";
        let request = match session["configOptions"].as_array().into_iter().flatten().find(is_model) {
            Some(option) if text(option, "currentValue") == model => return Ok(true),
            Some(option) => Request::SetOption { session: &own, option: text(option, "id"), value: &model },
            None if text(&session["models"], "currentModelId") == model => return Ok(true),
            None if session["models"].is_object() => Request::SetModel { session: &own, model: &model },
            None => {
                let words = format!("The agent lets nobody choose its model; `{model}` is not used.");
                self.warn(words).await?;
                return Ok(true);
            }
        };
        let answer = self.call(request, until).await?;
        accepted(answer, "the model", &model)
    }

    /// Asks something, and waits for the answer. `None` when the run should stop instead.
    async fn call(&mut self, request: Request<'_>, until: Instant) -> Result<Option<Answer>, RunError> {
        let Some(peer) = &mut self.peer else { return Ok(None) };
        let call = peer.request(request);
        loop {
            let Some(peer) = &mut self.peer else {
                return Err(RunError::new("the agent did not start"));
            };
            let heard = tokio::select! {
                biased;
                () = self.cx.cancelled() => return Ok(None),
                heard = timeout_at(until, peer.next()) => heard,
            };
            match heard {
                Ok(Heard::Answered(answered, answer)) if answered == call => return Ok(Some(answer)),
                Ok(heard) => self.on_heard(heard).await?,
                Err(_) => {
                    let (wait, tail) = (self.runner.start_wait, peer.tail());
                    return Err(RunError::new(format!(
                        "the agent was not ready within {wait:?} of its start{tail}"
                    )));
                }
            }
        }
    }

    async fn warn(&mut self, words: String) -> RunResult {
        self.emit(Output::notice(NoticeLevel::Warning, words)).await
    }

    /// Ends the process of the agent, and everything it left running.
    pub(super) async fn dismiss(&mut self) -> RunResult {
        if let Some(peer) = self.peer.take() {
            let ladder = self.runner.ladder;
            peer.stop(&if self.is_curt { ladder.close_stdin(None) } else { ladder }).await?;
        }
        Ok(())
    }
}

fn accepted(answer: Option<Answer>, what: &str, value: &str) -> Result<bool, RunError> {
    match answer {
        None => Ok(false),
        Some(Ok(_)) => Ok(true),
        Some(Err(Refusal { words, .. })) => {
            Err(RunError::new(format!("the agent does not take {what} `{value}`: {words}")))
        }
    }
}

/// The mode in which leave is asked of us, as far as agents have one: usually, and at Codex, where another model is asked
/// unless told otherwise.
const MODES: &[&str] = &["default", "read-only"];

/// Pages of a list of sessions that are read; an agent may never come to an end.
const PAGES: u32 = 500;

/// Characters of a way to log in.
const WORDS: usize = 300;
