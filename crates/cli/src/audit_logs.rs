//! Reads audit logs of any size: one thread reads and decompresses, the others count.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use pavisade_audit::{Decoded, Limits, Tally, Usage, decode};
use pavisade_sources::Progress as _;

use crate::progress::Spinner;
use crate::runtime::uncompressed;
use crate::terminal;

/// The size of a part, in bytes: a few hundred events.
const PART: usize = 1 << 20;
/// The longest value, in bytes: a batch of a webhook, or an answer of CloudWatch.
const LONGEST: usize = 64 << 20;
/// The number of parts between the reader and each thread.
const AHEAD: usize = 2;
/// The number of errors that are shown.
const SHOWN: usize = 5;
/// The largest number of files.
const FILES: usize = 100_000;

/// Logs that were read.
pub(crate) struct Logs {
    /// What was used.
    pub usage: Usage,
    /// The number of places that could not be read.
    pub unread: u64,
}

/// Text between two line ends of a file, or a file that is one value.
struct Part {
    file: Arc<PathBuf>,
    bytes: Vec<u8>,
    /// Whether it is the whole file.
    whole: bool,
}

#[derive(Default)]
struct Counted {
    tally: Tally,
    others: u64,
    unread: u64,
    errors: Vec<String>,
}

/// Reads logs: files, folders, `-` for standard input.
///
/// # Errors
/// A file does not exist, or the logs contain no audit events.
pub(crate) fn read(paths: &[PathBuf], progress: &Spinner) -> anyhow::Result<Logs> {
    let (files, links) = files(paths)?;
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(16);
    let (send, receive) = sync_channel::<Part>(threads * AHEAD);
    let receive = Arc::new(Mutex::new(receive));
    let own = Limits::default();
    let limits = Limits { bytes: own.bytes / threads, ..own };
    let counted = std::thread::scope(|scope| {
        let start = |_| scope.spawn(|| count(&receive, limits));
        let workers: Vec<_> = (0..threads).map(start).collect();
        let mut whole = Counted::default();
        for link in &links {
            whole.unread += 1;
            let link = link.display();
            whole.errors.push(format!("{link}: links are not followed: give the file itself"));
        }
        for file in &files {
            progress.stage(&format!("Reading {}", file.display()));
            let name = Arc::new(file.clone());
            let mut pass = |bytes, whole| {
                let part = Part { file: name.clone(), bytes, whole };
                send.send(part).map_err(|_| io::Error::other("no thread counts events"))
            };
            if let Err(error) = split(file, &mut pass) {
                whole.unread += 1;
                whole.errors.push(format!("{}: {error}", file.display()));
            }
        }
        drop(send);
        for worker in workers {
            let Ok(counted) = worker.join() else { bail!("a thread that counts events failed") };
            whole.tally.merge(counted.tally);
            whole.others += counted.others;
            whole.unread += counted.unread;
            whole.errors.extend(counted.errors);
        }
        Ok(whole)
    })?;
    let usage = counted.tally.finish();
    let errors = counted.errors.len();
    for error in counted.errors.iter().take(SHOWN) {
        terminal::say("not read", error);
    }
    if errors > SHOWN || counted.unread > errors as u64 {
        let rest = counted.unread.saturating_sub(SHOWN.min(errors) as u64);
        terminal::say("not read", &format!("{rest} more places"));
    }
    if usage.events == 0 && counted.unread == 0 {
        let what = match counted.others {
            0 => "nothing",
            _ => "other data, but no events of `audit.k8s.io/v1`",
        };
        bail!(
            "the audit log contains {what}: give the file of --audit-log-path, batches of a \
             webhook, or EKS's log from CloudWatch"
        );
    }
    Ok(Logs { usage, unread: counted.unread })
}

