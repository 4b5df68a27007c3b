use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

/// A terminal that both streams write to, and its screen.
#[derive(Clone)]
struct Terminal(Arc<Mutex<vt100::Parser>>);

impl Terminal {
    fn new(columns: u16) -> Self {
        let size = |n: u16| NonZero::new(n).expect("not 0");
        Self(Arc::new(Mutex::new(vt100::Parser::new(size(10), size(columns), 0))))
    }

    /// The rows that hold something.
    fn rows(&self) -> Vec<String> {
        let parser = self.0.lock().expect("no panic");
        let columns = parser.screen().size().1.get();
        let mut rows: Vec<_> =
            parser.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    fn screen(&self) -> Screen {
        let stream = || Stream { to: Box::new(self.clone()), is_terminal: true, has_colours: true };
        let terminal = self.clone();
        Screen {
            out: stream(),
            err: stream(),
            width: Box::new(move || terminal.0.lock().expect("no panic").screen().size().1.get().into()),
            column: 0,
            drawn: None,
            is_asking: false,
            has_status: true,
            is_json: false,
        }
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // As a terminal driver does.
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\n', "\r\n");
        self.0.lock().expect("no panic").process(text.as_bytes());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn say(text: &str) -> [Piece; 1] {
    [Piece::plain(text)]
}

#[test]
fn text_goes_on_where_it_was_whatever_stood_below() {
    let terminal = Terminal::new(20);
    let mut screen = terminal.screen();
    screen.write(&say("one 任")).expect("written");
    screen.status("running 1s");
    assert_eq!(terminal.rows(), ["one 任", "running 1s"]);
    screen.status("running 2s");
    screen.write(&say("务 two\n")).expect("written");
    assert_eq!(terminal.rows(), ["one 任务 two"]);
    screen.status("running 3s");
    screen.say(Look::Plain, "a note");
    screen.write(&say("three")).expect("written");
    drop(screen);
    assert_eq!(terminal.rows(), ["one 任务 two", "a note", "three"]);
}

#[test]
fn a_status_never_takes_more_than_a_row() {
    let terminal = Terminal::new(10);
    let mut screen = terminal.screen();
    screen.status("任务任务任务任务");
    assert_eq!(terminal.rows(), ["任务任务…"]);
    screen.write(&say("text that is longer than a row")).expect("written");
    screen.status("nowhere to put it");
    drop(screen);
    assert_eq!(terminal.rows(), ["text that", "is longer", "than a row"]);
}

#[test]
fn orders_in_a_note_are_shown_and_not_obeyed() {
    let terminal = Terminal::new(40);
    let mut screen = terminal.screen();
    screen.say(Look::Plain, "\u{1b}[2J\u{1b}]0;title\u{7}\nnext");
    assert_eq!(terminal.rows(), ["^[[2J^[]0;title^G next"]);
}

/// A terminal that is made narrower breaks the status into several rows: all of them go.
#[test]
fn a_status_that_a_narrower_terminal_broke_goes_as_a_whole() {
    let (mut screen, [out, _]) = Screen::captured();
    let columns = Arc::new(AtomicUsize::new(60));
    let width = Arc::clone(&columns);
    screen.width = Box::new(move || width.load(Ordering::SeqCst));
    (screen.out.is_terminal, screen.err.is_terminal, screen.has_status) = (true, true, true);
    screen.write(&say("unfinished text")).expect("written");
    screen.status(&"x".repeat(50));
    columns.store(20, Ordering::SeqCst);
    screen.write(&say(", and more")).expect("written");
    // Two rows up to where the status began, one more to the text, and to its end.
    assert_eq!(out.text(), "unfinished text\r\u{1b}[2A\u{1b}[J\u{1b}[A\u{1b}[15C, and more");
}
