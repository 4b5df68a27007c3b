//! A real pseudo-terminal with a program in it, and the screen that a person would see.

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};

use crate::place::{PATIENCE, Place, QUIET, eventually};

/// A program in a terminal of its own. Dropping it kills the program.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

/// What came out.
pub(crate) struct Shown {
    pub(crate) raw: Vec<u8>,
    parser: vt100::Parser,
    is_over: bool,
}

impl Terminal {
    /// `tasks` with all its streams on a terminal of so many columns.
    pub(crate) fn start(place: &Place, columns: u16, args: &[&str]) -> Self {
        Self::start_with(place, columns, args, |command| command)
    }

    /// The same with another environment, or with a stream elsewhere.
    pub(crate) fn start_with(
        place: &Place,
        columns: u16,
        args: &[&str],
        with: impl FnOnce(Command) -> Command,
    ) -> Self {
        let (pty, pts) = open().expect("a pseudo-terminal");
        pty.resize(Size::new(ROWS, columns)).expect("a size");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tasks")).current_dir(place.path()).args(args);
        for name in QUIET {
            command = command.env_remove(name);
        }
        command = command
            .env("TASKS_DEMO", "1")
            .env("TASKS_NO_DETECT", "1")
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8");
        let child = with(command).spawn(pts).expect("it starts");
        let parser = vt100::Parser::new(size(ROWS), size(columns), 1_000);
        let shown = Shown { raw: Vec::new(), parser, is_over: false };
        let (pty, shown) = (Arc::new(pty), Arc::new((Mutex::new(shown), Condvar::new())));
        let (from, to) = (Arc::clone(&pty), Arc::clone(&shown));
        // Ends with the program: then nobody has the other side open.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let read = (&*from).read(&mut bytes).unwrap_or(0);
                let mut shown = to.0.lock().unwrap_or_else(PoisonError::into_inner);
                shown.raw.extend_from_slice(&bytes[..read]);
                shown.parser.process(&bytes[..read]);
                shown.is_over = read == 0;
                to.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { child, pty, shown }
    }

    /// Types, as a person does.
    pub(crate) fn type_in(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("the terminal is there");
    }

    /// Changes the width of the window.
    pub(crate) fn resize(&self, columns: u16) {
        let mut shown = self.shown.0.lock().expect("no panic");
        shown.parser.screen_mut().set_size(size(ROWS), size(columns));
        self.pty.resize(Size::new(ROWS, columns)).expect("a size");
    }

    /// Waits until the terminal shows what is wanted.
    pub(crate) fn until<T>(&self, what: &str, wanted: impl Fn(&Shown) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = self.shown.0.lock().expect("no panic");
        loop {
            if let Some(found) = wanted(&shown) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !shown.is_over,
                "waited in vain until {what}:\n{}",
                shown.rows().join("\n")
            );
            shown = self.shown.1.wait_timeout(shown, left).expect("no panic").0;
        }
    }

    /// Waits until a row of the terminal contains this.
    pub(crate) fn until_row(&self, part: &str) {
        self.until(part, |shown| shown.rows().iter().any(|row| row.contains(part)).then_some(()));
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().expect("kill").success());
    }

    /// How the program ended, and all it showed.
    pub(crate) fn finish(mut self) -> (Option<i32>, Vec<String>, Vec<u8>) {
        let status: ExitStatus = eventually("the program ends", || self.child.try_wait().expect("a child"));
        let mut shown = self.shown.0.lock().expect("no panic");
        let deadline = Instant::now() + PATIENCE;
        while !shown.is_over {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the terminal is still open");
            shown = self.shown.1.wait_timeout(shown, left).expect("no panic").0;
        }
        (status.code(), shown.rows(), shown.raw.clone())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Shown {
    /// The rows of the screen that hold something, without what is empty on the right.
    pub(crate) fn rows(&self) -> Vec<String> {
        let columns = self.parser.screen().size().1.get();
        let rows = self.parser.screen().rows(0, columns).map(|row| row.trim_end().to_owned());
        rows.filter(|row| !row.is_empty()).collect()
    }

    /// Everything that came, byte for byte.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }
}

fn size(n: u16) -> NonZero<u16> {
    NonZero::new(n).expect("not 0")
}

const ROWS: u16 = 40;
