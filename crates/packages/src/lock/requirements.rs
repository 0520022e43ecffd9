//! pip requirements files ([format]), which are manifests, or lock files if all versions are
//! pinned.
//!
//! Files included with `-r` are read as part of the including file. Constraints (`-c`) install
//! nothing. A requirement with a range is listed with its bound, marked as such, or without a
//! version. A requirement with an environment variable is not read.
//!
//! [format]: https://pip.pypa.io/en/stable/reference/requirements-file-format/

use super::list::List;
use super::specifier::{of_archive, requirement};
use super::{Others, commit, tree};
use crate::contents::{Contents, Problem};
use crate::{Kind, Package};

/// The largest number of files that one file includes.
const MAX_FILES: usize = 64;
/// The number of characters of a line shown in a problem.
const MAX_SHOWN: usize = 80;

pub(super) fn read(path: &str, text: &str, others: &Others<'_>) -> Contents {
    let mut list = List::default();
    let mut seen = vec![path.to_owned()];
    // The files to read: directory, text, and the line of the first file that included it.
    let mut waiting = vec![(tree::folder(path).to_owned(), text.to_owned(), None)];
    while let Some((folder, text, from)) = waiting.pop() {
        for (number, line) in logical(&text) {
            let place = from.unwrap_or(number);
            match one(&line, place) {
                Ok(Line::Package(package)) => list.add(*package),
                Ok(Line::File(file)) => {
                    let Some(path) = tree::join(&folder, file) else { continue };
                    if seen.contains(&path) || seen.len() >= MAX_FILES {
                        continue;
                    }
                    match others(&path) {
                        Some(bytes) => {
                            let text = String::from_utf8_lossy(&bytes).into_owned();
                            waiting.push((tree::folder(&path).to_owned(), text, Some(place)));
                        }
                        None => list
                            .problem(Problem::at(place, format!("the file `{path}` was not read"))),
                    }
                    seen.push(path);
                }
                Ok(Line::Nothing) => {}
                Err(why) => {
                    let line: String = line.chars().take(MAX_SHOWN).collect();
                    list.problem(Problem::at(place, format!("`{line}`: {why}")));
                }
            }
        }
    }
    list.into_contents()
}

/// Returns lines without comments, with continued lines joined, and the number of the first.
fn logical(text: &str) -> Vec<(u32, String)> {
    let mut all = Vec::new();
    let mut current: Option<(u32, String)> = None;
    for (line, number) in text.lines().zip(1..) {
        let is_comment = line.trim_start().starts_with('#');
        let (_, so_far) = current.get_or_insert((number, String::new()));
        // pip ends a continued line at a comment.
        if !is_comment {
            if let Some(continued) = line.strip_suffix('\\') {
                so_far.push_str(continued);
                continue;
            }
            so_far.push_str(line);
        }
        all.extend(current.take());
    }
    all.extend(current);
    for (_, line) in &mut all {
        let comment = line
            .match_indices('#')
            .map(|(at, _)| at)
            .find(|&at| at == 0 || line[..at].ends_with(char::is_whitespace));
        line.truncate(comment.unwrap_or(line.len()));
        *line = line.trim().to_owned();
    }
    all.retain(|(_, line)| !line.is_empty());
    all
}

enum Line<'a> {
    Package(Box<Package>),
    /// A file included with `-r`.
    File(&'a str),
    Nothing,
}

fn one(line: &str, number: u32) -> Result<Line<'_>, &'static str> {
    if let Some(file) = value(line, &["-r", "--requirement"]) {
        return Ok(Line::File(file));
    }
    if has_variable(line) {
        return Err("it needs an environment variable");
    }
    let line = match value(line, &["-e", "--editable"]) {
        Some(address) => address,
        None if line.starts_with('-') => return Ok(Line::Nothing),
        None => line,
    };
    // Per-requirement options follow it.
    let end = [" -", "\t-"].iter().filter_map(|mark| line.find(mark)).min();
    let line = line[..end.unwrap_or(line.len())].trim_end();
    let package = |name: &str, version: &str| Package::locked(Kind::Pypi, name, version, number);
    if let Ok(read) = requirement(line) {
        let found = match read.address {
            "" => Package { bound: read.bound, ..package(read.name, read.version) },
            address => {
                let version = of_archive(address).map_or("", |(_, version)| version);
                of_address(package(read.name, version), address)
            }
        };
        return Ok(Line::Package(Box::new(found)));
    }
    if is_address(line) {
        let named =
            |text: &str| Some(text.split_once("#egg=").or(text.split_once("&egg="))?.1.len());
        let egg = named(line).map(|length| &line[line.len() - length..]);
        let egg = egg.and_then(|egg| egg.split(['&', '[']).next()).filter(|egg| !egg.is_empty());
        return Ok(match (egg, of_archive(line)) {
            (Some(egg), _) => Line::Package(Box::new(of_address(package(egg, ""), line))),
            (None, Some((name, version))) => {
                Line::Package(Box::new(of_address(package(name, version), line)))
            }
            // The tree itself, or an archive whose name does not identify it.
            (None, None) => Line::Nothing,
        });
    }
    requirement(line).map(|_| Line::Nothing)
}

