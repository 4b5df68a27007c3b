use task_core::{Message, MessageId, Task};

use super::through::{self, Through};
use crate::args::{General, Send};
use crate::exit::{Code, Failure};
use crate::screen::Screen;
use crate::session::{Session, persist};
use crate::{ids, signals};

/// Sends a message.
pub(super) async fn run(general: &General, args: Send, screen: &mut Screen) -> Result<Code, Failure> {
    let Send { id, delivery, follow, json, message } = args;
    let message = Message::new(super::message(message)?)
        .delivery(delivery.into())
        // Asked for again after trouble with the store, it is the same message.
        .idempotency_key(MessageId::new().to_string());
    let wishes = signals::listen().map_err(|error| Failure::new(Code::Unavailable, error.to_string()))?;
    let mut session = Session::observe(general).await?;
    let outcome = async {
        let task = ids::load(&session.tasks, &id).await?;
        super::settle_if_left(&mut session, &task).await?;
        let Task { id: task, agent_id, .. } = task;
        let sent = persist(|| session.tasks.send(task, message.clone())).await?;
        if follow {
            session.take_over(&agent_id).await?;
        }
        if !follow {
            if json {
                let (message_id, seq) = (sent.message_id, sent.seq);
                let document =
                    serde_json::json!({ "message_id": message_id, "seq": seq, "status": sent.status });
                screen.json(&document.to_string())?;
            }
            super::tell_if_alone(&session, screen, ", or follow it with --follow").await?;
        }
        Ok((task, sent))
    };
    match outcome.await {
        Ok((task, sent)) if follow => {
            let through = Through { task, after: sent.seq, json, skips_message: false };
            through::follow(through, session, &wishes, screen).await
        }
        outcome => super::close(session, outcome.map(|_| Code::Ok)).await,
    }
}