/// Counts the events of parts until there are no more.
fn count(parts: &Mutex<Receiver<Part>>, limits: Limits) -> Counted {
    let mut counted = Counted { tally: Tally::new(limits), ..Counted::default() };
    loop {
        let part = parts.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(part) = part else { return counted };
        let mut unread = |why: &str, at: &str| {
            counted.unread += 1;
            if counted.errors.len() < SHOWN {
                let start: String = at.trim().chars().take(60).collect();
                counted.errors.push(format!("{}: {why}, at `{start}…`", part.file.display()));
            }
        };
        let Ok(text) = std::str::from_utf8(&part.bytes) else {
            // One bad line must not hide the others.
            for line in part.bytes.split(|byte| *byte == b'\n') {
                match std::str::from_utf8(line) {
                    Ok(line) => {
                        let decoded = decode(line, &mut |event| counted.tally.take(event));
                        counted.others += decoded.others;
                        if let Some(error) = failure(decoded, line) {
                            unread(&error, line);
                        }
                    }
                    Err(_) => unread("not UTF-8", &String::from_utf8_lossy(line)),
                }
            }
            continue;
        };
        if part.whole {
            let decoded = decode(text, &mut |event| counted.tally.take(event));
            // Else it was a broken line at the start.
            if decoded.error.is_none() || decoded.events > 0 {
                counted.others += decoded.others;
                if let Some(error) = failure(decoded, text) {
                    unread(&error, text);
                }
                continue;
            }
        }
        for line in text.split('\n') {
            let decoded = decode(line, &mut |event| counted.tally.take(event));
            counted.others += decoded.others;
            if let Some(error) = failure(decoded, line) {
                unread(&error, line);
            }
        }
    }
}

/// Why a text was not read, if so: also one that looks like an event in an unknown form.
fn failure(decoded: Decoded, text: &str) -> Option<String> {
    let foreign = decoded.events == 0 && decoded.others > 0 && text.contains("audit.k8s.io/");
    let form = || "an audit event in a form that is not known".to_owned();
    decoded.error.or_else(|| foreign.then(form))
}

/// Cuts a file into parts at line ends. A file whose first line is not a complete value is one part.
fn split(path: &Path, pass: &mut dyn FnMut(Vec<u8>, bool) -> io::Result<()>) -> io::Result<()> {
    let mut reader = opened(path)?;
    let mut bytes = Vec::with_capacity(PART + 4096);
    let (mut whole, mut first) = (false, true);
    loop {
        let target = match (whole, bytes.len() >= PART) {
            (true, _) => LONGEST + 1,
            // A line that is longer than a part.
            (false, true) => (bytes.len() * 2).min(LONGEST + 1),
            (false, false) => PART,
        };
        let missing = target.saturating_sub(bytes.len()) as u64;
        let read = reader.by_ref().take(missing).read_to_end(&mut bytes)?;
        let ended = (read as u64) < missing;
        if first && !bytes.is_empty() {
            first = false;
            whole = starts_value(&bytes);
            if whole && !ended {
                continue;
            }
        }
        if ended {
            return if bytes.is_empty() { Ok(()) } else { pass(bytes, whole) };
        }
        if bytes.len() > LONGEST {
            // It is not a value over several lines, but a log that begins with a broken line.
            whole = false;
        }
        match bytes.iter().rposition(|byte| *byte == b'\n').filter(|_| !whole) {
            Some(end) => {
                let rest = bytes.split_off(end + 1);
                let mut next = Vec::with_capacity(PART + 4096);
                next.extend_from_slice(&rest);
                pass(std::mem::replace(&mut bytes, next), false)?;
            }
            None if bytes.len() > LONGEST => {
                let most = LONGEST >> 20;
                return Err(io::Error::other(format!("a value larger than {most} MiB")));
            }
            None => {}
        }
    }
}

fn starts_value(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let line = line.unwrap_or_default().trim_ascii();
    let ended = bytes.contains(&b'\n');
    ended && line.starts_with(b"{") && !line.ends_with(b"}")
}

/// Opens a file, decompressed if it begins like gzip or Zstandard.
fn opened(path: &Path) -> io::Result<Box<dyn Read>> {
    let file: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path)?),
    };
    Ok(uncompressed(BufReader::with_capacity(256 << 10, file))?)
}

