//! A file of alerts that does not grow without end.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Limits;

/// The file, and the older ones `NAME.1`, `NAME.2` and so on.
#[derive(Debug)]
pub(super) struct Rotated {
    path: PathBuf,
    file: File,
    written: u64,
    limits: Limits,
    /// Whether the last line may be cut, because it could not be written.
    cut: bool,
}

impl Rotated {
    /// Opens the file, whose content is kept. A device or a pipe (`/dev/null`) is never renamed, and of
    /// a link only the file that it leads to is.
    pub(super) fn open(mut path: PathBuf, mut limits: Limits) -> anyhow::Result<Self> {
        let opening = || format!("opening {}", path.display());
        let file = append(&path).with_context(opening)?;
        let metadata = file.metadata().with_context(opening)?;
        let mut cut = false;
        if metadata.is_file() {
            cut = ends_cut(&path).with_context(opening)?;
            path = fs::canonicalize(&path).with_context(opening)?;
        } else {
            limits.bytes = u64::MAX;
        }
        Ok(Self { path, file, written: metadata.len(), limits, cut })
    }

    /// Adds a line.
    pub(super) fn line(&mut self, line: &str) -> std::io::Result<()> {
        let bytes = line.len() as u64 + 1;
        if self.written > 0 && self.written + bytes > self.limits.bytes {
            self.rotate()?;
        }
        // The rest of a line that was cut hides no other.
        let start = if std::mem::replace(&mut self.cut, true) { "\n" } else { "" };
        self.file.write_all(format!("{start}{line}\n").as_bytes())?;
        self.cut = false;
        self.written += bytes + start.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> std::io::Result<()> {
        if self.limits.kept == 0 {
            fs::remove_file(&self.path)?;
        }
        for number in (0..self.limits.kept).rev() {
            match fs::rename(older(&self.path, number), older(&self.path, number + 1)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = append(&self.path)?;
        self.written = 0;
        self.cut = false;
        Ok(())
    }
}

/// Whether the last line of a file has no end.
fn ends_cut(path: &Path) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last != *b"\n")
}

/// Only its owner reads it: alerts name files and commands of all users.
fn append(path: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).mode(0o600).open(path)
}

fn older(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_not_renamed_and_a_link_keeps_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        let limits = Limits { bytes: 10, kept: 1 };
        for (leads_to, renamed) in [(Path::new("/dev/null"), false), (&target, true)] {
            std::os::unix::fs::symlink(leads_to, &link).unwrap();
            let mut file = Rotated::open(link.clone(), limits).unwrap();
            for line in ["longer than all", "longer than all"] {
                file.line(line).unwrap();
            }
            assert_eq!(fs::read_link(&link).unwrap(), leads_to);
            assert!(!older(&link, 1).exists());
            assert_eq!(older(&target, 1).exists(), renamed);
            fs::remove_file(&link).unwrap();
        }
    }

    #[test]
    fn a_line_that_was_cut_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let mut file = Rotated::open(path.clone(), Limits { bytes: 100, kept: 0 }).unwrap();
        file.line("one").unwrap();
        // A disk that is full takes a part of a line.
        let whole = std::mem::replace(&mut file.file, File::open("/dev/null").unwrap());
        assert!(file.line("two").is_err());
        (&whole).write_all(b"tw").unwrap();
        file.file = whole;
        for line in ["three", "four"] {
            file.line(line).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntw\nthree\nfour\n");
        assert_eq!(file.written, fs::metadata(&path).unwrap().len() - 2);
        // Also if the agent ended after it.
        fs::write(&path, "tw").unwrap();
        let mut file = Rotated::open(path.clone(), Limits { bytes: 100, kept: 0 }).unwrap();
        file.line("three").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "tw\nthree\n");
    }

    #[test]
    fn old_lines_go_and_their_files_stay_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let limits = Limits { bytes: 10, kept: 2 };
        let mut file = Rotated::open(path.clone(), limits).unwrap();
        for line in ["one", "two", "three", "four", "five", "six", "longer than all"] {
            file.line(line).unwrap();
        }
        let read = |number| fs::read_to_string(older(&path, number)).unwrap();
        // A line is never cut, even if it is longer than the limit.
        assert_eq!((read(0), read(1)), ("longer than all\n".into(), "six\n".into()));
        assert_eq!(read(2), "four\nfive\n");
        assert!(!older(&path, 3).exists());
        // After a restart it goes on.
        let mut file = Rotated::open(path.clone(), Limits { bytes: 100, kept: 2 }).unwrap();
        file.line("more").unwrap();
        assert_eq!(read(0), "longer than all\nmore\n");
    }
}
