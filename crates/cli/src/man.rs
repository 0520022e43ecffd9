//! The manual: one page, with a section for each command.

use std::io;

use clap::Command;
use clap_mangen::Man;

use crate::args::EXIT_CODES;

/// The page, as roff.
///
/// # Errors
/// None that a `Vec` gives.
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

/// A section for each command that does something, its parts one level lower than in a page of
/// its own.
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
        page.extend(format!(".SH \"{}\"\n{about}.\n{part}{status}", words.to_uppercase()).bytes());
    }
    Ok(())
}

/// The lines of `Exit codes:` below a command's help.
fn codes(help: &str) -> String {
    let lines = help.lines().filter_map(|line| line.trim_start().split_once("  "));
    let lines = lines.filter(|(code, _)| code.bytes().all(|b| b.is_ascii_digit()));
    let entry = |(code, meaning): (&str, &str)| {
        format!(".TP\n\\fB{code}\\fR\n{}\n", meaning.replace('-', "\\-"))
    };
    lines.map(entry).collect()
}
