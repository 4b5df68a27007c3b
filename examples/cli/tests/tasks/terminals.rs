//! The program in a terminal: what a person sees, types and breaks off.

use std::process::Stdio;

use crate::place::{Place, eventually};
use crate::terminal::{Shown, Terminal};

/// The rows without those that say where a task runs: they have its id.
fn rows(rows: &[String]) -> Vec<&str> {
    rows.iter().map(String::as_str).filter(|row| !row.contains("Ctrl-C")).collect()
}

fn has_spinner(shown: &Shown) -> Option<()> {
    shown.rows().iter().any(|row| row.contains("⠋") || row.contains("⠙") || row.contains("⠹")).then_some(())
}

#[test]
fn a_spinner_and_the_time_stand_below_and_leave_no_trace() {
    let place = Place::new();
    let terminal = Terminal::start(&place, 100, &["run", "-a", "demo", "one\n/tool build 3\ntwo"]);
    terminal.until("a spinner", has_spinner);
    terminal.until_row("running 1s | Run build");
    terminal.until_row("running 2s | Run build");
    let (code, shown, _) = terminal.finish();
    assert_eq!(code, Some(0));
    let end = shown.last().expect("rows");
    assert!(end.starts_with("completed after "), "{end}");
    let lines = (1..=4).map(|n| format!("  build: line {n} of 4"));
    let text: Vec<_> = ["one".to_owned(), "* Run build".to_owned()]
        .into_iter()
        .chain(lines)
        .chain(["two".to_owned()])
        .collect();
    let rows = rows(&shown);
    assert_eq!(rows[rows.len() - 8..rows.len() - 1], text);
}

#[test]
fn ctrl_c_cancels_what_runs_here_and_says_so_before() {
    let place = Place::new();
    let terminal = Terminal::start(&place, 100, &["run", "-a", "demo", "one\n/sleep 3600"]);
    terminal.until_row("runs here: Ctrl-C cancels it");
    terminal.until_row("one");
    terminal.until("a spinner", has_spinner);
    terminal.type_in("\u{3}");
    terminal.until_row("cancelling; Ctrl-C again leaves at once");
    let (code, shown, _) = terminal.finish();
    assert_eq!(code, Some(6), "{shown:?}");
    assert!(shown.last().expect("rows").starts_with("cancelled after "), "{shown:?}");
    assert_eq!(place.status(&place.newest()), "cancelled");
}

#[test]
fn a_second_ctrl_c_leaves_at_once() {
    let place = Place::new();
    let terminal = Terminal::start(&place, 100, &["run", "-a", "demo", "/hang"]);
    terminal.until_row("running");
    terminal.type_in("\u{3}");
    terminal.until_row("cancelling; Ctrl-C again leaves at once");
    let id = place.newest();
    eventually("the wish is stored", || {
        place.ok(&["show", &id]).contains("running, asked to stop").then_some(())
    });
    let begun = std::time::Instant::now();
    terminal.type_in("\u{3}");
    let (code, shown, _) = terminal.finish();
    assert_eq!(code, Some(130), "{shown:?}");
    // The agent is deaf: the owner would give it five seconds.
    assert!(begun.elapsed().as_secs() < 4, "{shown:?}");
    assert_eq!(place.tasks(&["wait", &id]).code, Some(6), "whoever comes next settles it");
}

#[test]
fn ctrl_c_detaches_from_what_runs_elsewhere() {
    let place = Place::new();
    let _owner = place.owner();
    let id = place.newest();
    for args in [&["run", "-a", "demo", "/sleep 3600"][..], &["logs", "-f", &id], &["wait", &id]] {
        let terminal = Terminal::start(&place, 200, args);
        terminal.until_row("running");
        terminal.type_in("\u{3}");
        let (code, shown, _) = terminal.finish();
        assert_eq!(code, Some(130), "{args:?}: {shown:?}");
        let end = shown.last().expect("rows");
        assert!(end.contains("detached; the task goes on. Come back: tasks logs -f "), "{args:?}: {shown:?}");
        assert_eq!(place.status(&place.newest()), "running", "{args:?}");
        assert_eq!(place.status(&id), "running", "{args:?}");
    }
}

