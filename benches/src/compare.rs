//! Two results beside each other, or two revisions.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::answer::{Figure, Result, Target, verify};
use crate::args::Runs;
use crate::digits::number;
use crate::report::Report;

/// Prints what changed from `before` to `after`: result files, or revisions, which are built and asked first.
pub(crate) fn compare(before: &str, after: &str, runs: &Runs) -> Result<()> {
    let (before, after) = (result(before, runs)?, result(after, runs)?);
    let (one, other) = (&before.machine.revision, &after.machine.revision);
    if before.effort != after.effort || before.machine.processor != after.machine.processor {
        println!("These were not measured alike: {} and {}.\n", before.effort, after.effort);
    }
    println!("| figure | {one} | {other} | ratio | |\n|---|---:|---:|---:|---|");
    for figure in after.answers.iter().flat_map(|answer| &answer.figures) {
        let same =
            before.answers.iter().flat_map(|answer| &answer.figures).find(|old| old.name == figure.name);
        let Some(old) = same else { continue };
        let (from, to) = (old.median(), figure.median());
        println!(
            "| {} | {} | {} {} | {} | {} |",
            figure.name,
            number(from),
            number(to),
            figure.unit,
            number(to / from),
            verdict(old, figure)
        );
    }
    Ok(())
}

/// A change means something when no round of one is among the rounds of the other.
fn verdict(old: &Figure, new: &Figure) -> &'static str {
    let apart = new.min() > old.max() || new.max() < old.min();
    if old.values.len() < 3 || new.values.len() < 3 || !apart {
        return "";
    }
    let more = new.median() > old.median();
    match new.target {
        Some(Target::AtLeast(_)) if more => "better",
        Some(Target::AtMost(_)) if !more => "better",
        Some(_) => "**worse**",
        None if more => "more",
        None => "less",
    }
}

fn result(of: &str, runs: &Runs) -> Result<Report> {
    let file = Path::new(of);
    if file.is_file() { Report::read(file) } else { ask(of, runs) }
}

/// Builds the revision in a directory of its own and asks it the same questions.
fn ask(revision: &str, runs: &Runs) -> Result<Report> {
    let tree = Tree::check_out(revision)?;
    let out = tree.0.join("target/bench/result.json");
    let mut command = Command::new("cargo");
    command.current_dir(&tree.0).args(["run", "--locked", "--release", "--package", "benches", "--"]);
    command.args(&runs.questions).args(["--effort", runs.effort.name(), "--seed", &runs.seed.to_string()]);
    // What it prints is its table; wanted is the comparison.
    let output = command.arg("--out").arg(&out).stderr(std::process::Stdio::inherit()).output()?;
    verify(output.status.success(), || format!("{revision} could not be asked"))?;
    Report::read(&out)
}

/// A working tree, which goes away with this.
#[derive(Debug)]
struct Tree(PathBuf);

impl Tree {
    fn check_out(revision: &str) -> Result<Self> {
        let known = Command::new("git")
            .args(["rev-parse", "--verify", &format!("{revision}^{{commit}}")])
            .output()?;
        verify(known.status.success(), || format!("{revision} is neither a file nor a revision"))?;
        let commit = String::from_utf8(known.stdout)?.trim().to_owned();
        let place = std::path::absolute(format!("target/bench/{commit}"))?;
        if !place.is_dir() {
            let made = Command::new("git")
                .args(["worktree", "add", "--detach"])
                .arg(&place)
                .arg(&commit)
                .output()?;
            verify(made.status.success(), || String::from_utf8_lossy(&made.stderr).into_owned())?;
        }
        Ok(Self(place))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // With what was built in it. Where that fails, `git worktree list` shows what was left.
        Command::new("git").args(["worktree", "remove", "--force"]).arg(&self.0).output().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Answer;

    #[test]
    fn only_a_change_beyond_the_spread_is_one() {
        let figure = |values: [f64; 3]| {
            let mut answer = Answer::default();
            answer.figure("cost", "µs", values).at_most(10.0);
            answer.figures.remove(0)
        };
        let old = figure([4.0, 5.0, 6.0]);
        assert_eq!(verdict(&old, &figure([5.0, 7.0, 8.0])), "", "they overlap");
        assert_eq!(verdict(&old, &figure([7.0, 8.0, 9.0])), "**worse**");
        assert_eq!(verdict(&old, &figure([1.0, 2.0, 3.0])), "better");
    }
}
