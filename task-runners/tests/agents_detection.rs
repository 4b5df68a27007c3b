//! What is on this machine is found, with its version or its models, and what is not, is told why.
#![cfg(all(target_os = "linux", feature = "detect"))]

mod fake_model;

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fake_model::{FakeModel, Step, document, models};
use task_core::TaskId;
use task_runners::agents::{Candidate, Detection, Driver, Presence};

/// A directory of programs, which are scripts. Removed with it.
struct Programs(PathBuf);

impl Programs {
    fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("runners-test-programs-{}", TaskId::new()));
        std::fs::create_dir(&dir).expect("a directory");
        Self(dir)
    }

    fn with(self, name: &str, script: &str) -> Self {
        let file = self.0.join(name);
        let script = script.replace("DIR", self.0.to_str().expect("text"));
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).expect("allowed");
        self
    }

    fn detection(&self) -> Detection {
        Detection::new().path(&self.0).without_servers()
    }

    fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.0.join(name)).ok()
    }

    /// Waits until the process whose number the file holds is gone.
    async fn assert_gone(&self, name: &str) {
        let pid = self.file(name).expect("it was started");
        let stat = format!("/proc/{}/stat", pid.trim());
        let begun = Instant::now();
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(begun.elapsed() < Duration::from_secs(5), "{name} lives");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn find<'a>(candidates: &'a [Candidate], id: &str) -> &'a Candidate {
    candidates.iter().find(|candidate| candidate.id == id).unwrap_or_else(|| panic!("{id} is not known"))
}

fn reason<'a>(candidates: &'a [Candidate], id: &str) -> &'a str {
    match &find(candidates, id).presence {
        Presence::Absent { reason } => reason,
        found => panic!("{id}: {found:?}"),
    }
}

fn version<'a>(candidates: &'a [Candidate], id: &str) -> Option<&'a str> {
    match &find(candidates, id).presence {
        Presence::Program { version, .. } => version.as_deref(),
        other => panic!("{id}: {other:?}"),
    }
}

/// A place where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address")
}

#[tokio::test]
async fn what_is_missing_is_named_with_the_line_that_installs_it() {
    let found = Programs::new().detection().run().await;
    let ids: Vec<_> = found.iter().map(|candidate| candidate.id).collect();
    assert_eq!(ids, ["claude", "claude-agent-acp", "codex", "codex-acp", "gemini", "goose", "opencode"]);
    assert_eq!(
        reason(&found, "claude"),
        "`claude` is not on the PATH; install it: npm install -g @anthropic-ai/claude-code"
    );
    for candidate in &found {
        assert!(reason(&found, candidate.id).contains("; install it: "), "{candidate:?}");
    }
}

