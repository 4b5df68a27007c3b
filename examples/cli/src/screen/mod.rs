//! The two streams: data on stdout, talk on stderr, and below it a line that says what is going on.

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal, Write};

use crate::escape;
use crate::look::{self, Look};
use crate::width::{column_after, columns, cut};
use clap::ColorChoice;
use rustix::event::{PollFd, PollFlags, poll};

/// A piece of text and how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) look: Look,
    pub(crate) text: String,
}

/// Writes to both streams and keeps them apart where they meet, on one terminal.
pub(crate) struct Screen {
    out: Stream,
    err: Stream,
    /// Columns of the terminal.
    width: Box<dyn Fn() -> usize + Send>,
    /// Where the text on stdout ends, in columns of an endless line; 0 behind a line break.
    column: usize,
    /// The status line as it stands on the terminal.
    drawn: Option<Drawn>,
    /// Whether the cursor stands behind a question, where something may be typed.
    is_asking: bool,
    has_status: bool,
    is_json: bool,
}

struct Stream {
    to: Box<dyn Write + Send>,
    is_terminal: bool,
    has_colours: bool,
}

/// A status line on the terminal.
struct Drawn {
    text: String,
    columns: usize,
    /// Whether it stands below an unfinished line of text.
    is_below: bool,
}

impl Piece {
    pub(crate) fn new(look: Look, text: impl Into<String>) -> Self {
        Self { look, text: text.into() }
    }

    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(Look::Plain, text)
    }
}

impl Screen {
    /// The streams of this process. With `is_json` they carry one JSON document a line and no status.
    pub(crate) fn new(colours: ColorChoice, is_json: bool) -> Self {
        let stream = |to: Box<dyn Write + Send>, is_terminal: bool| Stream {
            to,
            is_terminal,
            has_colours: !is_json && look::has_colours(colours, is_terminal),
        };
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let err_is_terminal = io::stderr().is_terminal();
        Self {
            out: stream(Box::new(io::stdout()), io::stdout().is_terminal()),
            err: stream(Box::new(io::stderr()), err_is_terminal),
            width: Box::new(terminal_width),
            column: 0,
            drawn: None,
            is_asking: false,
            has_status: err_is_terminal && !is_dumb && !is_json,
            is_json,
        }
    }

    /// Two pipes that a test reads, and what was written to them: data, then talk.
    #[cfg(test)]
    pub(crate) fn captured() -> (Self, [Captured; 2]) {
        let captured = [Captured::default(), Captured::default()];
        let stream =
            |to: &Captured| Stream { to: Box::new(to.clone()), is_terminal: false, has_colours: false };
        let screen = Self {
            out: stream(&captured[0]),
            err: stream(&captured[1]),
            width: Box::new(|| COLUMNS),
            column: 0,
            drawn: None,
            is_asking: false,
            has_status: false,
            is_json: false,
        };
        (screen, captured)
    }

    /// Whether what is written goes to a terminal, which must not get everything.
    pub(crate) const fn out_is_terminal(&self) -> bool {
        self.out.is_terminal
    }

    pub(crate) const fn err_is_terminal(&self) -> bool {
        self.err.is_terminal
    }

    /// Columns there are.
    pub(crate) fn width(&self) -> usize {
        (self.width)()
    }

    /// Writes data. What agents said in it was cleaned by whoever made the pieces.
    pub(crate) fn write(&mut self, pieces: &[Piece]) -> io::Result<()> {
        if pieces.iter().all(|piece| piece.text.is_empty()) {
            return Ok(());
        }
        // On one terminal the status line goes and the text comes in one write: nothing flickers.
        let mut bytes = if self.is_shared() { self.erased() } else { String::new() };
        for Piece { look, text } in pieces {
            if self.out.has_colours {
                bytes.push_str(&look.paint(text))
            } else {
                bytes.push_str(text)
            }
            self.column = column_after(self.column, text);
        }
        self.out.to.write_all(bytes.as_bytes())?;
        self.out.to.flush()
    }

