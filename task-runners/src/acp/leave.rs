//! Requests for leave become questions in the log of the task, and their answers go back.

use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};
use task_core::{Ask, RequestOption, RunContext, RunError};

use super::request::Decision;
use crate::Permissions;
use crate::asking::digest;
use crate::text::{shortened, text};

/// A request for leave.
#[derive(Clone, Debug)]
pub(super) struct Leave {
    pub(super) call_id: Option<String>,
    /// What the call does: `edit`, `execute` …; empty when the agent does not say.
    kind: String,
    prompt: String,
    options: Vec<Choice>,
    /// The same when the same is asked again after a restart.
    pub(super) digest: String,
    /// The files it changes, if it says so.
    paths: Vec<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    /// What the agent calls it. That differs from agent to agent, and maybe from time to time.
    theirs: String,
    /// What the log calls it, after what it means.
    ours: String,
    label: String,
    kind: String,
}

impl Leave {
    pub(super) fn read(params: &Value) -> Self {
        let call = &params["toolCall"];
        let (title, input) = (text(call, "title"), &call["rawInput"]);
        let kind = text(call, "kind");
        let what = if title.is_empty() { input.to_string() } else { title.to_owned() };
        let paths = paths(call);
        // The title may be cut, or name the tool alone.
        let asked = match input {
            Value::Object(_) => input.clone(),
            _ => json!([title, paths, call["content"]]),
        };
        Self {
            call_id: call["toolCallId"].as_str().filter(|id| !id.is_empty()).map(str::to_owned),
            kind: kind.to_owned(),
            prompt: prompt(&what, call, &paths),
            options: choices(&params["options"]),
            digest: digest(kind, &asked),
            paths,
        }
    }

    /// The decision that needs nobody.
    pub(super) fn decided(&self, permissions: Permissions, dirs: &[PathBuf]) -> Option<Decision> {
        match permissions {
            Permissions::AllowAll => self.choose(ALLOW),
            Permissions::AllowEdits if self.only_edits(dirs) => self.choose(ALLOW),
            Permissions::AllowEdits | Permissions::Ask => {
                // Nothing to choose from is nothing to ask.
                self.options.is_empty().then_some(Decision::Cancelled)
            }
            Permissions::Deny => Some(self.choose(REJECT).unwrap_or(Decision::Cancelled)),
        }
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(self, cx: RunContext, key: String) -> Result<Decision, RunError> {
        let mut ask = Ask::permission(&self.prompt).key(key);
        for choice in &self.options {
            ask = ask.option(RequestOption::new(&choice.ours, &choice.label).with_kind(&choice.kind));
        }
        if let Some(call_id) = &self.call_id {
            ask = ask.call_id(call_id);
        }
        let answer = cx.ask(ask).await?.text();
        let chosen = self.options.iter().find(|choice| choice.ours == answer);
        let chosen = chosen.map(|choice| Decision::Selected(choice.theirs.clone()));
        // Whatever else was answered is no leave.
        Ok(chosen.or_else(|| self.choose(REJECT)).unwrap_or(Decision::Cancelled))
    }

    /// The first option of the first of these kinds that there is.
    fn choose(&self, kinds: &[&str]) -> Option<Decision> {
        let choice = kinds.iter().find_map(|kind| self.options.iter().find(|choice| choice.kind == *kind));
        choice.map(|choice| Decision::Selected(choice.theirs.clone()))
    }

    /// Whether all it does is to change files in these directories.
    fn only_edits(&self, dirs: &[PathBuf]) -> bool {
        let is_inside = |path: &PathBuf| {
            let path = dirs.first().map_or_else(|| path.clone(), |dir| dir.join(path));
            resolved(&path).is_some_and(|path| dirs.iter().any(|dir| path.starts_with(dir)))
        };
        EDITS.contains(&self.kind.as_str()) && !self.paths.is_empty() && self.paths.iter().all(is_inside)
    }
}

fn prompt(what: &str, call: &Value, paths: &[PathBuf]) -> String {
    let name = [text(call, "name"), text(call, "kind")].into_iter().find(|name| !name.is_empty());
    let what = shortened(what, PROMPT);
    let mut prompt = match name.filter(|name| !what.starts_with(*name)) {
        Some(name) => format!("{name}: {what}"),
        None => what,
    };
    // The title of a command may be its description.
    let command = text(&call["rawInput"], "command");
    if !command.is_empty() && !prompt.contains(command) {
        prompt.push_str(&format!("\n{}", shortened(command, PROMPT)));
    }
    // Nor need the title say which files are changed.
    for path in paths {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        if !prompt.contains(&*name) && prompt.len() < PROMPT {
            prompt.push_str(&format!("\n{}", path.display()));
        }
    }
    prompt
}

/// What can be answered, named after what it means: an answer that was given before a restart is understood after it.
fn choices(options: &Value) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for option in options.as_array().into_iter().flatten() {
        let (theirs, kind) = (text(option, "optionId"), text(option, "kind"));
        if theirs.is_empty() {
            continue;
        }
        let meaning = if kind.is_empty() { "other" } else { kind };
        let times = choices.iter().filter(|choice| choice.kind == kind).count();
        let ours = if times == 0 { meaning.to_owned() } else { format!("{meaning}-{}", times + 1) };
        let label = [text(option, "name"), theirs].into_iter().find(|label| !label.is_empty());
        let label = shortened(label.unwrap_or(meaning), LABEL);
        choices.push(Choice { theirs: theirs.to_owned(), ours, label, kind: kind.to_owned() });
    }
    choices
}

