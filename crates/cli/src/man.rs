//! The manual: one page with a section for each command.

use std::io;

use clap::Command;
use clap_mangen::Man;

use crate::args::EXIT_CODES;
use crate::examples;

/// Returns the page as roff.
///
/// # Errors
/// Writing to a `Vec` does not fail.
pub(crate) fn page(mut command: Command) -> io::Result<Vec<u8>> {
    command.build();
    let top = Man::new(command.clone());
    let mut page = Vec::new();
    top.render_title(&mut page)?;
    top.render_name_section(&mut page)?;
    top.render_synopsis_section(&mut page)?;
    top.render_description_section(&mut page)?;
    top.render_options_section(&mut page)?;
    sections(&command, &mut page)?;
    page.extend(
        b".SH \"EXIT STATUS\"\nOf scan and comply; for other commands, see their sections.\n",
    );
    page.extend(codes(EXIT_CODES).bytes());
    Ok(page)
}

/// Adds a section for each command, with headings one level lower than on its own page.
fn sections(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    for command in command.get_subcommands().filter(|c| c.get_name() != "help") {
        if command.has_subcommands() {
            sections(command, page)?;
            continue;
        }
        let words = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let man = Man::new(command.clone());
        let mut part = Vec::new();
        man.render_synopsis_section(&mut part)?;
        man.render_options_section(&mut part)?;
        let part = String::from_utf8_lossy(&part).replace("\n.SH ", "\n.SS ");
        let part = part.strip_prefix(".SH ").map_or(part.clone(), |rest| format!(".SS {rest}"));
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let status = match codes(&help) {
            _ if help == EXIT_CODES => String::new(),
            codes if codes.is_empty() => codes,
            codes => format!(".SS \"EXIT STATUS\"\n{codes}"),
        };
        let own = words.split_once(' ').map_or("", |(_, own)| own);
        let examples = examples::of(own).map_or_else(String::new, |examples| {
            format!(".SS EXAMPLES\n.nf\n{}.fi\n", examples.replace('\\', "\\e").replace('-', "\\-"))
        });
        let words = words.to_uppercase();
        page.extend(format!(".SH \"{words}\"\n{about}.\n{part}{examples}{status}").bytes());
    }
    Ok(())
}

/// Returns the lines of `Exit codes:` in a command's help.
fn codes(help: &str) -> String {
    let lines = help.lines().filter_map(|line| line.trim_start().split_once("  "));
    let lines = lines.filter(|(code, _)| code.bytes().all(|b| b.is_ascii_digit()));
    let entry = |(code, meaning): (&str, &str)| {
        format!(".TP\n\\fB{code}\\fR\n{}\n", meaning.replace('-', "\\-"))
    };
    lines.map(entry).collect()
}
