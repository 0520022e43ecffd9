//! Names for shell completion: checks, areas, frameworks.

use clap::Command;
use clap::builder::{PossibleValue, PossibleValuesParser};
use pavisade_checks::{Catalog, unhardened_container};
use pavisade_compliance::builtin;
use pavisade_model::{Area, Severity};

/// Restricts arguments to known names. Use this only for completion scripts: the program also
/// accepts patterns and files.
pub(crate) fn complete(command: Command) -> Command {
    let catalog = Catalog::builtin();
    let mut checks: Vec<String> = catalog.names().map(|(_, name)| name.to_owned()).collect();
    checks.push(unhardened_container().name.to_string());
    let mut words = checks.clone();
    words.extend(Area::ALL.map(|area| area.name().replace(' ', "-")));
    words.extend(Severity::RATED.map(|severity| format!("severity:{}", severity.name())));
    let frameworks: Vec<_> = builtin().iter().map(|framework| framework.id.clone()).collect();
    below(
        command,
        &[
            (&["only", "skip"], &words),
            (&["check", "explain"], &checks),
            (&["framework", "frameworks"], &frameworks),
        ],
    )
}

fn below(mut command: Command, lists: &[(&[&str], &[String])]) -> Command {
    let names: Vec<_> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |inner| below(inner, lists));
    }
    for (arguments, values) in lists {
        for argument in *arguments {
            // `--explain` of `image` takes an advisory, which completion does not list.
            let text =
                |one: &clap::Arg| one.get_id() == argument && one.get_action().takes_values();
            let own = command.get_name() != "image" && command.get_arguments().any(text);
            if own {
                let values = values.iter().map(|name| {
                    // The program exits after printing the script.
                    let name: &'static str = name.clone().leak();
                    PossibleValue::new(name)
                });
                let parser = PossibleValuesParser::new(values);
                command = command.mut_arg(*argument, |one| one.value_parser(parser));
            }
        }
    }
    command
}
