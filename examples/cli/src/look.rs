//! Colours, and whether there are any.

use std::ffi::OsStr;

use clap::ColorChoice;

/// How a piece of text looks. What it says must not depend on that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
    Accent,
    Bad,
    Faint,
    Good,
    #[default]
    Plain,
    Strong,
    Warn,
}

impl Look {
    /// `text` with what a terminal needs to show it so.
    pub(crate) fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Accent => "36",
            Self::Bad => "31",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Plain => return text.to_owned(),
            Self::Strong => "1",
            Self::Warn => "33",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Whether a stream gets colours: as it was asked for, else as the environment says, else if it is a terminal.
pub(crate) fn has_colours(choice: ColorChoice, is_terminal: bool) -> bool {
    decide(choice, is_terminal, |name| std::env::var_os(name).unwrap_or_default())
}

/// <https://no-color.org> and <https://bixense.com/clicolors>.
fn decide<T: AsRef<OsStr>>(choice: ColorChoice, is_terminal: bool, variable: impl Fn(&str) -> T) -> bool {
    let is_set = |name| !variable(name).as_ref().is_empty();
    let is_zero = |name| variable(name).as_ref() == "0";
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if is_set("NO_COLOR") => false,
        ColorChoice::Auto if is_set("CLICOLOR_FORCE") && !is_zero("CLICOLOR_FORCE") => true,
        ColorChoice::Auto => is_terminal && !is_zero("CLICOLOR") && variable("TERM").as_ref() != "dumb",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(is_terminal: bool, variables: &[(&str, &str)]) -> bool {
        decide(ColorChoice::Auto, is_terminal, |name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map_or(String::new(), |(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides_unless_asked() {
        assert!(auto(true, &[("TERM", "xterm")]));
        assert!(!auto(false, &[]));
        assert!(!auto(true, &[("NO_COLOR", "1")]));
        assert!(auto(true, &[("NO_COLOR", "")]));
        assert!(!auto(true, &[("CLICOLOR", "0")]));
        assert!(auto(false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!auto(false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!auto(true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
        assert!(!auto(true, &[("TERM", "dumb")]));
        assert!(decide(ColorChoice::Always, false, |_| "1"));
        assert!(!decide(ColorChoice::Never, true, |_| ""));
    }
}
