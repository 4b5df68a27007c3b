use std::time::Duration;

use task_core::{TaskError, TaskId};
use tokio::time::timeout;

use crate::args::{General, Several};
use crate::exit::{Code, Failure};
use crate::ids;
use crate::look::Look;
use crate::screen::Screen;
use crate::session::{Session, persist};

/// Stops tasks: all are asked first, then waited for. What cannot be stopped keeps none of the others from it.
pub(super) async fn run(general: &General, args: Several, screen: &mut Screen) -> Result<Code, Failure> {
    let mut session = Session::observe(general).await?;
    let mut code = Code::Ok;
    let mut asked = Vec::new();
    for typed in &args.ids {
        match ask(&session, typed).await {
            Ok(id) => asked.push(id),
            Err(failure) => code = failed(screen, code, &failure),
        }
    }
    for id in asked {
        match stopped(&mut session, id, screen).await {
            Ok(()) => screen.line(&id.to_string())?,
            Err(failure) => code = failed(screen, code, &failure),
        }
    }
    super::close(session, Ok(code)).await
}

/// Tells a failure; the first is the one to end with.
pub(super) fn failed(screen: &mut Screen, code: Code, failure: &Failure) -> Code {
    screen.fail(failure.code, &failure.message);
    if code == Code::Ok { failure.code } else { code }
}

async fn ask(session: &Session, typed: &str) -> Result<TaskId, Failure> {
    let id = ids::load(&session.tasks, typed).await?.id;
    match persist(|| session.tasks.cancel(id)).await {
        Ok(_) => Ok(id),
        Err(TaskError::WrongState(error)) => {
            Err(Failure::new(Code::WrongState, format!("task {id} is {} already", error.from)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn stopped(session: &mut Session, id: TaskId, screen: &mut Screen) -> Result<(), Failure> {
    let task = session.tasks.get(id).await?;
    super::settle_if_left(session, &task).await?;
    match timeout(PATIENCE, session.tasks.wait(id)).await {
        Ok(outcome) => outcome.map(drop).map_err(Failure::from),
        Err(_) => {
            let words = format!("task {id} was asked to stop {} s ago and has not yet", PATIENCE.as_secs());
            screen.say(Look::Warn, &words);
            Ok(())
        }
    }
}

/// How long to wait for a task to stop. The owner gives it less, unless it was set up otherwise.
const PATIENCE: Duration = Duration::from_secs(10);
