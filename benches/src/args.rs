//! The command line.

use std::path::PathBuf;

use crate::answer::Result;
use crate::bench::Effort;
use crate::questions::QUESTIONS;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Ask one question in this process, and print what it came to as JSON.
    Ask(Asked),
    /// Show what changed between two results or revisions.
    Compare {
        before: String,
        after: String,
        runs: Runs,
    },
    Help,
    /// Take a hot path so often, to be counted from outside.
    Hot {
        path: String,
        count: u64,
        seed: u64,
    },
    /// Count the instructions of the hot paths, and compare them with what is recorded, or record them.
    Instructions {
        record: bool,
        seed: u64,
    },
    Run(Runs),
    /// Open what is at a place, in a process that has done nothing else, and print what that took.
    Probe {
        place: PathBuf,
    },
    /// Serve what is at a place, to measure it from outside.
    Serve {
        place: PathBuf,
        seed: u64,
        bytes: usize,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) question: String,
    pub(crate) effort: Effort,
    pub(crate) seed: u64,
    pub(crate) place: PathBuf,
}

/// Which questions, how, and what becomes of the answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Runs {
    pub(crate) questions: Vec<String>,
    pub(crate) effort: Effort,
    pub(crate) seed: u64,
    pub(crate) place: PathBuf,
    /// The JSON; the table lies beside it.
    pub(crate) out: PathBuf,
}

pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Command> {
    let mut words = Vec::new();
    let (mut effort, mut seed, mut bytes, mut record) = (Effort::Usual, SEED, 0, false);
    let mut out = PathBuf::from("target/bench/result.json");
    let mut place = PathBuf::from("target/bench/data");
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--record" => record = true,
            "--short" => effort = Effort::Short,
            "--full" => effort = Effort::Full,
            "--effort" => effort = Effort::named(&value()?)?,
            "--seed" => seed = value()?.parse()?,
            "--bytes" => bytes = value()?.parse()?,
            "--out" => out = value()?.into(),
            "--place" => place = value()?.into(),
            flag if flag.starts_with('-') => return Err(format!("{flag} is no option; see --help").into()),
            _ => words.push(argument),
        }
    }
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ask", question] => Ok(Command::Ask(Asked { question: question.to_owned(), effort, seed, place })),
        ["compare", before, after, ..] => {
            let (before, after) = (before.to_owned(), after.to_owned());
            let runs = Runs { questions: known(&words[3..])?, effort, seed, place, out };
            Ok(Command::Compare { before, after, runs })
        }
        ["hot", path, count] => Ok(Command::Hot { path: path.to_owned(), count: count.parse()?, seed }),
        ["instructions"] => Ok(Command::Instructions { record, seed }),
        ["probe"] => Ok(Command::Probe { place }),
        ["serve"] => Ok(Command::Serve { place, seed, bytes }),
        _ => Ok(Command::Run(Runs { questions: known(&words)?, effort, seed, place, out })),
    }
}

/// Questions that there are.
fn known(names: &[String]) -> Result<Vec<String>> {
    for name in names {
        if !QUESTIONS.iter().any(|question| question.name == name) {
            let known: Vec<_> = QUESTIONS.iter().map(|question| question.name).collect();
            return Err(format!("{name} is no question; there are {}", known.join(", ")).into());
        }
    }
    Ok(names.to_vec())
}

pub(crate) const HELP: &str = "\
cargo run --release -p benches -- [QUESTION …] [OPTION …]

Asks all questions, or these, and writes target/bench/result.json and, beside it, the table and the curves.

cargo run --release -p benches -- compare BEFORE AFTER [QUESTION …] [OPTION …]

Shows what changed between two result files, or two revisions, which are built and asked first.

cargo run --release -p benches -- instructions [--record]

Counts the instructions that an event takes, under callgrind, and compares them with benches/instructions.json.

  --short        under a minute: shows that every question works and gets what it asks for
  --full         as large as the targets say: the better part of an hour
  --seed N       other payloads
  --out FILE     another place for the result
  --place DIR    another place for the files of a run: the disk that is measured
";

const SEED: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_is_none_is_refused_by_name() {
        let parsed = |line: &str| parse(line.split(' ').map(str::to_owned));
        let error = parsed("append-sqlite append-nothing").expect_err("there is none");
        assert!(error.to_string().starts_with("append-nothing is no question"), "{error}");
        assert!(parsed("--sort").is_err());
        let Ok(Command::Run(runs)) = parsed("append-sqlite --short --seed 3") else { panic!("a run") };
        assert_eq!((runs.effort, runs.seed, runs.questions.len()), (Effort::Short, 3, 1));
    }
}
