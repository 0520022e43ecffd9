//! Writes results to standard output, or to a file that is replaced atomically.

use std::io::{self, StdoutLock, Write};
use std::path::Path;

use anyhow::Context as _;

use crate::replace;

/// Returns the file of a result; `None` for standard output (`-`).
pub(crate) fn named(file: Option<&Path>) -> Option<&Path> {
    file.filter(|file| *file != Path::new("-"))
}

/// Returns the name of the output for messages.
pub(crate) fn place(file: Option<&Path>) -> String {
    file.unwrap_or(Path::new("standard output")).display().to_string()
}

/// Prepares an output. An existing file is unchanged until the result is written.
pub(crate) fn output(file: Option<&Path>) -> anyhow::Result<Output> {
    let Some(file) = file else { return Ok(Output::Standard(io::stdout().lock())) };
    let target = replace::Target::new(file);
    Ok(Output::File(target.with_context(|| format!("writing {}", file.display()))?))
}

pub(crate) enum Output {
    Standard(StdoutLock<'static>),
    File(replace::Target),
}

/// The mode of a new file before the umask.
const MODE: u32 = 0o666;

impl Output {
    /// Writes the result; errors refer to `place`.
    pub(crate) fn put(
        self,
        place: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        match self.write(write) {
            // The reader closed the pipe; the exit code is unaffected.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.with_context(|| format!("writing {place}")),
        }
    }

    /// Writes the result and replaces the file.
    fn write(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Standard(mut out) => write(&mut out).and_then(|()| out.flush()),
            Self::File(target) => target.write(MODE, write),
        }
    }
}
