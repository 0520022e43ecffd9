//! Collects the files of one layer that describe packages.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use pavisade_model::{FileId, LayerFile, LayerVisitor};

use super::kept;
use super::taken::{Taken, What};
use crate::contents::Problem;
use crate::{Distribution, Reader, Want, copyright};

/// What to keep besides packages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The files of each distribution package.
    pub files: bool,
}

/// Reads the files of one layer.
#[derive(Debug, Default)]
pub struct Collector {
    options: Options,
    /// If set, only these files are read, under these paths.
    only: Option<BTreeMap<FileId, String>>,
    pub(super) taken: HashMap<FileId, Taken>,
    /// The memory used by paths of file lists, in bytes.
    listed: usize,
}

/// Why a file is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Packages(Want),
    Distribution,
    List,
    Licences,
}

/// The largest file list and the largest other text, in bytes.
const LIST: u64 = 64 << 20;
const TEXT: u64 = 1 << 20;
/// The memory that paths in all file lists of one layer may use, in bytes: half a million paths of
/// usual length. A list of short lines needs many times its size.
const LISTS: usize = 64 << 20;
/// The overhead of a path in bytes.
const PATH: usize = 24 + 16;
/// The largest number of problems reported for one file.
const PROBLEMS: usize = 20;

impl Collector {
    /// Returns a collector for one layer.
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// Returns a collector for files whose effective paths differ from those in their layer.
    pub fn only(options: Options, files: BTreeMap<FileId, String>) -> Self {
        Self { options, only: Some(files), ..Self::default() }
    }

    /// Returns the effective path of a file.
    fn path<'a>(&'a self, file: &'a LayerFile<'_>) -> Option<&'a str> {
        match &self.only {
            Some(only) => only.get(&file.id()).map(String::as_str),
            None => Some(file.path),
        }
    }

    fn read(&self, purpose: Purpose, path: &str, bytes: &mut dyn Read) -> io::Result<What> {
        let what = match purpose {
            Purpose::Packages(want) => return self.packages(want, path, bytes),
            Purpose::Distribution => {
                text(bytes, TEXT)?.map(|text| What::Distribution(Distribution::read(&text)))
            }
            Purpose::List => text(bytes, LIST)?.map(|text| self.list(&text)),
            Purpose::Licences => {
                text(bytes, TEXT)?.map(|text| What::Licences(copyright::read(&text)))
            }
        };
        Ok(what.unwrap_or_else(What::Unread))
    }

    /// Reads the paths of a file list, as long as there is room.
    fn list(&self, text: &str) -> What {
        let mut room = LISTS.saturating_sub(self.listed);
        let mut paths = Vec::new();
        // Lists of digests have the path after two blanks.
        let lines = text.lines().map(|line| line.split_once("  ").map_or(line, |(_, path)| path));
        for path in lines.map(|path| path.trim_start_matches('/')).filter(|path| self.keeps(path)) {
            let Some(left) = room.checked_sub(path.len() + PATH) else {
                let message = format!(
                    "the lists of files in this layer take more than {} MiB of memory",
                    LISTS >> 20
                );
                return What::Unread(Problem { line: None, message });
            };
            room = left;
            paths.push(path.to_owned());
        }
        What::List(paths)
    }

    fn packages(&self, want: Want, path: &str, bytes: &mut dyn Read) -> io::Result<What> {
        let mut contents = want.read(path, bytes, &|path| self.keeps(path))?;
        let more = contents.problems.len().saturating_sub(PROBLEMS);
        if more > 0 {
            contents.problems.truncate(PROBLEMS);
            let message = format!("{more} more problems");
            contents.problems.push(Problem { line: None, message });
        }
        Ok(What::Packages(want.reader, contents))
    }

    /// Returns whether to keep a file of a package. Files that may name other packages are always
    /// kept.
    fn keeps(&self, path: &str) -> bool {
        self.options.files && !matches!(path, "" | ".") || may_name_packages(path)
    }
}

/// Reads a text of at most `limit` bytes.
fn text(bytes: &mut dyn Read, limit: u64) -> io::Result<Result<String, Problem>> {
    let mut content = Vec::new();
    bytes.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        let message = format!("it is larger than {limit} bytes");
        return Ok(Err(Problem { line: None, message }));
    }
    Ok(Ok(String::from_utf8_lossy(&content).into_owned()))
}

