use task_core::TaskId;

use super::cancel::failed;
use crate::args::{General, Several};
use crate::exit::{Code, Failure};
use crate::ids;
use crate::screen::Screen;
use crate::session::Session;

/// Forgets tasks. What cannot be removed keeps none of the others from it.
pub(super) async fn run(general: &General, args: Several, screen: &mut Screen) -> Result<Code, Failure> {
    let mut session = Session::observe(general).await?;
    let mut code = Code::Ok;
    for typed in &args.ids {
        match remove(&mut session, typed).await {
            Ok(id) => screen.line(&id.to_string())?,
            Err(failure) => code = failed(screen, code, &failure),
        }
    }
    super::close(session, Ok(code)).await
}

async fn remove(session: &mut Session, typed: &str) -> Result<TaskId, Failure> {
    let task = ids::load(&session.tasks, typed).await?;
    super::settle_if_left(session, &task).await?;
    session.tasks.delete(task.id).await?;
    Ok(task.id)
}