/// The files of these paths, those of folders by name, and links in folders to anything outside.
fn files(paths: &[PathBuf]) -> anyhow::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut all, mut links) = (Vec::new(), Vec::new());
    for path in paths {
        if path.as_os_str() == "-" {
            all.push(path.clone());
            continue;
        }
        let meta = std::fs::metadata(path).with_context(|| path.display().to_string())?;
        if !meta.is_dir() {
            all.push(path.clone());
            continue;
        }
        let before = (all.len(), links.len());
        let root = path.canonicalize().with_context(|| path.display().to_string())?;
        // What a link to the inside means is read anyway.
        let is_inside =
            |link: &Path| link.canonicalize().is_ok_and(|target| target.starts_with(&root));
        let mut folders = vec![path.clone()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder);
            let entries = entries.with_context(|| format!("reading {}", folder.display()))?;
            for entry in entries {
                let entry = entry.with_context(|| format!("reading {}", folder.display()))?;
                // A link may lead into a circle, or out of the folder.
                let kind = entry.file_type().with_context(|| entry.path().display().to_string())?;
                match () {
                    () if kind.is_dir() => folders.push(entry.path()),
                    () if kind.is_file() => all.push(entry.path()),
                    () if kind.is_symlink() && !is_inside(&entry.path()) => {
                        links.push(entry.path());
                    }
                    () => {}
                }
                if all.len() + links.len() > FILES {
                    bail!("{} contains more than {FILES} files", path.display());
                }
            }
        }
        all[before.0..].sort();
        links[before.1..].sort();
        if (all.len(), links.len()) == before {
            bail!("{} contains no files", path.display());
        }
    }
    Ok((all, links))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(content: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.log");
        std::fs::write(&file, content).unwrap();
        let mut parts = Vec::new();
        split(&file, &mut |part, _| {
            parts.push(part);
            Ok(())
        })?;
        Ok(parts)
    }

    #[test]
    fn parts_end_at_line_ends_and_nothing_is_lost() {
        let line = |size: usize| [b"{".as_slice(), &vec![b' '; size], b"}\n"].concat();
        let long = line(3 * PART);
        for content in [
            Vec::new(),
            line(10),
            b"{}".to_vec(),
            line(1000).repeat(3000),
            [line(10), long.clone(), line(10)].concat(),
            [long.as_slice(), b"{}"].concat(),
        ] {
            let parts = parts(&content).unwrap();
            assert!(parts.concat() == content, "{} bytes", content.len());
            let ends = parts.iter().rev().skip(1).all(|part| part.ends_with(b"\n"));
            assert!(ends, "{} parts", parts.len());
        }
    }

    #[test]
    fn a_value_over_several_lines_is_one_part() {
        let mut text = b"{\n  \"items\": [\n".to_vec();
        text.extend(b"  {},\n".repeat(PART / 4));
        text.extend(b"  {}\n]}\n");
        assert_eq!(parts(&text).unwrap().len(), 1);
    }

    #[test]
    fn a_large_log_that_begins_with_a_broken_line_is_read_by_lines() {
        let line = [b"{".as_slice(), &vec![b' '; 1 << 16], b"}\n"].concat();
        let text = [b"{\"cut\n".as_slice(), &line.repeat(LONGEST / (1 << 16) + 40)].concat();
        let parts = parts(&text).unwrap();
        assert!(parts.len() > 1 && parts.concat() == text);
    }

    #[test]
    fn what_looks_like_an_event_is_not_taken_for_something_else() {
        let of = |text: &str| failure(decode(text, &mut |_| {}), text).is_some();
        let event = r#"{"apiVersion":"audit.k8s.io/v1","verb":"get","user":{"username":"a"}}"#;
        assert!(!of(event) && !of("{\"kind\":\"Pod\"}") && !of("I0101 server started"));
        assert!(of(&format!("Jan  1 node kube-apiserver: {event}")));
        assert!(of(&serde_json::json!({"log": event}).to_string()));
        assert!(!of(r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[]}"#));
    }

    #[test]
    #[cfg(unix)]
    fn links_out_of_a_folder_are_reported() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("a.log"), "{}").unwrap();
        std::fs::write(other.path().join("b.log"), "{}").unwrap();
        let link = |target: &Path, name: &str| {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        };
        link(&folder.path().join("a.log"), "current");
        link(&other.path().join("b.log"), "b.log");
        link(Path::new("missing"), "c.log");
        let (all, links) = files(&[folder.path().to_owned()]).unwrap();
        assert_eq!(all, [folder.path().join("a.log")]);
        assert_eq!(links, [folder.path().join("b.log"), folder.path().join("c.log")]);
    }

    #[test]
    fn a_value_that_is_too_large_is_refused() {
        let text = [b"{".as_slice(), &vec![b' '; LONGEST + 10], b"}\n"].concat();
        assert!(parts(&text).is_err());
    }
}