impl LayerVisitor for Collector {
    fn wants(&self, file: &LayerFile<'_>) -> bool {
        self.path(file).is_some_and(|path| Purpose::of_file(path, file.mode).is_some())
    }

    fn take(&mut self, file: &LayerFile<'_>, bytes: &mut dyn Read) -> io::Result<()> {
        let Some(path) = self.path(file).map(str::to_owned) else { return Ok(()) };
        let Some(purpose) = Purpose::of_file(&path, file.mode) else { return Ok(()) };
        let what = self.read(purpose, &path, bytes)?;
        if let What::List(paths) = &what {
            self.listed += paths.iter().map(|path| path.len() + PATH).sum::<usize>();
        }
        // Most binaries are not from Go.
        let is_nothing = matches!(&what, What::Packages(Reader::GoBinary, contents)
            if contents.packages.is_empty() && contents.problems.is_empty());
        if !is_nothing {
            self.taken.insert(file.id(), Taken { path, what });
        }
        Ok(())
    }

    fn keeps(&self) -> Option<String> {
        let files = self.options.files;
        let only = self.only.iter().flatten();
        let only: Vec<_> = only.map(|(id, path)| format!("{} {path}", id.entry)).collect();
        Some(match self.only {
            None => format!("packages, files: {files}"),
            Some(_) => format!("packages, files: {files}, only: {only:?}"),
        })
    }

    fn keep(&self) -> Option<Vec<u8>> {
        kept::write(&self.taken)
    }

    fn restore(&mut self, layer: u16, kept: &[u8]) -> bool {
        let Some(taken) = kept::read(layer, kept) else { return false };
        self.taken = taken;
        true
    }
}

impl Purpose {
    /// Returns why a file is read, based on its path.
    pub(super) fn of(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let inside = |end: &str| {
            folder.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        match name {
            "os-release" if inside("etc") || inside("usr/lib") => Some(Self::Distribution),
            "copyright"
                if folder
                    .rsplit_once('/')
                    .is_some_and(|(above, _)| above.ends_with("usr/share/doc")) =>
            {
                Some(Self::Licences)
            }
            _ if name.ends_with(".list") && inside("var/lib/dpkg/info") => Some(Self::List),
            _ if name.ends_with(".md5sums") && inside("var/lib/dpkg/status.d") => Some(Self::List),
            _ => Reader::of(path).map(Self::Packages),
        }
    }

    /// Returns why a file is read, based on its path or mode.
    fn of_file(path: &str, mode: u16) -> Option<Self> {
        Self::of(path).or_else(|| Reader::of_program(path, mode).map(Self::Packages))
    }
}

/// Returns whether a file may name packages, based on its path. For binaries this means the usual
/// directories.
pub(super) fn may_name_packages(path: &str) -> bool {
    let is_of_programs = |folder| matches!(folder, "bin" | "sbin" | "libexec");
    Reader::of(path).is_some() || path.split('/').any(is_of_programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether each of these lists of one layer is kept.
    fn kept(lists: &[&str]) -> Vec<bool> {
        let mut collector = Collector::new(Options { files: true });
        for (entry, list) in lists.iter().enumerate() {
            let path = format!("var/lib/dpkg/info/p{entry}.list");
            let (size, entry) = (list.len() as u64, entry as u32);
            let file = LayerFile { path: &path, size, mode: 0o644, layer: 0, entry };
            assert!(collector.wants(&file));
            collector.take(&file, &mut list.as_bytes()).unwrap();
        }
        let of = |entry| &collector.taken[&FileId { layer: 0, entry }].what;
        let count = lists.len() as u32;
        (0..count).map(|entry| matches!(of(entry), What::List(_))).collect()
    }

    #[test]
    fn lists_of_a_layer_take_so_much_memory_at_most() {
        // 4 MiB of one-letter lines would need more than 80 MiB.
        let short = "/a\n".repeat(4 << 19);
        let usual = "/usr/share/doc/package/changelog.Debian.gz\n".repeat(1000);
        assert_eq!(kept(&[&usual, &usual]), [true, true]);
        assert_eq!(kept(&[&short, &usual]), [false, true]);
        // Lists that fit one by one but not together.
        let half = "/a\n".repeat(1 << 20);
        assert_eq!(kept(&[&half, &half, &usual]), [true, false, true]);
    }
}
