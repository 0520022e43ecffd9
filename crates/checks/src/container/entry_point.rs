//! The programs that containers start.

use pavisade_snapshot::Container;
use pavisade_yaml::Value;

use super::field::{WrongType, list};

/// The words of `command` and `args`. Words that are not strings are empty. Without `command`, the
/// image's own command precedes them.
pub(super) struct Words<'a> {
    /// Whether the first word is the program that runs.
    pub own_command: bool,
    pub all: Vec<(&'a str, Value<'a>)>,
}

pub(super) fn words(container: Container<'_>) -> Result<Words<'_>, WrongType<'_>> {
    let of = |field| {
        let values = list(container.value(), &[field])?;
        Ok(values.map(|value| (value.as_str().unwrap_or(""), value)).collect::<Vec<_>>())
    };
    let (mut all, args) = (of("command")?, of("args")?);
    let own_command = !all.is_empty();
    all.extend(args);
    Ok(Words { own_command, all })
}

/// Returns the base name of a program: `sh` for `/bin/sh`, `cmd` for `cmd.exe`.
pub(super) fn program(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.strip_suffix(".exe").unwrap_or(name)
}

/// Whether it is a shell.
pub(super) fn is_shell(word: &str) -> bool {
    const SHELLS: [&str; 10] =
        ["sh", "bash", "ash", "dash", "zsh", "ksh", "csh", "tcsh", "pwsh", "powershell"];
    SHELLS.contains(&program(word))
}

/// Whether a script runs a program: at the start of a command, not where its name is mentioned.
pub(super) fn runs(script: &str, wanted: &str) -> bool {
    let opens = ["&&", "||", "|", ";", "then", "do", "else", "{", "(", "!", "exec", "env", "time"];
    script.lines().any(|line| {
        let line = line.trim_start();
        let mut begins = !line.starts_with('#');
        line.split_whitespace().any(|word| {
            let inner = word.rsplit("$(").next().unwrap_or(word);
            let bare = inner.trim_start_matches(['(', '`']);
            let opened = begins || bare.len() < word.len();
            begins = opens.contains(&word) || word.ends_with(';');
            opened && program(bare.trim_end_matches([';', ')'])) == wanted
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_begins_where_the_shell_says() {
        for script in [
            "sudo apt update",
            "set -e; sudo x",
            "set -e\n  sudo x",
            "a && sudo b",
            "if a; then sudo b; fi",
            "x=$(sudo cat /a)",
            "/usr/bin/sudo -u a b",
            "exec sudo a",
        ] {
            assert!(runs(script, "sudo"), "{script}");
        }
        for script in ["echo sudo", "# sudo a", "apt install sudo", "cat /etc/sudoers", "pseudo a"]
        {
            assert!(!runs(script, "sudo"), "{script}");
        }
    }
}
