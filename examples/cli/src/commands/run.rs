use std::path::Path;

use task_core::{MessageId, NewTask, Seq, Task, TaskError};

use super::through::{self, Through};
use crate::agents;
use crate::args::{General, Run, StoreUrl};
use crate::exit::{Code, Failure};
use crate::screen::Screen;
use crate::session::{Session, persist};
use crate::signals;

/// Starts a task, and follows it unless that is not wanted.
pub(super) async fn run(general: &General, args: Run, screen: &mut Screen) -> Result<Code, Failure> {
    let Run { agent, model, dir, detach, json, message } = args;
    let new = NewTask::new(&agent, super::message(message)?)
        .work_dir(work_dir(dir.as_deref().unwrap_or(Path::new(".")))?)
        // Asked for again after trouble with the store, it is the same task.
        .idempotency_key(MessageId::new().to_string());
    let new = model.into_iter().fold(new, NewTask::model);
    if detach {
        return leave(general, new, json, screen).await;
    }
    let wishes = signals::listen().map_err(|error| Failure::new(Code::Unavailable, error.to_string()))?;
    let session = Session::own_or_observe(general, &agent).await?;
    match create(&session, new).await {
        Ok(task) => {
            let through = Through { task: task.id, after: Seq::ZERO, json, skips_message: true };
            through::follow(through, session, &wishes, screen).await
        }
        Err(failure) => super::close(session, Err(failure)).await,
    }
}

async fn leave(general: &General, new: NewTask, json: bool, screen: &mut Screen) -> Result<Code, Failure> {
    if general.store == StoreUrl::Memory {
        return Err(Failure::usage("--detach: a task in memory: is gone when this program leaves"));
    }
    let session = Session::observe_or_make(general).await?;
    let outcome = async {
        let task = create(&session, new).await?;
        if json {
            screen.json(&super::show::document(&task))?
        } else {
            screen.line(&task.id.to_string())?
        }
        super::tell_if_alone(&session, screen, " or another `tasks run`").await?;
        Ok(Code::Ok)
    };
    let outcome = outcome.await;
    super::close(session, outcome).await
}

async fn create(session: &Session, new: NewTask) -> Result<Task, Failure> {
    match persist(|| session.tasks.create(new.clone())).await {
        Err(TaskError::UnknownAgent { agent_id }) => {
            let known = session.agents();
            let meant = agents::similar(&agent_id, known)
                .map_or(String::new(), |id| format!(" Did you mean `{id}`?"));
            let known = known.join(", ");
            Err(Failure::usage(format!("there is no agent `{agent_id}`; there are: {known}.{meant}")))
        }
        outcome => Ok(outcome?),
    }
}

/// The directory, whole: whoever runs the task may be somewhere else.
fn work_dir(dir: &Path) -> Result<String, Failure> {
    let wrong = |why: &str| Failure::usage(format!("--dir {}: {why}", dir.display()));
    let whole = dir.canonicalize().map_err(|error| wrong(&error.to_string()))?;
    if !whole.is_dir() {
        return Err(wrong("this is not a directory"));
    }
    whole.into_os_string().into_string().map_err(|_| wrong("its name is not UTF-8"))
}
