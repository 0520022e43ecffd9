//! Terminal properties and messages.

use std::io::IsTerminal as _;

use pavisade_report::one_line;

use crate::args::Color;

/// Returns whether to use colors on standard output: if requested, or on a terminal that is not
/// dumb without `NO_COLOR` (no-color.org).
pub(crate) fn color(choice: Color, to_file: bool) -> bool {
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            let forced = set("CLICOLOR_FORCE") && !set("NO_COLOR");
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            !to_file && (forced || std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb)
        }
    }
}

/// Returns the number of columns: as requested, that of the terminal, or 100.
pub(crate) fn width(asked: Option<usize>) -> usize {
    let own = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    asked.or_else(own).unwrap_or(100)
}

/// Prints a message to standard error after the prefix `red`, which is shown in that color. The
/// text may be untrusted.
pub(crate) fn say(red: &str, text: &str) {
    let text = one_line(text);
    if red.is_empty() {
        anstream::eprintln!("{text}");
    } else {
        anstream::eprintln!("\x1b[1;31m{red}\x1b[0m: {text}");
    }
}

/// A word for a command line that may be copied into a shell, whatever is in it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Writes lines that were made for a terminal on standard error.
pub(crate) fn tell(text: &str) {
    anstream::eprint!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_word_for_a_shell() {
        for (word, expect) in [
            ("a/b@sha256:0", "a/b@sha256:0"),
            ("a b", "'a b'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expect);
        }
    }
}
