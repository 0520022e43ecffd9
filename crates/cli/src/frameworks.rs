//! `pavisade frameworks`, and a framework by the name or file that a command line gives.

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
    // What goes to a file or program is not cut.
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

/// The framework of that name, or of that file: a word that ends in `.toml` is a file.
///
/// # Errors
/// There is none, or the file means nothing: with its place.
pub(crate) fn named(word: &str, catalog: &Catalog) -> anyhow::Result<Cow<'static, Framework>> {
    if !names_file(word) {
        return find(word, builtin()).map(Cow::Borrowed).map_err(|error| anyhow!("{error}"));
    }
    let text =
        std::fs::read_to_string(word).with_context(|| format!("reading the framework {word}"))?;
    own(&text, catalog).map(Cow::Owned).map_err(|error| anyhow!("{word}:{error}"))
}

/// A framework of the user's own.
///
/// # Errors
/// The text means nothing: with its place.
pub(crate) fn own(text: &str, catalog: &Catalog) -> Result<Framework, FrameworkError> {
    let known: Vec<_> = catalog.rules().collect();
    Framework::read(text, &known)
}
