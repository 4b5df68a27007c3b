//! The plan of the agent, from the tools that it keeps it with.

use serde_json::Value;
use task_core::{Output, Plan, PlanEntry, PlanStatus};

use crate::text::text;

/// The plan as it now stands.
#[derive(Debug, Default)]
pub(super) struct PlanKeeper {
    /// Steps that were added one by one, by their ids.
    steps: Vec<(String, PlanEntry)>,
}

impl PlanKeeper {
    /// A call that replaces the plan.
    pub(super) fn called(&self, tool: &str, input: &Value) -> Option<Output> {
        if tool != "TodoWrite" {
            return None;
        }
        let todos = input["todos"].as_array()?;
        let entry = |todo: &Value| PlanEntry::new(text(todo, "content"), status(text(todo, "status")));
        Some(Plan::new(todos.iter().map(entry).collect()).into())
    }

    /// A call that changed one step.
    pub(super) fn ended(&mut self, tool: &str, input: &Value, details: &Value) -> Option<Output> {
        match tool {
            "TaskCreate" => {
                let id = id(&details["task"]["id"])?;
                self.steps.push((id, PlanEntry::new(text(input, "subject"), PlanStatus::Pending)));
            }
            "TaskUpdate" => {
                let id = id(&input["taskId"])?;
                let at = self.steps.iter().position(|(step, _)| *step == id)?;
                match text(input, "status") {
                    "" => {}
                    "deleted" => drop(self.steps.remove(at)),
                    other => self.steps[at].1.status = status(other),
                }
                if let (Some(subject), Some((_, entry))) = (input["subject"].as_str(), self.steps.get_mut(at))
                {
                    subject.clone_into(&mut entry.text);
                }
            }
            _ => return None,
        }
        Some(Plan::new(self.steps.iter().map(|(_, entry)| entry.clone()).collect()).into())
    }
}

fn status(word: &str) -> PlanStatus {
    match word {
        "completed" => PlanStatus::Completed,
        "in_progress" => PlanStatus::InProgress,
        _ => PlanStatus::Pending,
    }
}

/// An id, which may be a number.
fn id(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|id| id.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_grows_and_changes_step_by_step() {
        let mut plan = PlanKeeper::default();
        for (id, subject) in [("1", "look"), ("2", "mend")] {
            let created = json!({ "task": { "id": id, "subject": subject } });
            plan.ended("TaskCreate", &json!({ "subject": subject }), &created).unwrap();
        }
        let changed = json!({ "taskId": "1", "status": "completed" });
        let now = plan.ended("TaskUpdate", &changed, &Value::Null).unwrap();
        let entries =
            [PlanEntry::new("look", PlanStatus::Completed), PlanEntry::new("mend", PlanStatus::Pending)];
        assert_eq!(now, Plan::new(entries.to_vec()).into());
        let now =
            plan.ended("TaskUpdate", &json!({ "taskId": 1, "status": "deleted" }), &Value::Null).unwrap();
        assert_eq!(now, Plan::new(entries[1..].to_vec()).into());
        assert_eq!(plan.ended("TaskUpdate", &json!({ "taskId": "9" }), &Value::Null), None);
        assert_eq!(plan.ended("Bash", &json!({}), &Value::Null), None);
    }

    #[test]
    fn a_list_of_todos_is_a_plan() {
        let input =
            json!({ "todos": [{ "content": "look", "status": "in_progress" }, { "content": "mend" }] });
        let entries =
            [PlanEntry::new("look", PlanStatus::InProgress), PlanEntry::new("mend", PlanStatus::Pending)];
        let plan = PlanKeeper::default();
        assert_eq!(plan.called("TodoWrite", &input), Some(Plan::new(entries.to_vec()).into()));
        assert_eq!(plan.called("Bash", &input), None);
    }
}
