//! `pavisade frameworks`, and the lookup of frameworks by name or file.

use std::borrow::Cow;
use std::io::{BufWriter, IsTerminal as _, Write as _};

use anyhow::{Context as _, anyhow};
use pavisade_checks::Catalog;
use pavisade_compliance::{Framework, FrameworkError, builtin, find, names_file, topics};
use pavisade_report::{Layout, Options, framework_explain, frameworks_list, topics_list};

use crate::args::{FrameworksArgs, FrameworksCommand};
use crate::{Outcome, terminal};

pub(crate) fn run(args: &FrameworksArgs) -> anyhow::Result<Outcome> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    // Output for a file or program is not truncated.
    let width = if std::io::stdout().is_terminal() { terminal::width(None) } else { 160 };
    let options =
        Options { color: terminal::color(args.color, false), width, ..Options::default() };
    match &args.command {
        FrameworksCommand::List { json } => {
            let layout = if *json { Layout::Json } else { Layout::Terminal };
            frameworks_list(builtin(), layout, &options, &mut out)?;
        }
        FrameworksCommand::Show { framework } => {
            let catalog = Catalog::builtin();
            let names = catalog.names().collect();
            framework_explain(&*named(framework, &catalog)?, &names, &options, &mut out)?;
        }
        FrameworksCommand::Topics => topics_list(topics(), &options, &mut out)?,
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

/// Returns a framework by name, or from a file if the word ends in `.toml`.
///
/// # Errors
/// There is no such framework, or the file is invalid.
pub(crate) fn named(word: &str, catalog: &Catalog) -> anyhow::Result<Cow<'static, Framework>> {
    if !names_file(word) {
        return find(word, builtin()).map(Cow::Borrowed).map_err(|error| anyhow!("{error}"));
    }
    let text =
        std::fs::read_to_string(word).with_context(|| format!("reading the framework {word}"))?;
    own(&text, catalog).map(Cow::Owned).map_err(|error| anyhow!("{word}:{error}"))
}

/// Parses a user-defined framework.
///
/// # Errors
/// The text is invalid; the error has its position.
pub(crate) fn own(text: &str, catalog: &Catalog) -> Result<Framework, FrameworkError> {
    let known: Vec<_> = catalog.rules().collect();
    Framework::read(text, &known)
}
