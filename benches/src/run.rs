//! A run: each question in a process of its own, so that none leaves another its memory, and none can hang the rest.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::answer::{Answer, Result};
use crate::args::{Asked, Runs};
use crate::bench::{Bench, Effort};
use crate::machine::{self, Load, Machine};
use crate::plot::svg;
use crate::questions::{QUESTIONS, Question};
use crate::report::{Report, curves, markdown};

/// Asks the questions one after the other and writes what they came to.
pub(crate) fn run(runs: &Runs) -> Result<ExitCode> {
    std::fs::create_dir_all(&runs.place)?;
    let mut report = Report {
        machine: Machine::look(&runs.place),
        effort: runs.effort.name().to_owned(),
        seed: runs.seed,
        answers: Vec::new(),
    };
    let asked = QUESTIONS.iter().filter(|question| {
        runs.questions.is_empty() || runs.questions.iter().any(|name| name == question.name)
    });
    let mut failed = 0;
    for question in asked {
        eprint!("{} …", question.name);
        match ask(question, runs) {
            Ok(answer) => {
                let missed = answer.missed().count();
                eprintln!(
                    " {:.1} s, {} figures, {missed} targets missed",
                    answer.seconds,
                    answer.figures.len()
                );
                report.answers.push(answer);
            }
            Err(error) => {
                failed += 1;
                eprintln!(" failed: {error}");
            }
        }
    }
    if let Some(directory) = runs.out.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(&runs.out, serde_json::to_string_pretty(&report)?)?;
    let table = markdown(&report);
    std::fs::write(runs.out.with_extension("md"), &table)?;
    let curves = curves(&report);
    if !curves.is_empty() {
        std::fs::write(runs.out.with_extension("svg"), svg(&curves))?;
    }
    println!("{table}");
    // A missed target is a result; a question that could not be answered is a failure.
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// In the process of its own: asks, and prints the answer.
pub(crate) async fn ask_one(asked: Asked) -> Result<()> {
    let question = QUESTIONS.iter().find(|question| question.name == asked.question);
    let question = question.ok_or("there is no such question")?;
    let place = std::path::absolute(&asked.place)?;
    let bench = Bench { effort: asked.effort, seed: asked.seed, place };
    let (start, before) = (Instant::now(), machine::load());
    let mut answer = (question.ask)(&bench).await?;
    answer.question = question.name.to_owned();
    answer.seconds = start.elapsed().as_secs_f64();
    answer.load = Load { before, after: machine::load() };
    println!("{}", serde_json::to_string(&answer)?);
    Ok(())
}

fn ask(question: &Question, runs: &Runs) -> Result<Answer> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["ask", question.name, "--effort", runs.effort.name(), "--seed", &runs.seed.to_string()]);
    command.arg("--place").arg(Path::new(&runs.place));
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut process = Asking(started);
    let (mut out, mut err) = (process.0.stdout.take(), process.0.stderr.take());
    let said = std::thread::spawn(move || {
        let mut said = String::new();
        out.as_mut().map(|out| out.read_to_string(&mut said)).transpose().map(|_| said)
    });
    let complained = std::thread::spawn(move || {
        let mut complaint = String::new();
        err.as_mut().map(|err| err.read_to_string(&mut complaint)).transpose().map(|_| complaint)
    });
    let give_up = Instant::now() + patience(runs.effort);
    let status = loop {
        if let Some(status) = process.0.try_wait()? {
            break status;
        }
        if Instant::now() >= give_up {
            return Err(format!("no answer within {:?}", patience(runs.effort)).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let said = said.join().map_err(|_| "unreadable")??;
    let complaint = complained.join().map_err(|_| "unreadable")??;
    if !status.success() {
        return Err(complaint.trim().to_owned().into());
    }
    eprint!("{complaint}");
    Ok(serde_json::from_str(said.lines().last().unwrap_or_default())?)
}

/// Ends with whoever waits for it.
struct Asking(Child);

impl Drop for Asking {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// How long one question may take.
const fn patience(effort: Effort) -> Duration {
    Duration::from_secs(match effort {
        Effort::Short => 120,
        Effort::Usual => 900,
        Effort::Full => 3600,
    })
}
