//! Opens database files, also those of running members.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use pavisade_sources::open_regular;
use pavisade_storage::{Options, Proof, ReadAt, meta, prove};

/// The number of attempts to read a database between two writes.
const ATTEMPTS: usize = 20;

/// A file that is read at positions.
pub(crate) struct OpenFile {
    file: File,
    size: u64,
}

impl OpenFile {
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl ReadAt for OpenFile {
    fn size(&self) -> u64 {
        self.size
    }

    #[cfg(unix)]
    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, into, offset)
    }

    #[cfg(not(unix))]
    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        use std::io::{Read as _, Seek as _, SeekFrom};
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(into)
    }
}

/// Returns the database file of a path: the file itself, or that of a member's data directory.
fn database(path: &Path) -> anyhow::Result<PathBuf> {
    let shown = path.display();
    let kind = std::fs::metadata(path).with_context(|| format!("reading {shown}"))?;
    if !kind.is_dir() {
        return Ok(path.to_owned());
    }
    // k3s and RKE2 have the data directory one level deeper.
    for inside in ["member/snap/db", "etcd/member/snap/db", "snap/db"] {
        let file = path.join(inside);
        if file.is_file() {
            return Ok(file);
        }
    }
    bail!("{shown} is not a data directory of etcd: `member/snap/db` does not exist in it")
}

/// Reads the database at a path.
///
/// A member writes pages while they are read. A page that the last transaction refers to is not
/// overwritten before the next one is complete, so the result is right if the last transaction is
/// still the same afterwards. Otherwise, it is read again.
///
/// # Errors
/// It is not a database, or it cannot be read.
pub(crate) fn prove_path(path: &Path, options: Options<'_>) -> anyhow::Result<Proof> {
    let file = database(path)?;
    let shown = file.display();
    let mut last = None;
    for attempt in 1..=ATTEMPTS {
        let open = open_regular(&file).and_then(OpenFile::new);
        let open = open.with_context(|| format!("reading {shown}"))?;
        let mut proof = prove(&open, options).map_err(|why| anyhow!("reading {shown}: {why}"))?;
        let after = meta(&open).ok().map(|(meta, _)| meta.transaction);
        if after == Some(proof.transaction) {
            return Ok(proof);
        }
        if attempt == ATTEMPTS {
            proof.complete = false;
            proof.notes.push(format!(
                "the database was written during each of {ATTEMPTS} attempts to read it: use a \
                 snapshot or --endpoints"
            ));
        }
        last = Some(proof);
    }
    last.with_context(|| format!("reading {shown}"))
}
