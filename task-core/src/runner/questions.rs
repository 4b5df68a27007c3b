//! What a run wants to know.

use serde_json::Value;

use super::ask::{Answer, Ask};
use super::context::RunContext;
use super::error::{RunError, RunResult};
use crate::model::InputAnswered;
use crate::rt::{lock, select};

impl RunContext {
    /// Asks whoever looks after the task, and waits for the answer: minutes, days, over restarts.
    ///
    /// The question is in the log for every viewer. The first answer wins. When the run is interrupted the question
    /// stays open; an answer then starts the next run, which gets it at once when it asks under the same
    /// [key](Ask::key).
    ///
    /// Cancel safe: dropping the call leaves the question open; asking again under the same key waits for it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use task_core::{Ask, RequestOption, RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     let question = Ask::permission("Delete `build`?")
    ///         .option(RequestOption::new("allow", "Allow"))
    ///         .option(RequestOption::new("deny", "Deny"))
    ///         .default_after(Duration::from_secs(3600), "deny");          // without this it waits for ever
    ///     if cx.ask(question).await?.text() == "allow" {
    ///         cx.text("reply", "Deleted.").await?;
    ///     }
    ///     Ok(())
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    ///
    /// # Errors
    ///
    /// When the question is not valid, the store failed, or the run is over or asked to stop.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, RunError> {
        let limits = self.0.journal.limits();
        ask.check(limits.message_bytes)?;
        let limit = limits.open_requests;
        let key = match &ask.key {
            Some(key) => key.clone(),
            None => self.unnamed(&ask),
        };
        let id = self.0.task.id;
        let request_id = self.0.task.request_id(&key);
        let mut answers_seen = None;
        loop {
            // An answer to an earlier run, or one that comes right now. What was counted before looking tells whether
            // the look is still good when the question is recorded: an answer in between must not be asked for again.
            if let Some(answer) = self.0.journal.answer(id, &request_id).await? {
                return Ok(answer.into());
            }
            let (question, seen) = (ask.clone().into_request(&request_id), answers_seen);
            let (answers, open) = self.update(move |draft| question.open(draft, seen, limit)).await?;
            if open {
                break;
            }
            answers_seen = Some(answers);
        }

        // Answered or closed: either way it is no longer open.
        select! {
            biased;
            () = self.wait_for(|task| task.request(&request_id).is_none()) => {}
            () = self.0.cancel.cancelled() => {}
        }
        match self.0.journal.answer(id, &request_id).await? {
            Some(answer) => Ok(answer.into()),
            None => {
                Err(RunError::new(format!("the run was asked to stop while request `{request_id}` was open")))
            }
        }
    }

    /// Takes back the question that was asked under `key`, when what wanted to know is gone: nobody has to answer it any
    /// more. It counts as answered, by `runner`, with `answer`; asking under the same key again asks anew. Does nothing
    /// when the question is not open: whoever answered first was first.
    ///
    /// Drop the call of [`RunContext::ask`] before.
    ///
    /// ```
    /// use task_core::{Ask, RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     tokio::select! {
    ///         answer = cx.ask(Ask::question("Which port?").key("port")) => cx.text("port", answer?.text()).await,
    ///         // Nobody has to answer any more, and the call above is dropped.
    ///         port = find_a_port() => {
    ///             cx.withdraw("port", port).await?;
    ///             cx.text("port", port.to_string()).await
    ///         }
    ///     }
    /// }
    /// # async fn find_a_port() -> u16 {
    /// #     tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    /// #     3000
    /// # }
    /// # task_core::testing::examples::talk(agent, async |tasks, task| {
    /// #     assert!(tasks.wait(task.id).await?.requests.is_empty());
    /// #     Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// When the store failed, or the run is over.
    pub async fn withdraw(&self, key: &str, answer: impl Into<Value>) -> RunResult {
        let (request_id, answer) = (self.0.task.request_id(key), answer.into());
        self.update(move |draft| {
            if draft.task().request(&request_id).is_some() {
                let (request_id, answer) = (request_id.clone(), answer.clone());
                draft.record(InputAnswered { request_id, answer, by: "runner".to_owned() })?;
            }
            Ok(())
        })
        .await
    }

    /// The name of a question that was given none: what is asked, and how often this run asked that before. So only
    /// the same question finds an earlier answer.
    fn unnamed(&self, ask: &Ask) -> String {
        let asks = ask.digest();
        let mut asked = lock(&self.0.asked);
        let times = asked.entry(asks.clone()).or_default();
        *times += 1;
        // No name that a runner may give has a tilde.
        format!("~{asks}.{times}")
    }
}