/// Returns the value of an option: `-r file`, `-rfile`, `--requirement=file`.
fn value<'a>(line: &'a str, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        let rest = line.strip_prefix(name)?;
        let is_short = name.len() == 2;
        let value = rest.strip_prefix('=').unwrap_or(rest);
        let begins = is_short || rest.starts_with(['=', ' ', '\t']);
        (begins && !value.trim().is_empty()).then(|| value.trim())
    })
}

fn of_address(package: Package, address: &str) -> Package {
    // `git+https://host/a.git@commit#egg=name`
    let repository = address.split_once('+').map(|(_, url)| url.split('#').next().unwrap_or(url));
    let reference = repository.and_then(|url| Some(url.rsplit_once('@')?.1));
    let commit = match reference.filter(|reference| commit::is_commit(reference)) {
        Some(commit) => commit,
        None => commit::of(address),
    };
    Package { commit: commit.to_owned(), local: !address.contains("://"), ..package }
}

/// Returns whether a line is a path or URL instead of a requirement with a name.
fn is_address(line: &str) -> bool {
    let is_archive = [".whl", ".tar.gz", ".zip"].iter().any(|end| line.ends_with(end));
    line.contains("://") || line.starts_with(['.', '/']) || is_archive
}

/// Returns whether a line contains `${NAME}`, which pip substitutes.
fn has_variable(line: &str) -> bool {
    line.match_indices("${").any(|(at, _)| {
        let is_of_name = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
        let inside = &line.as_bytes()[at + 2..];
        let length = inside.iter().take_while(|b| is_of_name(b)).count();
        length > 0 && inside.get(length) == Some(&b'}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let contents = read("a/requirements.txt", text, &|_| None);
        let mark = |p: &Package| if p.bound { "~" } else { "" };
        let line = |p: &Package| {
            format!("{}:{}{}@{}#{}", p.line.unwrap_or(0), mark(p), p.name, p.version, p.commit)
        };
        let problems = contents.problems.iter().map(|p| format!("{}!", p.line.unwrap_or(0)));
        contents.packages.iter().map(line).chain(problems).collect()
    }

    #[test]
    fn requirements_and_options() {
        let text = "# comment\n--index-url https://example.com\nA==1.0 --hash=sha256:1 \\\n  \
                    --hash=sha256:2\nb>=2 # why\nc#d==1\ne==${VERSION}\nf == 1.0; python_version<'3' -C x\n\
                    -c constraints.txt\n-e .\n-e git+https://github.com/x/g@0123456789abcdef#egg=g&subdirectory=s\n\
                    ./w/numpy-1.9.2-cp34-none-win32.whl\nh @ https://example.com/h-3.0.tar.gz\ni--x==1\nj==1 k\n\
                    https://example.com/unknown.zip";
        assert_eq!(
            lines(text),
            [
                "3:A@1.0#",
                "5:~b@2#",
                "8:f@1.0#",
                "11:g@#0123456789abcdef",
                "12:numpy@1.9.2#",
                "13:h@3.0#",
                "14:i--x@1#",
                "6!",
                "7!",
                "15!",
            ]
        );
    }

    #[test]
    fn other_files_are_a_part_of_it() {
        let beside = |path: &str| match path {
            "base.txt" => Some(b"-r a/requirements.txt\n-r base.txt\n-r deep/x.txt\nb==2".to_vec()),
            "deep/x.txt" => Some(b"c==3\n-r ../../outside.txt".to_vec()),
            _ => None,
        };
        let contents = read("a/requirements.txt", "a==1\n-r ../base.txt\n-r none.txt", &beside);
        let names: Vec<_> = contents.packages.iter().map(|p| (&*p.name, p.line)).collect();
        assert_eq!(names, [("a", Some(1)), ("b", Some(2)), ("c", Some(2))]);
        assert_eq!(contents.problems, [Problem::at(3, "the file `a/none.txt` was not read")]);
    }
}
