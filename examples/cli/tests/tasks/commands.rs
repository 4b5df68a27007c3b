//! What the commands print and how they end, off a terminal.

use serde_json::{Value, json};

use crate::place::Place;

#[test]
fn a_task_ends_with_its_outcome() {
    let place = Place::new();
    for (message, code) in [("hello", 0), ("/fail boom", 1), ("/panic", 1)] {
        let said = place.tasks(&["run", "-a", "demo", message]);
        assert_eq!(said.code, Some(code), "{message}: {said:?}");
        let waited = place.tasks(&["wait", &place.newest()]);
        assert_eq!(waited.code, Some(code), "{message}: {waited:?}");
        assert_eq!(waited.out, "");
    }
    let failed = place.tasks(&["run", "-a", "demo", "/fail boom"]);
    assert_eq!(failed.out, "failed: boom\n");
    assert!(failed.err.ends_with(&format!("task {} failed: boom\n", place.newest())), "{failed:?}");
}

#[test]
fn output_is_on_stdout_and_talk_on_stderr() {
    let place = Place::new();
    let said = place.tasks(&["run", "echo one; echo two >&2"]);
    assert_eq!(said.out, "* echo one; echo two >&2\n  one\n  two\n");
    assert_eq!(said.err, format!("task {} runs here: Ctrl-C cancels it\n", place.newest()));
}

#[test]
fn a_message_comes_from_stdin() {
    let place = Place::new();
    let mut command = place.command(&["run", "-a", "demo", "-"]);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), "任务管理\n".as_bytes())
        .expect("read");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8(output.stdout).expect("UTF-8"), "任务管理\n");
}