    /// Writes a line of data.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.write(&[Piece::plain(format!("{text}\n"))])
    }

    /// Writes a line of JSON, harmless for a terminal.
    pub(crate) fn json(&mut self, json: &str) -> io::Result<()> {
        let json = if self.out.is_terminal { escape::json(json) } else { json.into() };
        self.line(&json)
    }

    /// Ends the line that text on stdout has left unfinished.
    pub(crate) fn end_line(&mut self) -> io::Result<()> {
        if self.column == 0 { Ok(()) } else { self.line("") }
    }

    /// Tells something, on stderr. Nothing can be done when nobody listens.
    pub(crate) fn say(&mut self, look: Look, text: &str) {
        let text = escape::line(text, self.err.is_terminal);
        let line = if self.is_json {
            serde_json::json!({ "note": text }).to_string()
        } else if self.err.has_colours {
            look.paint(&text)
        } else {
            text
        };
        self.say_raw(&format!("{line}\n"));
    }

    /// Tells why the command failed, on stderr.
    pub(crate) fn fail(&mut self, code: crate::exit::Code, message: &str) {
        let message = escape::line(message, self.err.is_terminal);
        let line = if self.is_json {
            let error = serde_json::json!({
                "error": { "code": code.name(), "exit": code.number(), "message": message }
            });
            error.to_string()
        } else {
            let word = if self.err.has_colours { Look::Bad.paint("error:") } else { "error:".to_owned() };
            format!("{word} {message}")
        };
        self.say_raw(&format!("{line}\n"));
    }

    /// Asks for a line, on stderr: the cursor stays behind it.
    pub(crate) fn prompt(&mut self, text: &str) {
        // In one write: what somebody types meanwhile would stand in the middle of it.
        self.say_raw(&format!("{} ", escape::line(text, self.err.is_terminal)));
        self.is_asking = true;
    }

    /// A line was typed: the terminal itself has moved the cursor to the next.
    pub(crate) fn entered(&mut self) {
        self.is_asking = false;
    }

    /// Shows what is going on, on the terminal alone.
    pub(crate) fn status(&mut self, text: &str) {
        if !self.has_status {
            return;
        }
        let width = self.width();
        let text = cut(&escape::line(text, true), width.saturating_sub(1));
        let is_below = self.is_shared() && self.column > 0;
        // Where an unfinished line fills more than a row, nobody knows for sure where the cursor is: no status then.
        let has_room = !is_below || self.column < width;
        if has_room && self.drawn.as_ref().is_some_and(|drawn| drawn.text == text) {
            return;
        }
        let mut bytes = self.erased();
        if has_room {
            if is_below {
                bytes.push_str("\r\n");
            }
            bytes.push_str(&if self.err.has_colours { Look::Faint.paint(&text) } else { text.clone() });
            self.drawn = Some(Drawn { columns: columns(&text), text, is_below });
        }
        self.say_bytes(&bytes);
    }

    /// Takes the status line away.
    pub(crate) fn clear_status(&mut self) {
        let bytes = self.erased();
        self.say_bytes(&bytes);
    }

    /// Whether nobody reads stdout any more.
    pub(crate) fn is_closed(&self) -> bool {
        let stdout = rustix::stdio::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        !self.out.is_terminal
            && poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
            && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
    }

    /// Whether text and status meet on one terminal.
    const fn is_shared(&self) -> bool {
        self.out.is_terminal && self.err.is_terminal
    }

    /// What takes the status line away and puts the cursor back, or leaves a question that nobody has answered here. The terminal may have another width by now.
    fn erased(&mut self) -> String {
        if std::mem::take(&mut self.is_asking) {
            return "\r\n".to_owned();
        }
        let Some(drawn) = self.drawn.take() else { return String::new() };
        let width = self.width().max(1);
        let mut bytes = "\r".to_owned();
        let rows = drawn.columns.saturating_sub(1) / width;
        if rows > 0 {
            bytes.push_str(&format!("\u{1b}[{rows}A"));
        }
        bytes.push_str("\u{1b}[J");
        if drawn.is_below {
            let column = self.column % width;
            // A row that is exactly full: the text goes on in the next, which is this one.
            if column > 0 {
                bytes.push_str(&format!("\u{1b}[A\u{1b}[{column}C"));
            }
        }
        bytes
    }

    fn say_raw(&mut self, text: &str) {
        let mut bytes = self.erased();
        if self.is_shared() && self.column > 0 {
            bytes.push_str("\r\n");
            self.column = 0;
        }
        bytes.push_str(text);
        self.say_bytes(&bytes);
    }

    fn say_bytes(&mut self, bytes: &str) {
        if !bytes.is_empty() {
            // Nothing can be done when nobody listens.
            let _ = self.err.to.write_all(bytes.as_bytes()).and_then(|()| self.err.to.flush());
        }
    }
}

impl Drop for Screen {
    /// The terminal is left as it was found, whatever happened.
    fn drop(&mut self) {
        self.clear_status();
    }
}

/// Columns of the terminal that stderr, or else stdout, is.
fn terminal_width() -> usize {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr())
        .or_else(|_| rustix::termios::tcgetwinsize(rustix::stdio::stdout()));
    size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(COLUMNS)
}

/// What was written to a stream.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

#[cfg(test)]
impl Captured {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("UTF-8")
    }
}

#[cfg(test)]
impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Columns where nobody says how many there are.
const COLUMNS: usize = 80;
