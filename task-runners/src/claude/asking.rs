//! Requests of the agent become questions in the log of the task, and their answers go back.

use serde_json::{Map, Value, json};
use task_core::{Ask, RequestOption, RunContext, RunError};

use super::control::{allow, deny};
use super::event::Asked;
use super::tools;
use crate::Permissions;
use crate::asking::Asking;
use crate::text::{shortened, text};

/// Asks. `name` is the same whenever the agent asks the same.
pub(super) fn ask(asking: &mut Asking<Value>, cx: &RunContext, asked: Asked, name: &str) {
    let questions = asked.input["questions"].as_array().map_or(0, Vec::len);
    let (cx, request) = (cx.clone(), asked.request.clone());
    if asked.tool == CHOICE && questions > 0 {
        let keys: Vec<_> = (0..questions).map(|number| format!("{name}.{number}")).collect();
        let names = keys.clone();
        asking.ask(request, keys, async move { choose(&cx, &asked, &names).await });
    } else {
        let name = name.to_owned();
        asking.ask(request, vec![name.clone()], async move { ask_leave(&cx, &asked, &name).await });
    }
}

/// The answer that needs nobody.
pub(super) fn decided(permissions: Permissions, asked: &Asked) -> Option<Value> {
    if matches!(asked.tool.as_str(), CHOICE | PLAN) {
        return None;
    }
    match permissions {
        Permissions::AllowAll => Some(allow(&asked.input)),
        Permissions::AllowEdits | Permissions::Ask => None,
        Permissions::Deny => Some(deny("Nobody is there to allow this. Go on without it.")),
    }
}

async fn ask_leave(cx: &RunContext, asked: &Asked, key: &str) -> Result<Value, RunError> {
    let mut ask = Ask::permission(prompt(asked)).key(key);
    ask = ask.option(RequestOption::new("allow", "Allow once").with_kind("allow_once"));
    if !asked.suggestions.is_empty() {
        ask = ask.option(RequestOption::new("always", "Allow for this session").with_kind("allow_always"));
    }
    ask = ask.option(RequestOption::new("deny", "Deny").with_kind("reject_once"));
    if let Some(call_id) = &asked.call_id {
        ask = ask.call_id(call_id);
    }
    Ok(match cx.ask(ask).await?.text().as_str() {
        "allow" => allow(&asked.input),
        "always" => {
            let mut answer = allow(&asked.input);
            answer["updatedPermissions"] = asked.suggestions.iter().map(for_session).collect();
            answer
        }
        _ => deny("The user does not allow this."),
    })
}

/// A rule for this session. The agent may suggest to write it into the project, where it would hold for others, too.
fn for_session(suggestion: &Value) -> Value {
    let mut rule = suggestion.clone();
    if rule.is_object() {
        rule["destination"] = json!("session");
    }
    rule
}

/// Asks one question after the other.
async fn choose(cx: &RunContext, asked: &Asked, keys: &[String]) -> Result<Value, RunError> {
    let mut answers = Map::new();
    let questions = asked.input["questions"].as_array().into_iter().flatten();
    for (question, key) in questions.zip(keys) {
        let words = text(question, "question");
        let mut ask = Ask::question(shortened(words, PROMPT)).key(key);
        for option in question["options"].as_array().into_iter().flatten() {
            let label = text(option, "label");
            let description = shortened(text(option, "description"), LABEL);
            let shown =
                if description.is_empty() { label.to_owned() } else { format!("{label}: {description}") };
            ask = ask.option(RequestOption::new(label, shown));
        }
        if let Some(call_id) = &asked.call_id {
            ask = ask.call_id(call_id);
        }
        let answer = cx.ask(ask).await?;
        let answer = match answer.value.as_array() {
            // Several may be chosen.
            Some(several) => several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            None => answer.text(),
        };
        answers.insert(words.to_owned(), answer.into());
    }
    let mut input = asked.input.clone();
    input["answers"] = answers.into();
    Ok(allow(&input))
}

fn prompt(asked: &Asked) -> String {
    let what = match tools::title(&asked.input) {
        Some(title) => title.to_owned(),
        None => asked.input.to_string(),
    };
    let mut prompt = format!("{}: {}", asked.tool, shortened(&what, PROMPT));
    if let Some(reason) = asked.reason.as_deref().filter(|reason| !what.contains(reason)) {
        prompt.push_str(&format!("\n{}", shortened(reason, PROMPT)));
    }
    prompt
}

/// The tool that asks the user to choose.
const CHOICE: &str = "AskUserQuestion";

/// The tool that shows a plan and asks whether to go on.
const PLAN: &str = "ExitPlanMode";

/// Characters of a prompt.
const PROMPT: usize = 20_000;

/// Characters of what an option means.
const LABEL: usize = 500;