#[test]
fn events_are_json_one_a_line_and_the_same_as_in_the_log() {
    let place = Place::new();
    let said = place.tasks(&["run", "-a", "demo", "--json", "/count 3\n/md\n\u{1b}[31m"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let events: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_u64().expect("a number")).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(events.last().expect("events")["kind"], "completed");
    assert!(said.err.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{said:?}");
    let id = place.newest();
    assert_eq!(place.ok(&["logs", "--json", &id]), said.out);
    assert_eq!(place.ok(&["logs", "--json", "-f", &id]), said.out);
    let after: String = said.out.split_inclusive('\n').skip(4).collect();
    assert_eq!(place.ok(&["logs", "--json", "--after", "4", &id]), after);
    let beyond = place.tasks(&["logs", "--after", "1000", &id]);
    assert_eq!(beyond.code, Some(2));
    assert!(
        beyond.err.contains(&format!("--after 1000: the log of task {id} ends at {}", events.len())),
        "{beyond:?}"
    );
}

#[test]
fn lists_are_separated_by_tabs_for_programs_and_one_document_as_json() {
    let place = Place::new();
    place.ok(&["run", "-a", "demo", "eins\tzwei"]);
    place.ok(&["run", "echo drei"]);
    let list = place.ok(&["ls"]);
    let rows: Vec<Vec<_>> = list.lines().map(|line| line.split('\t').collect()).collect();
    let shape: Vec<_> = rows.iter().map(|row| (row[1], row[2], row[4])).collect();
    assert_eq!(shape, [("completed", "shell", "echo drei"), ("completed", "demo", "eins zwei")]);
    assert!(rows.iter().all(|row| row.len() == 5 && row[3].ends_with('Z')), "{list}");
    let ids: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(place.ok(&["ls", "-q"]).lines().collect::<Vec<_>>(), ids);
    let document = place.json(&["ls", "--json"]);
    assert_eq!(document["items"][0]["id"], ids[0]);
    assert_eq!(document["counts"]["completed"], 2);
    for (filter, found) in [
        (&["--agent", "demo"][..], 1),
        (&["--search", "DREI"], 1),
        (&["--status", "failed,cancelled"], 0),
        (&["--status", "failed", "--status", "completed"], 2),
        (&["-n", "1"], 1),
    ] {
        let args = [&["ls", "-q"], filter].concat();
        assert_eq!(place.ok(&args).lines().count(), found, "{filter:?}");
    }
}

#[test]
fn a_page_is_as_long_as_was_asked_for() {
    let place = Place::new();
    for n in 0..3 {
        place.ok(&["run", "-d", &format!("echo {n}")]);
    }
    let cut = place.tasks(&["ls", "--json", "-n", "2"]);
    let document: Value = serde_json::from_str(&cut.out).expect("JSON");
    assert_eq!(document["items"].as_array().map(Vec::len), Some(2));
    assert!(document["next_cursor"].is_string(), "{document}");
    assert!(place.json(&["ls", "--json"])["next_cursor"].is_null());
}

#[test]
fn a_task_is_shown() {
    let place = Place::new();
    place.ok(&["run", "-a", "demo", "-m", "big", "hello"]);
    let id = place.newest();
    let shown = place.ok(&["show", &id[..13]]);
    for line in [format!("id       {id}"), "status   completed".to_owned(), "model    big".to_owned()] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    let document = place.json(&["show", &id, "--json"]);
    assert_eq!((&document["id"], &document["model"]), (&json!(id), &json!("big")));
    let here = place.path().canonicalize().expect("there");
    assert_eq!(document["work_dir"], json!(here));
}

#[test]
fn what_is_not_there_and_what_is_wrong_have_codes_of_their_own() {
    let place = Place::new();
    assert_eq!(place.tasks(&["ls"]).code, Some(5), "there is no store");
    assert!(!place.path().join("tasks.db").exists(), "looking makes none");
    place.ok(&["run", "-a", "demo", "hello"]);
    let id = place.newest();
    let unknown = "01980000-0000-7000-8000-000000000000";
    for (args, code, words) in [
        (&["show", unknown][..], 3, "there is no task 01980000-0000-7000-8000-000000000000"),
        (&["show", "ffff"], 3, "there is no task whose id begins with `ffff`"),
        (&["show", ""], 2, "an empty text is no beginning of an id"),
        (&["logs", "nonsense"], 3, "there is no task whose id begins with `nonsense`"),
        (&["send", unknown, "x"], 3, "there is no task"),
        (&["answer", &id, "x", "y"], 3, "the task has no open question `x`; none is open"),
        (&["cancel", &id], 4, "is completed already"),
        (&["rm", "ffff"], 3, "there is no task"),
        (&["wait", "ffff"], 3, "there is no task"),
        (
            &["run", "-a", "dmo", "x"],
            2,
            "there is no agent `dmo`; there are: demo, shell. Did you mean `demo`?",
        ),
        (&["run", "-a", "demo", ""], 2, "message"),
        (&["run", "-C", "nowhere", "x"], 2, "--dir nowhere: No such file or directory"),
        (&["run"], 2, "MESSAGE"),
        (&["ls", "--status", "runing"], 2, "tip: a similar value exists: 'running'"),
        (&["ls", "-n", "0"], 2, "invalid value '0'"),
        (&["lst"], 2, "similar"),
        (&["--store", "postgres:x", "ls"], 2, "`postgres:x` is none of sqlite:FILE, sled:DIR and memory:"),
        (&["--store", "sqlite:no/where.db", "ls"], 5, "sqlite:no/where.db: there is no such file"),
        (&["--store", "sqlite:no/where.db", "run", "x"], 5, "sqlite:no/where.db:"),
        (&["--store", "memory:", "run", "-d", "x"], 2, "a task in memory: is gone"),
        (&["wait", "--timeout", "soon", &id], 2, "`soon` is no number of seconds"),
        (&["man", "runn"], 2, "Did you mean `run`?"),
    ] {
        let said = place.tasks(args);
        assert_eq!(said.code, Some(code), "{args:?}: {said:?}");
        assert!(said.err.contains(words), "{args:?}: {said:?}");
        assert!(said.out.is_empty() && said.err.starts_with("error: "), "{args:?}: {said:?}");
    }
}

#[test]
fn a_failure_is_json_where_the_output_is() {
    let place = Place::new();
    place.ok(&["run", "-a", "demo", "hello"]);
    let said = place.tasks(&["show", "ffff", "--json"]);
    let error: Value = serde_json::from_str(&said.err).expect("JSON");
    assert_eq!(
        (&error["error"]["code"], &error["error"]["exit"]),
        (&json!("not_found"), &json!(3)),
        "{said:?}"
    );
}

#[test]
fn a_beginning_that_is_not_unique_names_the_candidates() {
    let place = Place::new();
    let ids: Vec<_> =
        (0..2).map(|n| place.ok(&["run", "-d", &format!("echo {n}")]).trim().to_owned()).collect();
    let said = place.tasks(&["show", &ids[0][..4]]);
    assert_eq!(said.code, Some(2));
    assert!(ids.iter().all(|id| said.err.contains(&**id)), "{said:?}");
}

#[test]
fn several_are_cancelled_and_removed_whatever_is_wrong_with_one() {
    let place = Place::new();
    let ids: Vec<_> =
        (0..3).map(|n| place.ok(&["run", "-d", &format!("echo {n}")]).trim().to_owned()).collect();
    let said = place.tasks(&["cancel", &ids[0], "ffff", &ids[1]]);
    assert_eq!((said.code, said.out), (Some(3), format!("{}\n{}\n", ids[0], ids[1])));
    assert_eq!(place.ok(&["cancel", &ids[0]]), format!("{}\n", ids[0]), "twice is fine");
    let said = place.tasks(&["rm", &ids[0], &ids[0], &ids[2]]);
    assert_eq!((said.code, said.out), (Some(3), format!("{}\n{}\n", ids[0], ids[2])));
    assert_eq!(place.ok(&["ls", "-q"]), format!("{}\n", ids[1]));
    assert_eq!(place.tasks(&["wait", &ids[1]]).code, Some(6));
}

#[test]
fn a_wait_ends_in_time() {
    let place = Place::new();
    let id = place.ok(&["run", "-d", "echo later"]);
    let said = place.tasks(&["wait", "--timeout", "0.3", id.trim()]);
    assert_eq!(said.code, Some(124), "{said:?}");
    assert!(said.err.contains(&format!("task {} is pending, and goes on", id.trim())), "{said:?}");
}

#[test]
fn the_program_explains_itself() {
    let place = Place::new();
    assert!(place.ok(&["--help"]).contains("124 timeout"));
    assert!(place.ok(&["--version"]).starts_with("tasks 0."));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = place.ok(&["completions", shell]);
        assert!(script.contains("completions") && script.contains("after"), "{shell}");
    }
    let man = place.ok(&["man"]);
    assert!(man.contains(".TH tasks 1") && man.contains("Exit codes"), "{man}");
    assert!(place.ok(&["man", "run"]).contains(".TH tasks-run 1"));
    let agents = place.json(&["agents", "--json"]);
    let ids: Vec<_> = agents.as_array().expect("a list").iter().map(|agent| agent["id"].clone()).collect();
    assert_eq!(ids, ["demo", "shell"]);
}

/// A script that a shell cannot read is worse than none.
#[test]
fn the_completions_are_a_script_that_bash_reads() {
    let place = Place::new();
    let script = place.path().join("tasks.bash");
    std::fs::write(&script, place.ok(&["completions", "bash"])).expect("written");
    let complete = format!(
        "source {}; COMP_WORDS=(tasks lo); COMP_CWORD=1; _tasks tasks lo tasks; echo ${{COMPREPLY[@]}}",
        script.display()
    );
    match std::process::Command::new("bash").args(["--norc", "-c", &complete]).output() {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "logs", "{output:?}"),
        Err(error) => {
            assert!(std::env::var_os("REQUIRE_RIGS").is_none_or(|require| require == "0"), "bash: {error}");
            println!("not run: bash: {error}");
        }
    }
}
