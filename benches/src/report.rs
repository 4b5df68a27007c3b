//! The result of a run, and the table made of it.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Figure, Result, Target};
use crate::digits::number;
use crate::machine::Machine;
use crate::plot::Curve;
use crate::questions::QUESTIONS;

/// A run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) effort: String,
    pub(crate) seed: u64,
    pub(crate) answers: Vec<Answer>,
}

impl Report {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// The table of a run: what was missed first, then everything.
pub(crate) fn markdown(report: &Report) -> String {
    let Report { machine, effort, seed, answers } = report;
    let mut text = String::new();
    let Machine { processor, cores, memory_mib, kernel, file_system, compiler, revision } = machine;
    // Writing to text cannot fail.
    let _ = writeln!(
        text,
        "Revision {revision}, {compiler}; {processor}, {cores} cores, {} GiB, Linux {kernel}, {file_system}. \
         Effort: {effort}, seed {seed}.\n",
        memory_mib.div_ceil(1024),
    );
    let missed: Vec<_> = answers.iter().flat_map(Answer::missed).collect();
    let aimed: usize =
        answers.iter().flat_map(|answer| &answer.figures).filter(|f| f.target.is_some()).count();
    if missed.is_empty() {
        let _ = writeln!(text, "None of {aimed} targets was missed.\n");
    } else {
        let _ = writeln!(text, "Missed: {} of {aimed} targets.\n", missed.len());
        for figure in missed {
            let (name, value, target) = (&figure.name, with_unit(figure), aim(figure));
            let _ = writeln!(text, "* {name}: {value}, aimed at {target}.");
        }
        text.push('\n');
    }
    let missing: Vec<_> = answers.iter().flat_map(|answer| &answer.missing).collect();
    if !missing.is_empty() {
        let _ = writeln!(text, "Not asked here:\n");
        for what in missing {
            let _ = writeln!(text, "* {what}");
        }
        text.push('\n');
    }
    for answer in answers {
        let asks = QUESTIONS.iter().find(|question| question.name == answer.question);
        let asks = asks.map_or(answer.question.as_str(), |question| question.asks);
        let (before, after) = (answer.load.before, answer.load.after);
        let _ = writeln!(text, "### {asks}\n\n`{}`, load {before:.1} to {after:.1}\n", answer.question);
        text.push_str("| figure | median | min to max | target | |\n|---|---:|---:|---:|---|\n");
        for figure in &answer.figures {
            let spread = match figure.values.len() {
                0 | 1 => String::new(),
                _ => format!("{} to {}", number(figure.min()), number(figure.max())),
            };
            let verdict = match figure.is_met() {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            let _ = writeln!(
                text,
                "| {} | {} | {spread} | {} | {verdict} |",
                figure.name,
                with_unit(figure),
                aim(figure)
            );
        }
        text.push('\n');
    }
    text
}

/// The figures that say what something costs at a number: `what, as tasks grow: 100`.
pub(crate) fn curves(report: &Report) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for figure in report.answers.iter().flat_map(|answer| &answer.figures) {
        let Some((name, number)) = figure.name.rsplit_once(": ") else { continue };
        let (Some((title, grows)), Ok(number)) = (name.rsplit_once(", as "), number.parse()) else {
            continue;
        };
        let point = (number, figure.median());
        match curves.last_mut() {
            Some(curve) if curve.title == title => curve.points.push(point),
            _ => curves.push(Curve {
                title: title.to_owned(),
                grows: grows
                    .strip_suffix(" grow")
                    .or(grows.strip_suffix(" grows"))
                    .unwrap_or(grows)
                    .to_owned(),
                unit: figure.unit.clone(),
                points: vec![point],
            }),
        }
    }
    curves
}

fn with_unit(figure: &Figure) -> String {
    format!("{} {}", number(figure.median()), figure.unit)
}

fn aim(figure: &Figure) -> String {
    match figure.target {
        Some(Target::AtLeast(value)) => format!("≥ {}", number(value)),
        Some(Target::AtMost(value)) => format!("≤ {}", number(value)),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_said_first() {
        let mut answer = Answer { question: "q".to_owned(), ..Answer::default() };
        answer.figure("fast", "x", [2.0]).at_least(1.0);
        answer.figure("slow", "x", [0.5]).at_least(1.0);
        let machine = Machine::default();
        let report = Report { machine, effort: "short".to_owned(), seed: 1, answers: vec![answer] };
        let text = markdown(&report);
        assert!(text.contains("Missed: 1 of 2 targets.\n\n* slow: 0.500 x, aimed at ≥ 1."), "{text}");
        assert!(text.contains("| fast | 2 x |  | ≥ 1 | met |"), "{text}");
    }
}