#[test]
fn a_terminal_that_goes_leaves_a_task_that_can_go_on() {
    let place = Place::new();
    let terminal = Terminal::start(&place, 100, &["run", "-a", "demo", "/sleep 3600"]);
    terminal.until_row("running");
    terminal.signal("-HUP");
    let (code, shown, _) = terminal.finish();
    assert_eq!(code, Some(7), "{shown:?}");
    assert_eq!(place.status(&place.newest()), "interrupted");
}

#[test]
fn a_window_can_be_resized_at_any_time() {
    let place = Place::new();
    let script =
        "/tool first 1\nsome words\n/sleep 1\nand some more\n/tool 第二个任务管理工具的名字很长 1\nend";
    let terminal = Terminal::start(&place, 100, &["run", "-a", "demo", script]);
    let widths = [40_u16, 90, 24, 60, 33, 100];
    for width in widths.iter().cycle().take(30) {
        terminal.until("something new", {
            let before = terminal.until("something", |shown| Some(shown.raw.len()));
            move |shown| {
                (shown.raw.len() > before || shown.rows().iter().any(|row| row.contains(" after ")))
                    .then_some(())
            }
        });
        if terminal.until("the screen", |shown| Some(shown.rows().iter().any(|row| row.contains(" after "))))
        {
            break;
        }
        terminal.resize(*width);
    }
    let (code, shown, raw) = terminal.finish();
    assert_eq!(code, Some(0), "{shown:?}");
    assert!(
        !shown.iter().any(|row| row.contains(['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'])),
        "{shown:?}"
    );
    let text = String::from_utf8_lossy(&raw).into_owned();
    for words in ["some words", "and some more", "  first: line 4 of 4", "end"] {
        assert!(text.contains(words), "{words}");
    }
}

/// A status that is as wide as the window is never wider, and goes without a trace.
#[test]
fn a_status_fits_in_a_window_however_narrow() {
    let place = Place::new();
    let terminal =
        Terminal::start(&place, 20, &["run", "-a", "demo", "ab\n/tool 任务管理任务管理任务管理 1\ncd"]);
    terminal.until("a status that is cut", |shown| {
        shown
            .rows()
            .iter()
            .any(|row| row.contains('…') && row.starts_with(['⠋', '⠙', '⠹', '⠸', '⠼', '⠴']))
            .then_some(())
    });
    let (code, shown, _) = terminal.finish();
    assert_eq!(code, Some(0));
    assert!(!shown.iter().any(|row| row.contains('…')), "{shown:?}");
    assert!(shown.iter().any(|row| row == "ab") && shown.iter().any(|row| row == "cd"), "{shown:?}");
}

#[test]
fn colours_are_there_unless_somebody_does_not_want_them() {
    let place = Place::new();
    let run = |with: fn(pty_process::blocking::Command) -> pty_process::blocking::Command| {
        Terminal::start_with(&place, 100, &["run", "-a", "demo", "/fail boom"], with).finish().2
    };
    let text = |raw: Vec<u8>| String::from_utf8(raw).expect("UTF-8");
    assert!(text(run(|command| command)).contains("\u{1b}[31mfailed: boom\u{1b}[0m"));
    let without = text(run(|command| command.env("NO_COLOR", "1")));
    let orders: Vec<_> =
        without.split("\u{1b}[").skip(1).map(|rest| rest.trim_start_matches(char::is_numeric)).collect();
    assert!(
        without.contains("failed: boom") && !orders.iter().any(|order| order.starts_with('m')),
        "{without:?}"
    );
    let dumb = text(run(|command| command.env("TERM", "dumb")));
    assert!(dumb.contains("failed: boom") && !dumb.contains('\u{1b}'), "{dumb:?}");
}

