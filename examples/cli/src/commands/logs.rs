use task_core::{Seq, Task};

use super::through::detached;
use crate::args::{General, Logs};
use crate::exit::{Code, Failure};
use crate::follow::{Ending, Follower};
use crate::printer::Printer;
use crate::screen::Screen;
use crate::session::Session;
use crate::view::{Form, View};
use crate::{ids, signals};

/// Prints what happened in a task, and what happens.
pub(super) async fn run(general: &General, args: Logs, screen: &mut Screen) -> Result<Code, Failure> {
    let mut session = Session::observe(general).await?;
    let outcome = match ids::load(&session.tasks, &args.id).await {
        Ok(task) if args.after > task.seq => {
            let words = format!("--after {}: the log of task {} ends at {}", args.after, task.id, task.seq);
            Err(Failure::usage(words))
        }
        Ok(task) => {
            let printer = Printer::new(screen.out_is_terminal());
            let form = if args.json { Form::Json } else { Form::Words(Box::new(printer)) };
            if args.follow {
                follow(&mut session, &task, args.after, form, screen).await
            } else {
                print(&session, &task, args.after, form, screen).await
            }
        }
        Err(failure) => Err(failure),
    };
    super::close(session, outcome).await
}

/// What there is, to the event that is the newest now and hardly further: it ends however fast the task goes on.
async fn print(
    session: &Session,
    task: &Task,
    mut after: Seq,
    form: Form,
    screen: &mut Screen,
) -> Result<Code, Failure> {
    let mut view = View::new(screen, form);
    while after < task.seq {
        let events = session.tasks.events(task.id, after, PAGE).await?;
        let Some(last) = events.last() else { break };
        after = last.seq();
        view.events(&events)?;
    }
    screen.end_line()?;
    Ok(Code::Ok)
}

async fn follow(
    session: &mut Session,
    task: &Task,
    after: Seq,
    form: Form,
    screen: &mut Screen,
) -> Result<Code, Failure> {
    let wishes = signals::listen().map_err(|error| Failure::new(Code::Unavailable, error.to_string()))?;
    let mut view = View::new(screen, form);
    match Follower::new(session, &mut view, &wishes, task.id).after(after).follow().await? {
        Ending::Settled(task, status) => {
            view.end(&task, status)?;
            Ok(Code::Ok)
        }
        Ending::OutputClosed => Ok(Code::BrokenPipe),
        Ending::Left | Ending::TimedOut => {
            detached(screen, task.id);
            Ok(Code::Detached)
        }
    }
}

/// Events read at a time.
const PAGE: usize = 1_000;
