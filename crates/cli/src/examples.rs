//! Examples of each command, for its help and the manual.

use clap::Command;

/// A command, and its examples as description and command line.
type Examples = (&'static str, &'static [(&'static str, &'static str)]);

/// The examples by command.
const EXAMPLES: &[Examples] = &[
    (
        "node audit",
        &[
            ("This node", "pavisade node audit"),
            ("Each control of CIS 1.12", "pavisade node audit --framework cis-1.12"),
            ("Facts of a node in a pod", "pavisade node audit --root /host --facts"),
        ],
    ),
    (
        "scan",
        &[
            ("This folder, the short list", "pavisade scan"),
            ("Source, reason and fix of each finding", "pavisade scan deploy/ --explain"),
            ("One check, with the source", "pavisade scan deploy/ --explain=host-path-volume"),
            (
                "High and critical of two areas",
                "pavisade scan --check network,identity --min-severity high",
            ),
            (
                "A page, and JSON in a second file",
                "pavisade scan -f html -o report.html --also json=scan.json",
            ),
            ("Only what is new", "pavisade scan --baseline scan.json"),
            ("A live cluster, some namespaces", "pavisade scan --cluster --namespace 'team-*'"),
            (
                "A cluster compared with its files",
                "pavisade scan deploy/ --cluster --fail-on-drift",
            ),
        ],
    ),
    (
        "comply",
        &[
            ("The CIS benchmark for files", "pavisade comply deploy/ --framework cis"),
            (
                "Two frameworks, a document",
                "pavisade comply -F pci-dss,soc2 -f markdown -o report.md",
            ),
            ("A live cluster", "pavisade comply --cluster -F nsa-cisa"),
        ],
    ),
    (
        "probe",
        &[
            ("See every request first", "pavisade probe plan --scope 10.0.0.0/28"),
            (
                "A network, and admission in a namespace",
                "pavisade probe --scope 10.0.0.0/28 --scope cluster --scope namespace=shop",
            ),
            ("The container in which it runs", "pavisade probe pod"),
        ],
    ),
    (
        "fix",
        &[
            ("See what would change", "pavisade fix --diff deploy/"),
            ("Change the files", "pavisade fix deploy/"),
            ("Write the difference to a file", "pavisade fix --diff deploy/ > fix.patch"),
            ("One check only", "pavisade fix --check unset-seccomp --diff"),
        ],
    ),
    (
        "pss",
        &[
            ("The level of each namespace", "pavisade pss deploy/"),
            ("Labels for a live cluster", "pavisade pss --cluster --patch"),
        ],
    ),
    (
        "image",
        &[
            ("Vulnerabilities of an image", "pavisade image registry.example.com/web:1.4"),
            (
                "Those with a fix, high and worse",
                "pavisade image web.tar --only-fixed --fail-on high",
            ),
            ("Another platform", "pavisade image nginx --platform linux/arm64"),
            ("Why an advisory is reported", "pavisade image web.tar --explain CVE-2026-1234"),
        ],
    ),
    (
        "sbom",
        &[
            ("CycloneDX, on standard output", "pavisade sbom web.tar"),
            ("SPDX, in a file", "pavisade sbom web.tar -f spdx-json -o web.spdx.json"),
            (
                "A registry without TLS",
                "pavisade sbom localhost:5000/app --plain-http localhost:5000 -o app.cdx.json",
            ),
        ],
    ),
    ("snapshot save", &[("Keep a cluster in a file", "pavisade snapshot save cluster.pavisade")]),
    ("snapshot info", &[("What is in a file", "pavisade snapshot info cluster.pavisade")]),
    (
        "snapshot diff",
        &[("What changed", "pavisade snapshot diff monday.pavisade friday.pavisade")],
    ),
    (
        "checks list",
        &[
            ("All checks", "pavisade checks list"),
            ("Those of an area", "pavisade checks list --check network"),
            ("Those that can be fixed safely", "pavisade checks list --fixable=safely"),
        ],
    ),
    ("checks explain", &[("One check", "pavisade checks explain host-path-volume")]),
    ("frameworks show", &[("What a framework asks for", "pavisade frameworks show pci-dss")]),
    ("config check", &[("Is the configuration valid?", "pavisade config check")]),
    ("config show", &[("What counts, and from where", "pavisade config show")]),
    (
        "completions",
        &[
            ("For bash, in this shell", "source <(pavisade completions bash)"),
            ("For zsh", "pavisade completions zsh > ~/.zfunc/_pavisade"),
        ],
    ),
];

/// Returns the examples of a command, one per line.
pub(crate) fn of(words: &str) -> Option<String> {
    let (_, examples) = EXAMPLES.iter().find(|(command, _)| *command == words)?;
    let widest = examples.iter().map(|(what, _)| what.len()).max().unwrap_or(0);
    let line = |(what, how): &(&str, &str)| format!("  {what:widest$}  {how}\n");
    Some(examples.iter().map(line).collect())
}

/// Adds examples to the help of each subcommand.
pub(crate) fn add(command: Command) -> Command {
    below(command, "")
}

fn below(command: Command, words: &str) -> Command {
    let names: Vec<_> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let mut command = command;
    for name in names {
        let words = format!("{words} {name}").trim_start().to_owned();
        command = command.mut_subcommand(name, |inner| below(inner, &words));
    }
    let Some(examples) = of(words) else { return command };
    let rest = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    command.after_help(format!("Examples:\n{examples}\n{rest}").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::args::Cli;

    #[test]
    fn each_example_is_understood() {
        for (command, examples) in EXAMPLES {
            for (_, how) in *examples {
                let inside = how.rsplit_once("<(").map_or(*how, |(_, rest)| rest);
                let own = inside.split(" >").next().unwrap_or(inside).trim_end_matches(')');
                assert!(own.starts_with(&format!("pavisade {command}")), "{how}");
                let words = own.split(' ').map(|word| word.trim_matches('\''));
                assert!(Cli::try_parse_from(words).is_ok(), "{how}");
            }
        }
    }

    #[test]
    fn examples_are_of_commands_that_there_are_and_stand_in_their_help() {
        let command = add(Cli::command());
        for (words, examples) in EXAMPLES {
            let mut at = &command;
            for word in words.split(' ') {
                at = at.find_subcommand(word).unwrap();
            }
            let help = at.get_after_help().unwrap().to_string();
            assert!(help.starts_with("Examples:\n") && help.contains(examples[0].1), "{words}");
        }
        let scan = command.find_subcommand("scan").unwrap().get_after_help().unwrap().to_string();
        assert!(scan.contains("\nExit codes:\n"), "{scan}");
    }
}
