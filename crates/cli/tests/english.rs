//! The help of every command is plain English: no phrase of `tests/banned-phrases.txt` is in it.
//!
//! `xtask/tests/english.rs` does the same for pages, check texts and messages.

use crate::started::{folder, run};

const LIST: &str = include_str!("../../../tests/banned-phrases.txt");

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let Some((_, rest)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let lines = rest.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| {
        line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split_whitespace().next()
    });
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn read(command: &[String], faults: &mut Vec<String>, seen: &mut usize) {
    let folder = folder(&[]);
    let mut args: Vec<_> = command.iter().map(String::as_str).collect();
    args.push("--help");
    let help = run(folder.path(), &args).out;
    assert!(help.contains("Usage:"), "{command:?}: {help}");
    *seen += 1;
    let words = help.to_lowercase();
    let words: Vec<_> = words
        .split_whitespace()
        .map(|word| word.trim_matches(['.', ',', ';', ':', '(', ')']))
        .collect();
    let text = format!(" {} ", words.join(" "));
    for line in LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (phrase, instead) = line.split_once(" => ").unwrap();
        if text.contains(&format!(" {phrase} ")) {
            faults.push(format!("{}: \"{phrase}\" (write: {instead})", command.join(" ")));
        }
    }
    for name in listed(&help) {
        read(&[command, &[name]].concat(), faults, seen);
    }
}

#[test]
fn help_of_every_command_is_plain_english() {
    let (mut faults, mut seen) = (Vec::new(), 0);
    read(&[], &mut faults, &mut seen);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(seen > 20, "only {seen} help texts were read");
}
