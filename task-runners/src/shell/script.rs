//! The script around a command: it runs the command in the shell itself, and records what the shell is like afterwards.

use std::ffi::OsString;
use std::path::Path;

use super::text::char_boundary;

/// Arguments of `sh -c`: the script, its name in error messages, the file to record to, and the command.
pub(super) fn arguments(command: &str, record: &Path) -> Vec<OsString> {
    let mut arguments =
        vec!["-c".into(), SCRIPT.into(), NAME.into(), record.into(), environment_printer().into()];
    arguments.extend(pieces(command).map(Into::into));
    arguments
}

/// The command comes as arguments, so that no character in it means anything to the script, and in pieces, because
/// Linux takes at most 128 KiB in one.
fn pieces(command: &str) -> impl Iterator<Item = &str> {
    let mut rest = command;
    std::iter::from_fn(move || {
        let (piece, next) = rest.split_at(char_boundary(rest, PIECE));
        rest = next;
        (!piece.is_empty()).then_some(piece)
    })
}

/// By its path: the command may have changed the `PATH`.
fn environment_printer() -> &'static str {
    ["/usr/bin/env", "/bin/env"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("env")
}

/// How the shell calls itself: `shell: line 1: foo: command not found`.
const NAME: &str = "shell";

/// Bytes of one argument.
const PIECE: usize = 64 << 10;

/// One line, so that the line numbers in error messages are those of the command.
///
/// * The record is the working directory, then what `env -0` prints, each variable ended by a zero byte, and one more
///   zero byte: a record without it is not whole.
/// * It is written by the `EXIT` trap, which also runs after `exit` and `set -e`, and before, when the command came to
///   its end, because the command may have set a trap of its own.
/// * It is written in a subshell that first undoes options which would get in its way, and silently, whatever
///   `set -x` says.
const SCRIPT: &str = concat!(
    r#"__tasks_file=$1 __tasks_env=$2; shift 2; "#,
    r#"__tasks_command=; for __tasks_piece do __tasks_command=$__tasks_command$__tasks_piece; done; set --; "#,
    r#"__tasks_record() ( set +aCefux; IFS=' '; "#,
    r#"{ command pwd; printf '\0'; "$__tasks_env" -0 && printf '\0'; } >"$__tasks_file" ); "#,
    r#"trap '{ [ -n "${__tasks_done-}" ] || __tasks_record; } 2>/dev/null' EXIT; "#,
    r#"eval "$__tasks_command"; "#,
    r#"{ __tasks_status=$?; set +x; __tasks_record; __tasks_done=1; } 2>/dev/null; exit "$__tasks_status""#,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_cut_between_characters() {
        let command = format!("x{}", "任".repeat(100_000));
        let pieces: Vec<_> = pieces(&command).collect();
        assert!(pieces.len() > 4 && pieces.iter().all(|piece| piece.len() <= PIECE));
        assert_eq!(pieces.concat(), command);
    }

    #[test]
    fn the_script_is_one_line() {
        assert!(!SCRIPT.contains('\n'));
    }
}
