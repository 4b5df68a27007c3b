use task_core::{Task, TaskError};

use super::through::{self, Through};
use crate::args::{Answer, General};
use crate::exit::{Code, Failure};
use crate::screen::Screen;
use crate::session::Session;
use crate::{answers, ids, signals};

/// Answers a question.
pub(super) async fn run(general: &General, args: Answer, screen: &mut Screen) -> Result<Code, Failure> {
    let Answer { id, request, answer, follow, json } = args;
    let wishes = signals::listen().map_err(|error| Failure::new(Code::Unavailable, error.to_string()))?;
    let mut session = Session::observe(general).await?;
    let outcome = async {
        let task = ids::load(&session.tasks, &id).await?;
        super::settle_if_left(&mut session, &task).await?;
        let task = give(&session, &task, &request, &answer).await?;
        if follow {
            session.take_over(&task.agent_id).await?;
        }
        if !follow {
            if json {
                screen.json(&super::show::document(&task))?;
            }
            if !task.status.is_settled() {
                super::tell_if_alone(&session, screen, ", or follow it with --follow").await?;
            }
        }
        Ok(task)
    };
    match outcome.await {
        Ok(task) if follow => {
            let through = Through { task: task.id, after: task.seq, json, skips_message: false };
            through::follow(through, session, &wishes, screen).await
        }
        outcome => super::close(session, outcome.map(|_| Code::Ok)).await,
    }
}

async fn give(session: &Session, task: &Task, typed: &str, answer: &str) -> Result<Task, Failure> {
    let (request_id, value) = match answers::find(task, typed) {
        Some(request) => (&*request.request_id, answers::meant(request, answer)),
        // The store knows whether it was answered before.
        None => (typed, answer.into()),
    };
    match session.tasks.answer(task.id, request_id, value).await {
        Err(TaskError::NoRequest(_)) => Err(answers::unknown(task, typed)),
        outcome => Ok(outcome?),
    }
}
