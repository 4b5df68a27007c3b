//! What everybody was told, held against the logs.

use std::collections::BTreeMap;

use task_core::{StoreError, TaskError, TaskId};

use crate::judge::Judge;
use crate::plain::Plain;
use crate::step::{Step, What};
use crate::world::{Call, Said, World, label, lock};

/// Looks at what was told since the last look, and that nothing was done twice.
pub(crate) fn judge(judge: &mut Judge, world: &mut World) -> Result<(), String> {
    let steps: BTreeMap<u32, Step> =
        world.calls.iter().map(|call| (call.step.label, call.step.clone())).collect();
    let logged = logged(judge)?;
    check_keys(judge, &steps)?;
    let disturbed = world.was_disturbed;
    // Some are gone before anybody looked at them.
    let deletes = world.calls.iter().filter(|call| matches!(call.step.what, What::Delete { .. }));
    let unseen = deletes.filter_map(|call| call.task).filter(|task| !judge.tasks.contains_key(task));
    judge.gone.extend(unseen.collect::<Vec<_>>());
    for call in world.calls.iter_mut().filter(|call| !call.is_judged) {
        let told = lock(&call.told);
        let Some(told) = &*told else { continue };
        call.is_judged = true;
        let outcome = match told {
            Ok(said) => told_well(judge, &steps, call, said).map(|()| "ok".to_owned()),
            Err(error) => {
                let written = logged.contains_key(&call.step.label);
                told_ill(judge, call, error, written, disturbed).map(|()| variant(error))
            }
        };
        let outcome = outcome.map_err(|what| format!("{:?}: {what}", call.step))?;
        // Which of two that delete a task comes first, when both wait for its end, is not told by the history.
        let is_gone =
            matches!(call.step.what, What::Delete { .. }) && matches!(&outcome[..], "ok" | "NotFound");
        let outcome = if is_gone { "gone" } else { &outcome };
        judge.trace.push(format!("step {} {outcome}", call.step.label));
    }
    Ok(())
}

/// Where the message of each step is; no step has two.
fn logged(judge: &Judge) -> Result<BTreeMap<u32, TaskId>, String> {
    let mut logged = BTreeMap::new();
    for (task, plain) in &judge.tasks {
        for label in plain.messages.values().filter_map(|message| label(&message.text)) {
            if logged.insert(label, *task).is_some() {
                return Err(format!("what step {label} asked for is there twice"));
            }
        }
    }
    Ok(logged)
}

/// One task for a key, and one message of a task.
fn check_keys(judge: &Judge, steps: &BTreeMap<u32, Step>) -> Result<(), String> {
    let mut keys = BTreeMap::new();
    for (task, plain) in judge.there() {
        for label in plain.messages.values().filter_map(|message| label(&message.text)) {
            let key = match steps.get(&label).map(|step| &step.what) {
                Some(What::Create { key: Some(key), .. }) => (None, *key),
                Some(What::Send { key: Some(key), .. }) => (Some(task), *key),
                _ => continue,
            };
            if let Some(other) = keys.insert(key, label) {
                return Err(format!("steps {other} and {label} have one key, and both were done"));
            }
        }
    }
    Ok(())
}

