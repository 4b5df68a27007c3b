//! Following a task to its end, and running it where nobody else does: what `run`, `send -f` and `answer -f` share.

use std::time::Duration;

use task_core::{Seq, TaskId};

use crate::exit::{Code, Failure};
use crate::follow::{Ending, Follower};
use crate::look::Look;
use crate::printer::Printer;
use crate::screen::Screen;
use crate::session::Session;
use crate::signals::Wishes;
use crate::view::{Form, View};

/// What is followed, and how it is shown.
pub(super) struct Through {
    pub(super) task: TaskId,
    pub(super) after: Seq,
    pub(super) json: bool,
    /// Whether the message that started the task goes without saying.
    pub(super) skips_message: bool,
}

/// Follows the task to its end and ends the session. The task's outcome is the code.
pub(super) async fn follow(
    through: Through,
    mut session: Session,
    wishes: &Wishes,
    screen: &mut Screen,
) -> Result<Code, Failure> {
    let Through { task, after, json, skips_message } = through;
    let whose = if session.tasks.is_owner() {
        format!("task {task} runs here: Ctrl-C cancels it")
    } else {
        format!("task {task} runs in another process: Ctrl-C detaches, and it goes on")
    };
    screen.say(Look::Faint, &whose);
    let printer = Printer::new(screen.out_is_terminal());
    let printer = if skips_message { printer.without_first_message() } else { printer };
    let form = if json { Form::Json } else { Form::Words(Box::new(printer)) };
    let mut view = View::new(screen, form).prompting();
    let ending = Follower::new(&mut session, &mut view, wishes, task).after(after).running().follow().await;
    let outcome = match ending {
        Ok(Ending::Settled(snapshot, status)) => {
            let told = view.end(&snapshot, status).map_err(Failure::from);
            match told {
                Ok(()) => stay(&session, wishes, screen).await.map(|()| Code::of(status)),
                Err(failure) => Err(failure),
            }
        }
        Ok(Ending::Left) if session.tasks.is_owner() => Ok(Code::Interrupted),
        Ok(Ending::Left | Ending::TimedOut) => {
            detached(screen, task);
            Ok(Code::Detached)
        }
        Ok(Ending::OutputClosed) => Ok(Code::BrokenPipe),
        Err(failure) => Err(failure),
    };
    super::close(session, outcome).await
}

/// Says that the task goes on, and how to come back.
pub(super) fn detached(screen: &mut Screen, task: TaskId) {
    screen.clear_status();
    let words =
        format!("detached; the task goes on. Come back: tasks logs -f {task}. Stop it: tasks cancel {task}");
    screen.say(Look::Warn, &words);
}

/// Other tasks may have been started here meanwhile, for other terminals. The end of the process would interrupt them.
async fn stay(session: &Session, wishes: &Wishes, screen: &mut Screen) -> Result<(), Failure> {
    let mut told = false;
    loop {
        let others = session.work().await?;
        if others == 0 || wishes.stop.is_cancelled() || wishes.hang_up.is_cancelled() {
            break;
        }
        if !std::mem::replace(&mut told, true) {
            let words = match others {
                1 => "another task runs here; staying until it has ended. Ctrl-C interrupts it".to_owned(),
                others => format!(
                    "{others} other tasks run here; staying until they have ended. Ctrl-C interrupts them"
                ),
            };
            screen.say(Look::Warn, &words);
        }
        tokio::select! {
            () = wishes.stop.cancelled() => {}
            () = wishes.hang_up.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    Ok(())
}

/// How often it is looked whether other tasks still run.
const LOOK_EVERY: Duration = Duration::from_millis(200);
