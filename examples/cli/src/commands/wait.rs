use task_core::TaskId;
use tokio::time::Instant;

use super::through::detached;
use crate::args::{General, Wait};
use crate::exit::{Code, Failure};
use crate::follow::{Ending, Follower};
use crate::screen::Screen;
use crate::session::Session;
use crate::view::{Form, View};
use crate::{ids, signals};

/// Waits for the end of a task, which is the code.
pub(super) async fn run(general: &General, args: Wait, screen: &mut Screen) -> Result<Code, Failure> {
    let Wait { id, timeout, json } = args;
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let wishes = signals::listen().map_err(|error| Failure::new(Code::Unavailable, error.to_string()))?;
    let mut session = Session::observe(general).await?;
    let found = ids::load(&session.tasks, &id).await;
    let outcome = match found {
        Ok(task) => {
            let mut view = View::new(screen, Form::Nothing);
            let follower =
                Follower::new(&mut session, &mut view, &wishes, task.id).after(task.seq).until(deadline);
            match follower.follow().await {
                Ok(Ending::Settled(task, status)) => {
                    let told = view.end(&task, status);
                    let shown = if json { screen.json(&super::show::document(&task)) } else { Ok(()) };
                    told.and(shown).map(|()| Code::of(status)).map_err(Failure::from)
                }
                Ok(Ending::Left) => {
                    detached(screen, task.id);
                    Ok(Code::Detached)
                }
                Ok(Ending::OutputClosed) => Ok(Code::BrokenPipe),
                Ok(Ending::TimedOut) => Err(timed_out(&session, task.id).await),
                Err(failure) => Err(failure),
            }
        }
        Err(failure) => Err(failure),
    };
    super::close(session, outcome).await
}

async fn timed_out(session: &Session, id: TaskId) -> Failure {
    let status = session.tasks.get(id).await.map_or("not settled", |task| task.status.as_str());
    Failure::new(Code::Timeout, format!("--timeout: task {id} is {status}, and goes on"))
}