#[test]
fn orders_of_agents_do_not_reach_the_terminal() {
    let place = Place::new();
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}5A text\n/think \u{1b}[31m\n/tool na\u{1b}[2Jme\n/plan a\u{1b}c\n/nothing \u{1b}[5n\n/fail \u{1b}[8m";
    let terminal = Terminal::start(&place, 100, &["run", "-a", "demo", "--color", "never", evil]);
    let (code, shown, raw) = terminal.finish();
    assert_eq!(code, Some(1), "{shown:?}");
    let text = String::from_utf8(raw).expect("UTF-8");
    // What is left are those of the status line: up, right, and clear to the end.
    let orders: Vec<_> = text
        .split('\u{1b}')
        .skip(1)
        .map(|rest| rest.trim_start_matches(|c: char| c == '[' || c.is_ascii_digit()).chars().next())
        .collect();
    assert!(orders.iter().all(|order| matches!(order, Some('A' | 'C' | 'J'))), "{orders:?} {text:?}");
    assert!(!text.contains("\u{1b}[2J") && !text.contains(['\u{7}', '\u{9b}', '\u{8}']), "{text:?}");
    assert!(shown.iter().any(|row| row.contains("^[[2J^[]0;owned^G<U+009B>5A text")), "{shown:?}");
    // The same from the log, as JSON and in a list.
    let id = place.newest();
    for args in [
        &["logs", "--color", "never", &id][..],
        &["logs", "--json", &id],
        &["ls", "--color", "never"],
        &["show", "--color", "never", &id],
        &["show", "--json", &id],
        &["ls", "--json"],
        &["wait", "--color", "never", &id],
    ] {
        let text = String::from_utf8(Terminal::start(&place, 100, args).finish().2).expect("UTF-8");
        let text = text.replace("\u{1b}[J", "");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\r'), "{args:?}: {text:?}");
    }
}

#[test]
fn wide_characters_are_aligned_and_lines_fit() {
    let place = Place::new();
    for (agent, title) in [
        ("任务", "持久任务：关掉页面，任务继续运行。持久任务：关掉页面，任务继续运行。"),
        ("demo", "short"),
        ("ＷＩＤＥ", "x"),
    ] {
        place.ok(&["run", "-a", agent, "-d", title]);
    }
    let terminal = Terminal::start(&place, 80, &["ls"]);
    let (code, shown, _) = terminal.finish();
    assert_eq!((code, shown.len()), (Some(0), 4), "{shown:?}");
    let columns = |row: &str, part: &str| {
        let before = &row[..row.find(part).unwrap_or_else(|| panic!("{part} in {row}"))];
        before.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>()
    };
    let begins: Vec<_> =
        ["TITLE", "x", "short", "持久"].iter().zip(&shown).map(|(part, row)| columns(row, part)).collect();
    assert!(begins.windows(2).all(|pair| pair[0] == pair[1]), "{begins:?} {shown:?}");
    assert!(shown[3].ends_with('…') && columns(&shown[3], "…") < 80, "{shown:?}");
    assert!(shown[1].contains("s ago"), "{shown:?}");
}

#[test]
fn a_short_id_of_the_list_names_its_task() {
    let place = Place::new();
    for n in 0..3 {
        place.ok(&["run", "-d", &format!("echo {n}")]);
    }
    let (_, shown, _) = Terminal::start(&place, 80, &["ls"]).finish();
    for (row, n) in shown[1..].iter().zip([2, 1, 0]) {
        let id = row.split(' ').next().expect("an id");
        assert!(id.len() < 36, "{row}");
        assert_eq!(place.json(&["show", id, "--json"])["title"], format!("echo {n}"));
    }
}

#[test]
fn whoever_sits_there_is_asked() {
    let place = Place::new();
    let terminal = Terminal::start(&place, 100, &["run", "-a", "demo", "/permit deploy\n/ask Which colour?"]);
    terminal.until_row("answer, one of the above>");
    terminal.type_in("perhaps\r");
    terminal.until_row("\"perhaps\" is none of the options: allow, deny");
    terminal.until("it asks again", |shown| {
        (shown.text().matches("one of the above>").count() == 2).then_some(())
    });
    terminal.type_in("Allow\r");
    terminal.until_row("Which colour?");
    terminal.until_row("answer> ".trim_end());
    terminal.type_in("蓝\r");
    let (code, shown, _) = terminal.finish();
    assert_eq!(code, Some(0), "{shown:?}");
    let rows = rows(&shown);
    let expected = ["? deploy", "granted", "? Which colour?", "= 蓝", "蓝"];
    let mut left = expected.iter();
    let mut next = left.next();
    for row in &rows {
        if next.is_some_and(|next| row == next) {
            next = left.next();
        }
    }
    assert!(next.is_none(), "{next:?} is missing: {rows:?}");
}

/// What was typed ahead is for the next question, and not once more for this one.
#[test]
fn every_line_that_is_typed_is_one_answer() {
    let place = Place::new();
    let terminal = Terminal::start(&place, 100, &["run", "-a", "demo", "/permit deploy\n/ask Which colour?"]);
    terminal.until_row("answer, one of the above>");
    terminal.type_in("Allow\rblue\r");
    let (code, shown, _) = terminal.finish();
    assert_eq!(code, Some(0), "{shown:?}");
    assert!(shown.iter().any(|row| row == "granted") && shown.iter().any(|row| row == "blue"), "{shown:?}");
    assert!(!shown.iter().any(|row| row.contains("already answered")), "{shown:?}");
}

#[test]
fn a_question_that_is_answered_elsewhere_is_asked_no_more() {
    let place = Place::new();
    let terminal = Terminal::start(&place, 100, &["run", "-a", "demo", "/ask Which colour?\n/sleep 1\ndone"]);
    terminal.until_row("answer>");
    let task = place.json(&["show", &place.newest(), "--json"]);
    let request = task["requests"][0]["request_id"].as_str().expect("an id");
    place.ok(&["answer", &place.newest(), request, "green"]);
    terminal.until_row("= green");
    terminal.until("a spinner", has_spinner);
    let (code, shown, _) = terminal.finish();
    assert_eq!(code, Some(0));
    assert!(shown.iter().any(|row| row == "done"), "{shown:?}");
}

/// The output goes into a file: what moves stays on the terminal.
#[test]
fn a_spinner_does_not_leak_into_a_pipe() {
    let place = Place::new();
    let file = std::fs::File::create(place.path().join("out")).expect("a file");
    let with = |command: pty_process::blocking::Command| command.stdout(Stdio::from(file));
    let terminal =
        Terminal::start_with(&place, 100, &["run", "-a", "demo", "one\n/sleep 1\ntwo\n\u{1b}[1m"], with);
    terminal.until("a spinner", has_spinner);
    let (code, shown, _) = terminal.finish();
    assert_eq!(code, Some(0));
    assert!(!shown.iter().any(|row| row.contains("one")), "{shown:?}");
    assert_eq!(std::fs::read_to_string(place.path().join("out")).expect("text"), "one\ntwo\n\u{1b}[1m\n");
}

#[test]
fn a_program_that_was_stopped_goes_on_where_it_was() {
    let place = Place::new();
    let terminal = Terminal::start(&place, 100, &["run", "-a", "demo", "one\n/sleep 2\ntwo"]);
    terminal.until("a spinner", has_spinner);
    terminal.signal("-STOP");
    terminal.signal("-CONT");
    let (code, shown, _) = terminal.finish();
    assert_eq!(code, Some(0));
    let rows = rows(&shown);
    assert_eq!(rows[..2], ["one", "two"], "{rows:?}");
    eventually("the task is over", || (place.status(&place.newest()) == "completed").then_some(()));
}
