use std::str::FromStr;
use std::time::Duration;

/// One line of a script.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Ask(String),
    Count {
        upto: u64,
        rate: f64,
    },
    Fail(String),
    Hang,
    Markdown,
    Panic,
    Permit(String),
    Plan(Vec<String>),
    Say(String),
    Sleep(Duration),
    Spawn(u64),
    Text {
        bytes: usize,
        rate: f64,
    },
    Think(String),
    Tool {
        name: String,
        seconds: f64,
    },
    /// A command that is none, and why.
    Unknown(String),
}

/// The steps of a message. Lines that are no commands and follow each other are said together.
pub(super) fn steps(message: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in message.lines().map(str::trim_end) {
        if line.starts_with('/') {
            steps.push(step(line).unwrap_or_else(Step::Unknown));
        } else if let Some(Step::Say(said)) = steps.last_mut() {
            said.push('\n');
            said.push_str(line);
        } else if !line.is_empty() {
            steps.push(Step::Say(line.to_owned()));
        }
    }
    steps
}

fn step(line: &str) -> Result<Step, String> {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let mut words = rest.split_whitespace();
    let rest = rest.trim().to_owned();
    let step = match name {
        "/ask" => Step::Ask(need(rest, "/ask QUESTION")?),
        "/count" => Step::Count {
            upto: number(words.next(), "/count N [RATE]", 1_000_000_000)?,
            rate: rate(words.next(), "/count N [RATE]")?,
        },
        "/fail" => Step::Fail(need(rest, "/fail MESSAGE")?),
        "/hang" => Step::Hang,
        "/md" => Step::Markdown,
        "/panic" => Step::Panic,
        "/permit" => Step::Permit(need(rest, "/permit WHAT")?),
        "/plan" => {
            let entries = rest.split(';').map(str::trim).filter(|entry| !entry.is_empty());
            let entries: Vec<_> = entries.map(str::to_owned).collect();
            if entries.is_empty() {
                return Err(usage("/plan A; B; C"));
            }
            Step::Plan(entries)
        }
        "/sleep" => Step::Sleep(Duration::from_secs_f64(seconds(words.next(), "/sleep SECONDS")?)),
        "/spawn" => Step::Spawn(number(words.next(), "/spawn SECONDS", 86_400)?),
        "/text" => Step::Text {
            bytes: number(words.next(), "/text BYTES [RATE]", 1 << 30)?,
            rate: rate(words.next(), "/text BYTES [RATE]")?,
        },
        "/think" => Step::Think(need(rest, "/think TEXT")?),
        "/tool" => Step::Tool {
            name: words.next().ok_or_else(|| usage("/tool NAME [SECONDS]"))?.to_owned(),
            seconds: words.next().map_or(Ok(0.0), |word| seconds(Some(word), "/tool NAME [SECONDS]"))?,
        },
        other => return Err(format!("`{other}` is no command. There are {COMMANDS}.")),
    };
    Ok(step)
}

fn need(text: String, how: &str) -> Result<String, String> {
    if text.is_empty() { Err(usage(how)) } else { Ok(text) }
}

fn number<T: Copy + FromStr + PartialOrd>(word: Option<&str>, how: &str, max: T) -> Result<T, String> {
    word.and_then(|word| word.parse().ok()).filter(|number| *number <= max).ok_or_else(|| usage(how))
}

fn seconds(word: Option<&str>, how: &str) -> Result<f64, String> {
    // `NaN` is in no range.
    word.and_then(|word| word.parse().ok()).filter(|s| (0.0..=86_400.0).contains(s)).ok_or_else(|| usage(how))
}

/// Steps a second; 0 or absent is as fast as it goes.
fn rate(word: Option<&str>, how: &str) -> Result<f64, String> {
    let Some(word) = word else { return Ok(0.0) };
    let legal = |rate: &f64| *rate == 0.0 || (1e-3..=1e9).contains(rate);
    word.parse().ok().filter(legal).ok_or_else(|| usage(how))
}

fn usage(how: &str) -> String {
    format!("It goes `{how}`.")
}

const COMMANDS: &str =
    "/ask, /count, /fail, /hang, /md, /panic, /permit, /plan, /sleep, /spawn, /text, /think and /tool";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_commands_are_said_together() {
        let script = "# Title\n\nsome text\n/count 3\nmore";
        let said = |text: &str| Step::Say(text.to_owned());
        assert_eq!(
            steps(script),
            [said("# Title\n\nsome text"), Step::Count { upto: 3, rate: 0.0 }, said("more")]
        );
    }

    #[test]
    fn what_cannot_be_understood_says_how_it_goes() {
        for line in ["/count", "/count x", "/count 3 nan", "/sleep -1", "/plan ;", "/tool", "/nothing", "/"] {
            assert!(matches!(steps(line).as_slice(), [Step::Unknown(_)]), "{line}");
        }
    }
}