fn told_well(judge: &Judge, steps: &BTreeMap<u32, Step>, call: &Call, said: &Said) -> Result<(), String> {
    let task = match said {
        Said::Created(created) => created.task.id,
        _ => call.task.ok_or("it names no task")?,
    };
    if judge.gone.contains(&task) {
        return Ok(());
    }
    let plain = judge.tasks.get(&task).ok_or("the task was never there")?;
    let key = |label: u32| match steps.get(&label).map(|step| &step.what) {
        Some(What::Create { key, .. } | What::Send { key, .. }) => *key,
        _ => None,
    };
    let check_text = |text: &str, repeated: bool| {
        let by = label(text).ok_or("nobody sent that")?;
        match repeated {
            false if by == call.step.label => Ok(()),
            true if key(by).is_some() && key(by) == key(call.step.label) => Ok(()),
            _ => Err(format!("`{text}` was sent by step {by}; repeated: {repeated}")),
        }
    };
    match said {
        Said::Created(created) => {
            let first =
                plain.messages.values().min_by_key(|message| message.seq).ok_or("it has no message")?;
            check_text(&first.text, created.repeated)
        }
        Said::Deleted => Err("the task is still there".to_owned()),
        Said::Sent(sent) => {
            let message = plain.messages.get(&sent.message_id).ok_or("the message is not in the log")?;
            if message.seq != sent.seq.get() {
                return Err(format!("the message is at {}, not at {}", message.seq, sent.seq));
            }
            check_text(&message.text, sent.repeated)
        }
        Said::Task(task) => match &call.step.what {
            What::Answer { value, .. } => answered(plain, call, *value),
            What::Cancel { .. } if plain.stopped_runs.contains(&task.run) => Ok(()),
            What::Cancel { .. } => Err(format!("the log says nothing of that; the run is {}", task.run)),
            _ => {
                let title = format!("renamed {}\"", call.step.label);
                let renames =
                    |event: &task_core::Event| event.kind() == "renamed" && event.json().contains(&title);
                if plain.log.iter().any(renames) {
                    Ok(())
                } else {
                    Err("the log says nothing of that".into())
                }
            }
        },
    }
}

fn answered(plain: &Plain, call: &Call, value: u8) -> Result<(), String> {
    let given = call.request.as_ref().and_then(|request| plain.answers.get(request));
    let value = if value == 2 { "\"no option\"".to_owned() } else { format!("\"{value}\"") };
    match given.map(Vec::as_slice) {
        Some([(answer, by)]) if *answer == value && by == "user" => Ok(()),
        given => Err(format!("the answer is {given:?}")),
    }
}

/// Whether that may be told, and is true. Nothing was done, unless the store says that it does not know.
fn told_ill(
    judge: &Judge,
    call: &Call,
    error: &TaskError,
    written: bool,
    disturbed: bool,
) -> Result<(), String> {
    let plain = call.task.and_then(|task| judge.tasks.get(&task));
    let is_gone = call.task.is_none_or(|task| judge.gone.contains(&task));
    let open = call
        .request
        .as_ref()
        .is_some_and(|request| plain.is_some_and(|plain| plain.open.iter().any(|(open, _)| open == request)));
    let doubtful =
        matches!(error, TaskError::Store(error) if matches!(**error, StoreError::Indeterminate { .. }));
    // With a task all goes that was done to it.
    let is_over = is_gone && matches!(error, TaskError::NotFound(_));
    if written && !doubtful && !is_over {
        return Err(format!("it was done, and they were told: {error:?}"));
    }
    let fits = match (&call.step.what, error) {
        (_, TaskError::Store(error)) => match **error {
            StoreError::Unavailable { .. } | StoreError::Indeterminate { .. } => disturbed,
            StoreError::Closed => call.while_closing,
            _ => false,
        },
        (_, TaskError::ShutDown) => call.while_closing,
        // The key may be that of a task which is gone.
        (_, TaskError::NotFound(_)) => is_gone,
        (What::Answer { .. }, TaskError::AlreadyAnswered { answer, by, .. }) => {
            let given = call.request.as_ref().and_then(|request| plain?.answers.get(request));
            is_gone || given.is_some_and(|given| given[..] == [(answer.to_string(), by.clone())])
        }
        (What::Answer { .. }, TaskError::NoRequest(_)) => is_gone || !open,
        (What::Answer { value, .. }, TaskError::Invalid { .. }) => *value == 2,
        (What::Cancel { .. }, TaskError::WrongState(_)) => {
            is_gone || plain.is_some_and(|plain| plain.was_settled(None))
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("they were told: {error:?}")) }
}

/// An error without what is another each time.
fn variant(error: &TaskError) -> String {
    match error {
        TaskError::Store(error) => format!("{error:?}").chars().take_while(|c| c.is_alphabetic()).collect(),
        error => format!("{error:?}").chars().take_while(|c| c.is_alphabetic()).collect(),
    }
}
