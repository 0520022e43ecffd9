//! Where results go: a file, whole or not at all, or standard output.

use std::io::{self, StdoutLock, Write};
use std::path::Path;

use anyhow::Context as _;

use crate::replace;

/// The file of a result; `-` is standard output.
pub(crate) fn named(file: Option<&Path>) -> Option<&Path> {
    file.filter(|file| *file != Path::new("-"))
}

/// What users call the file, or what stands for it.
pub(crate) fn place(file: Option<&Path>) -> String {
    file.unwrap_or(Path::new("standard output")).display().to_string()
}

/// What is in the file stays until there is something to write instead.
pub(crate) fn output(file: Option<&Path>) -> anyhow::Result<Output> {
    let Some(file) = file else { return Ok(Output::Standard(io::stdout().lock())) };
    let target = replace::Target::new(file);
    Ok(Output::File(target.with_context(|| format!("writing {}", file.display()))?))
}

pub(crate) enum Output {
    Standard(StdoutLock<'static>),
    File(replace::Target),
}

/// Permissions of a new result, less the umask.
const MODE: u32 = 0o666;

impl Output {
    /// Writes everything to what users call `place`.
    pub(crate) fn put(
        self,
        place: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        match self.write(write) {
            // The reader had enough; what it is told by the exit code stands.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.with_context(|| format!("writing {place}")),
        }
    }

    /// Writes everything, in place of what was there.
    fn write(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Standard(mut out) => write(&mut out).and_then(|()| out.flush()),
            Self::File(target) => target.write(MODE, write),
        }
    }
}
