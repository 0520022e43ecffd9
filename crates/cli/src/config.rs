//! `pavisade config`.

use std::io::Write as _;
use std::path::Path;

use anyhow::bail;

use crate::Outcome;
use crate::args::{CheckConfigArgs, ConfigCommand};
use crate::settings::{self, Settings};

pub(crate) fn run(args: &CheckConfigArgs) -> anyhow::Result<Outcome> {
    let (ConfigCommand::Check { paths, config } | ConfigCommand::Show { paths, config }) =
        &args.command;
    if let Some(missing) = paths.iter().find(|path| !path.exists() && *path != Path::new("-")) {
        bail!("{}: no such file or directory", missing.display());
    }
    let paths = settings::or_here(paths);
    let Some(settings) =
        Settings::find(&config.file, &config.exceptions, config.allow_from, &paths)?
    else {
        return Ok(Outcome::Usage);
    };
    let mut out = std::io::stdout().lock();
    let Some(file) = &settings.file else {
        writeln!(out, "no configuration file: the defaults and the command line apply")?;
        return Ok(Outcome::Clean);
    };
    match args.command {
        ConfigCommand::Check { .. } => {
            writeln!(out, "{file}: valid; it {}", settings.says())?;
        }
        ConfigCommand::Show { .. } => {
            for (field, line) in &settings.config.lines {
                writeln!(out, "{field:<40} {file}:{line}")?;
            }
            writeln!(out, "\n{file} {}", settings.says())?;
        }
    }
    Ok(Outcome::Clean)
}