#[tokio::test]
async fn programs_are_found_with_their_versions() {
    let programs = Programs::new()
        .with("claude", r#"[ "$*" = --version ] && echo "2.1.330 (Claude Code)""#)
        .with("codex", "echo codex-cli 0.169.0")
        .with("opencode", "echo 1.18.33 >&2");
    let found = programs.detection().run().await;
    assert_eq!(version(&found, "claude"), Some("2.1.330"));
    assert_eq!(version(&found, "codex"), Some("0.169.0"));
    assert_eq!(version(&found, "opencode"), Some("1.18.33"));
    let Presence::Program { path, .. } = &find(&found, "claude").presence else { panic!("it is there") };
    assert_eq!(*path, programs.0.join("claude"));
    assert_eq!(find(&found, "claude").driver, Driver::Claude);
    assert_eq!(find(&found, "codex").driver, Driver::Adapter { id: "codex-acp" });
    assert_eq!(find(&found, "opencode").driver, Driver::Acp { arguments: &["acp"] });
}

#[tokio::test]
async fn what_is_no_program_is_passed_over() {
    let first = Programs::new();
    std::fs::create_dir(first.0.join("claude")).expect("a directory");
    std::fs::write(first.0.join("codex"), "not executable").expect("written");
    let second = Programs::new().with("claude", "echo 1.0.0");
    // What lies where this process happens to be is not to be run.
    let here = Programs::new().with("claude", "echo 6.6.6");
    let up = "../".repeat(std::env::current_dir().expect("a directory").components().count());
    let nearby = format!("{up}{}", here.0.display());
    assert!(std::path::Path::new(&nearby).join("claude").exists());
    let path = format!("{nearby}:{}:{}", first.0.display(), second.0.display());
    let found = Detection::new().path(path).without_servers().run().await;
    assert_eq!(version(&found, "claude"), Some("1.0.0"));
    assert!(reason(&found, "codex").contains("not on the PATH"));
}

#[tokio::test]
async fn a_program_that_is_slow_is_found_without_its_version_and_killed() {
    let programs = Programs::new().with("claude", "echo $$ > DIR/pid; trap '' TERM; sleep 3600; echo 1.0.0");
    let begun = Instant::now();
    let found = programs.detection().version_wait(Duration::from_millis(500)).run().await;
    assert_eq!(version(&found, "claude"), None);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    programs.assert_gone("pid").await;
}

#[tokio::test]
async fn a_program_that_fails_is_not_there_and_says_why() {
    let programs = Programs::new()
        .with("claude", "echo; echo \"$(printf 'node\\033[31m') is too old\" >&2; echo more >&2; exit 3")
        .with("gemini", "kill -9 $$");
    std::fs::write(programs.0.join("goose"), "#!/nonexistent/interpreter\n").expect("written");
    std::fs::set_permissions(programs.0.join("goose"), PermissionsExt::from_mode(0o755)).expect("allowed");
    let found = programs.detection().run().await;
    let claude = reason(&found, "claude");
    let expected = "failed (exit status: 3): node[31m is too old; install it anew: npm install -g @anthropic-ai/claude-code";
    assert!(claude.ends_with(expected), "{claude}");
    assert!(reason(&found, "gemini").contains("failed (signal: 9"), "{}", reason(&found, "gemini"));
    assert!(
        reason(&found, "goose").contains("cannot be started: No such file"),
        "{}",
        reason(&found, "goose")
    );
}

#[tokio::test]
async fn garbage_is_no_version_and_is_not_read_for_ever() {
    let programs = Programs::new().with("claude", "head -c 100000 /dev/urandom").with("codex", "yes garbage");
    let found = programs.detection().version_wait(Duration::from_secs(20)).run().await;
    for id in ["claude", "codex"] {
        // Whether it ends by itself when nobody reads any more is up to the program.
        match &find(&found, id).presence {
            Presence::Program { version, .. } => assert_eq!(*version, None, "{id}"),
            Presence::Absent { reason } => assert!(reason.contains("failed"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_a_program_leaves_running_is_killed() {
    let programs = Programs::new().with(
        "claude",
        "setsid sh -c 'echo $$ > DIR/pid; exec sleep 3600' & until [ -s DIR/pid ]; do sleep 0.01; done; echo 1.2.3",
    );
    let begun = Instant::now();
    let found = programs.detection().version_wait(Duration::from_secs(20)).run().await;
    assert_eq!(version(&found, "claude"), Some("1.2.3"));
    assert!(begun.elapsed() < Duration::from_secs(10), "it does not wait for what holds the pipe");
    programs.assert_gone("pid").await;
}

#[tokio::test]
async fn a_look_that_is_dropped_leaves_nothing() {
    let programs = Programs::new().with("claude", "echo $$ > DIR/pid; sleep 3600");
    let detection = programs.detection().version_wait(Duration::from_secs(60));
    let look = tokio::spawn(async move { detection.run().await });
    let begun = Instant::now();
    while programs.file("pid").is_none_or(|pid| !pid.ends_with('\n')) {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is never started");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    look.abort();
    drop(look.await);
    programs.assert_gone("pid").await;
}

#[tokio::test]
async fn programs_get_a_bare_environment_and_adapters_are_not_started() {
    let programs = Programs::new()
        .with("claude", "env > DIR/env; pwd > DIR/pwd; echo 1.0.0")
        .with("claude-agent-acp", "echo > DIR/started");
    let found = programs.detection().run().await;
    let environment = programs.file("env").expect("it ran");
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "this process has more than that");
    for name in ["CARGO_MANIFEST_DIR", "NEXTEST", "RUST"] {
        assert!(!environment.contains(name), "{environment}");
    }
    assert!(environment.contains("DISABLE_AUTOUPDATER=1"), "{environment}");
    assert_eq!(programs.file("pwd").as_deref(), Some("/\n"));
    assert_eq!(version(&found, "claude-agent-acp"), None);
    assert_eq!(programs.file("started"), None);
}

#[tokio::test]
async fn a_server_is_found_with_its_models() {
    let server = FakeModel::new(|_, _| models(&["qwen3:4b", "gemma3"]));
    let detection = Detection::new().path("/nonexistent").ollama(server.address()).llama_cpp(nobody());
    let found = detection.run().await;
    let ollama = find(&found, "ollama");
    let Presence::Server { endpoint, models } = &ollama.presence else { panic!("{ollama:?}") };
    assert_eq!((endpoint.to_string(), models.len()), (server.url(), 2));
    assert_eq!(ollama.driver, Driver::Chat);
    assert_eq!(server.asked()[0].line, "GET /v1/models");
    let llama_cpp = reason(&found, "llama-cpp");
    assert!(llama_cpp.ends_with("install llama.cpp and start it: brew install llama.cpp"), "{llama_cpp}");
}

#[tokio::test]
async fn a_server_that_is_not_ready_is_told_from_one_that_is_not_there() {
    let programs = Programs::new().with("ollama", "exit 1");
    let empty = FakeModel::new(|_, _| document(200, "", r#"{"object":"list","data":null}"#));
    let silent = FakeModel::new(|_, _| vec![Step::UntilGone]);
    let page = FakeModel::new(|_, _| document(404, "", "not found"));
    for (address, expected) in [
        (nobody(), "start it: ollama serve"),
        (empty.address(), "Ollama has no model; get one and start again: ollama pull"),
        (silent.address(), "did not answer within 300ms"),
        (page.address(), "does not answer as Ollama does"),
        ("192.0.2.1:80".parse().expect("an address"), "192.0.2.1:80 is not on this machine"),
    ] {
        let begun = Instant::now();
        let detection = Detection::new().path(&programs.0).ollama(address).llama_cpp(nobody());
        let found = detection.run().await;
        assert!(reason(&found, "ollama").contains(expected), "{}", reason(&found, "ollama"));
        assert!(begun.elapsed() < Duration::from_secs(3), "{address}: {:?}", begun.elapsed());
    }
}