/// The files that a call is about, from where agents name them.
fn paths(call: &Value) -> Vec<PathBuf> {
    let items = |key: &str| call[key].as_array().into_iter().flatten();
    let diffs = items("content").filter(|item| text(item, "type") == "diff");
    let named = items("locations").chain(diffs).map(|item| text(item, "path"));
    let input = PATHS.iter().map(|key| text(&call["rawInput"], key));
    named.chain(input).filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

/// Where a path leads, links followed as far as it exists; `None` where that cannot be told.
fn resolved(path: &Path) -> Option<PathBuf> {
    let mut rest = Vec::new();
    let mut known = path;
    loop {
        if let Ok(found) = known.canonicalize() {
            return Some(rest.iter().rev().fold(found, |path, name| path.join(name)));
        }
        // A link that leads nowhere may lead somewhere by the time it is written to.
        if known.is_symlink() {
            return None;
        }
        match known.components().next_back()? {
            Component::Normal(name) => rest.push(name.to_owned()),
            _ => return None,
        }
        known = known.parent()?;
    }
}

// What is chosen where nobody is asked: leave for once rather than for good.
const ALLOW: &[&str] = &["allow_once", "allow_always"];
const REJECT: &[&str] = &["reject_once", "reject_always"];

/// Kinds of calls that change files and do nothing else.
const EDITS: &[&str] = &["delete", "edit", "move"];

/// What inputs call the files they are about.
const PATHS: &[&str] = &["file_path", "filePath", "filepath", "notebook_path", "path"];

/// Characters of a prompt.
const PROMPT: usize = 20_000;

/// Characters of what an option means.
const LABEL: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn leave(kind: &str, path: &str, options: &[(&str, &str)]) -> Leave {
        let option = |(id, kind): &(&str, &str)| json!({ "optionId": id, "kind": kind, "name": id });
        Leave::read(&json!({
            "toolCall": { "toolCallId": "1", "kind": kind, "title": "x", "locations": [{ "path": path }] },
            "options": options.iter().map(option).collect::<Vec<_>>(),
        }))
    }

    fn selected(id: &str) -> Option<Decision> {
        Some(Decision::Selected(id.to_owned()))
    }

    #[test]
    fn options_are_chosen_by_what_they_mean() {
        let all = [
            ("no", "reject_once"),
            ("ever", "allow_always"),
            ("never", "reject_always"),
            ("yes", "allow_once"),
        ];
        let asked = leave("execute", "/", &all);
        assert_eq!(asked.decided(Permissions::AllowAll, &[]), selected("yes"));
        assert_eq!(asked.decided(Permissions::Deny, &[]), selected("no"));
        assert_eq!(asked.decided(Permissions::Ask, &[]), None);
        let odd = leave("execute", "/", &[("allow_once", "allow_always"), ("x", "reject_always")]);
        assert_eq!(odd.decided(Permissions::AllowAll, &[]), selected("allow_once"));
        assert_eq!(odd.decided(Permissions::Deny, &[]), selected("x"));
        let none = leave("execute", "/", &[("a", "later")]);
        assert_eq!(none.decided(Permissions::AllowAll, &[]), None, "somebody has to look");
        assert_eq!(none.decided(Permissions::Deny, &[]), Some(Decision::Cancelled));
        assert_eq!(leave("execute", "/", &[]).decided(Permissions::Ask, &[]), Some(Decision::Cancelled));
    }

    #[test]
    fn options_have_names_of_their_own() {
        let kinds = [("a", "allow_always"), ("b", "allow_always"), ("c", ""), ("d", "odd")];
        let ours: Vec<_> = leave("edit", "/", &kinds).options.into_iter().map(|choice| choice.ours).collect();
        assert_eq!(ours, ["allow_always", "allow_always-2", "other", "odd"]);
    }

    #[test]
    fn files_that_the_title_does_not_name_are_named_and_another_change_is_another_question() {
        let asked = |title: &str, path: &str, new: &str| {
            let content = json!([{ "type": "diff", "path": path, "newText": new }]);
            let call = json!({ "kind": "edit", "title": title, "locations": [{ "path": path }], "content": content });
            Leave::read(&json!({ "toolCall": call }))
        };
        let one = asked("Edit files", "/dir/one.txt", "1");
        assert_eq!(one.prompt, "edit: Edit files\n/dir/one.txt");
        assert_eq!(asked("Edit one.txt", "/dir/one.txt", "1").prompt, "edit: Edit one.txt");
        assert_eq!(one.digest, asked("Edit files", "/dir/one.txt", "1").digest);
        assert_ne!(one.digest, asked("Edit files", "/dir/two.txt", "1").digest);
        assert_ne!(one.digest, asked("Edit files", "/dir/one.txt", "2").digest);
    }

    #[test]
    fn edits_are_allowed_where_the_task_works_and_nowhere_else() {
        let temp = std::env::temp_dir().canonicalize().unwrap();
        let place = temp.join(format!("leave-{}", uuid::Uuid::new_v4()));
        let (dir, outside) = (place.join("dir"), place.join("outside"));
        for made in [&dir, &outside] {
            std::fs::create_dir_all(made).unwrap();
        }
        std::os::unix::fs::symlink(&outside, dir.join("link")).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", dir.join("dangling")).unwrap();
        let decided = |kind: &str, path: &str| {
            let asked = leave(kind, path, &[("yes", "allow_once")]);
            asked.decided(Permissions::AllowEdits, std::slice::from_ref(&dir)).is_some()
        };
        let inside = dir.join("new/file.txt");
        assert!(decided("edit", inside.to_str().unwrap()) && decided("delete", "relative.txt"));
        for (kind, path) in [
            ("execute", inside.to_str().unwrap()),
            ("edit", ""),
            ("edit", "/etc/passwd"),
            ("edit", "../outside/file.txt"),
            ("edit", "new/../../outside/file.txt"),
            ("edit", "link/file.txt"),
            ("edit", "dangling"),
        ] {
            assert!(!decided(kind, path), "{kind} {path}");
        }
        std::fs::remove_dir_all(place).unwrap();
    }
}
