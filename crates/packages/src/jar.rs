//! Java archives: JAR, WAR and EAR files, and Spring Boot JARs.
//!
//! Each `pom.properties` file, left by Maven or a shading plugin, is a package. An archive without
//! one is identified by its only `pom.xml`, or else by its manifest and file name:
//! - The artifact and version come from the file name (`name-1.0.jar`, as in Maven repositories).
//!   Without a version there, it is `Implementation-Version`, `Bundle-Version` or
//!   `Specification-Version` of the manifest.
//! - The group is `Implementation-Vendor-Id`, or else `Bundle-SymbolicName` without the artifact at
//!   its end, or else the artifact, as in the early years of Maven (`junit:junit`).
//!
//! Small archives are read through their central directory, large ones as a stream. Nested archives
//! are read within limits on number, depth and bytes.

mod manifest;

use std::collections::HashSet;
use std::io::{self, Cursor, Read};

use manifest::Manifest;

use crate::contents::{Contents, Problem};
use crate::lock::{self, Coordinates};
use crate::zip::local::{self, Visitor};
use crate::zip::{Archive, Unreadable};
use crate::{Kind, Package};

/// The largest archive that is kept in memory, in bytes.
const IN_MEMORY: usize = if cfg!(test) { 1 << 20 } else { 48 << 20 };
/// The largest metadata file in bytes; a manifest is truncated, since only its main section is
/// needed.
const MAX_TEXT: usize = 1 << 18;
/// The largest nesting depth, and the largest number of archives in one file.
const MAX_DEPTH: usize = 8;
const MAX_ARCHIVES: usize = 20_000;
/// The largest number of entries in one file.
const MAX_ENTRIES: usize = 4 << 20;
/// The largest number of unpacked bytes as a multiple of the file size, plus a constant.
const RATIO: u64 = 16;
const FREE: u64 = if cfg!(test) { 1 << 20 } else { 64 << 20 };
/// The largest number of packages and problems of one file.
const MAX_PACKAGES: usize = 100_000;
const MAX_PROBLEMS: usize = 100;

/// Returns whether a file is a Java archive, based on its path.
pub(crate) fn is(path: &str) -> bool {
    const FORMS: [&str; 10] =
        ["jar", "war", "ear", "jmod", "par", "sar", "jpi", "hpi", "lpkg", "nar"];
    let form = file_name(path).rsplit_once('.').map_or("", |(_, form)| form);
    FORMS.iter().any(|known| form.eq_ignore_ascii_case(known))
}

/// Reads an archive.
pub(crate) fn read(path: &str, from: &mut dyn Read) -> io::Result<Contents> {
    let mut bytes = Vec::new();
    from.take(IN_MEMORY as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > IN_MEMORY {
        return read_streamed(path, &mut Cursor::new(bytes).chain(from));
    }
    let mut search = Search::new(FREE + RATIO * bytes.len() as u64);
    search.archive(&bytes, file_name(path), 0);
    Ok(search.contents)
}

/// Reads a large archive, keeping only single entries in memory.
#[doc(hidden)]
pub fn read_streamed(path: &str, from: &mut dyn Read) -> io::Result<Contents> {
    let name = file_name(path);
    let mut search = Search::new(FREE);
    let mut outer = Outer { found: Found::default(), name, search: &mut search };
    let read = local::read(from, &mut outer)?;
    let found = outer.found;
    search.end(found, name);
    if let Err(why) = read {
        search.problem(name, why);
    }
    Ok(search.contents)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The type of an entry.
enum Interest {
    Properties,
    Pom,
    Manifest,
    Archive,
}

impl Interest {
    fn of(name: &[u8]) -> Option<Self> {
        let file = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
        Some(match file {
            b"pom.properties" => Self::Properties,
            b"pom.xml" if name.starts_with(b"META-INF/maven/") => Self::Pom,
            _ if name.eq_ignore_ascii_case(b"META-INF/MANIFEST.MF") => Self::Manifest,
            _ if is(&String::from_utf8_lossy(file)) => Self::Archive,
            _ => return None,
        })
    }
}

/// The metadata of one archive.
#[derive(Default)]
struct Found {
    properties: Vec<Coordinates>,
    poms: Vec<Coordinates>,
    manifest: Option<Manifest>,
}

impl Found {
    fn take(&mut self, interest: &Interest, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        match interest {
            Interest::Properties => self.properties.extend(properties(&text)),
            Interest::Pom => self.poms.extend(lock::coordinates(&text)),
            Interest::Manifest => self.manifest = Some(Manifest::read(&text)),
            Interest::Archive => {}
        }
    }
}

struct Search {
    contents: Contents,
    seen: HashSet<(String, String)>,
    /// The remaining limits.
    archives: usize,
    entries: usize,
    bytes: u64,
}

impl Search {
    /// Returns a search that may unpack `bytes` bytes.
    fn new(bytes: u64) -> Self {
        Self {
            contents: Contents::default(),
            seen: HashSet::new(),
            archives: MAX_ARCHIVES,
            entries: MAX_ENTRIES,
            bytes,
        }
    }

    fn problem(&mut self, name: &str, why: Unreadable) {
        self.say(name, &why.to_string());
    }

    fn say(&mut self, name: &str, why: &str) {
        if self.contents.problems.len() < MAX_PROBLEMS {
            self.contents.problems.push(Problem::whole(format!("`{name}`: {why}")));
        }
    }

    /// Returns whether another archive may be opened.
    fn may_open(&mut self, name: &str, depth: usize) -> bool {
        let why = match (depth > MAX_DEPTH, self.archives) {
            (true, _) => format!("archives are nested more than {MAX_DEPTH} times"),
            (_, 0) => format!("there are more than {MAX_ARCHIVES} archives in it"),
            _ => {
                self.archives -= 1;
                return true;
            }
        };
        self.say(name, &why);
        false
    }

    fn archive(&mut self, bytes: &[u8], name: &str, depth: usize) {
        if !self.may_open(name, depth) {
            return;
        }
        let archive = match Archive::new(bytes) {
            Ok(archive) => archive,
            Err(why) => return self.problem(name, why),
        };
        let mut found = Found::default();
        for entry in archive.entries() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(why) => {
                    self.problem(name, why);
                    break;
                }
            };
            let Some(left) = self.entries.checked_sub(1) else {
                self.say(name, "there are too many entries in it");
                break;
            };
            self.entries = left;
            let Some(interest) = Interest::of(entry.name) else { continue };
            let inner = String::from_utf8_lossy(entry.name);
            let inner = inner.rsplit('/').next().unwrap_or(&inner);
            let packed = match archive.packed(&entry) {
                Ok(packed) => packed,
                Err(why) => {
                    self.problem(inner, why);
                    continue;
                }
            };
            if !matches!(interest, Interest::Archive) {
                match self.charged(MAX_TEXT, |_| packed.start(MAX_TEXT)) {
                    Ok(text) => found.take(&interest, &text),
                    Err(why) => self.problem(inner, why),
                }
            } else if let Some(bytes) = packed.stored() {
                self.archive(bytes, inner, depth + 1);
            } else {
                match self.charged(IN_MEMORY, |most| packed.unpacked(most)) {
                    Ok(bytes) => self.archive(&bytes, inner, depth + 1),
                    Err(why) => self.problem(inner, why),
                }
            }
        }
        self.end(found, name);
    }

    /// Unpacks at most `most` bytes and subtracts them from the limit.
    fn charged(
        &mut self,
        most: usize,
        unpack: impl FnOnce(usize) -> Result<Vec<u8>, Unreadable>,
    ) -> Result<Vec<u8>, Unreadable> {
        let left = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        if left == 0 {
            return Err(Unreadable::TooLarge);
        }
        let most = left.min(most);
        let unpacked = unpack(most);
        // Damaged data may have been unpacked up to the limit.
        let cost = unpacked.as_ref().map_or(most, Vec::len) as u64;
        self.bytes = self.bytes.saturating_sub(cost);
        unpacked
    }

    /// Adds the packages of an archive.
    fn end(&mut self, found: Found, name: &str) {
        let Found { properties, mut poms, manifest } = found;
        let manifest = manifest.unwrap_or_default();
        let mut all = properties;
        // Several `pom.xml` files come from shaded dependencies or examples.
        if all.is_empty() && poms.len() == 1 {
            all.append(&mut poms);
        }
        if all.is_empty() {
            all.extend(guessed(name, &manifest));
        }
        let licence = if all.len() == 1 { manifest.licence() } else { None };
        for Coordinates { group, artifact, version } in all {
            let name = format!("{group}:{artifact}");
            let is_full = self.contents.packages.len() >= MAX_PACKAGES;
            if is_full || !self.seen.insert((name.clone(), version.clone())) {
                continue;
            }
            self.contents.packages.push(Package {
                kind: Kind::Maven,
                name,
                version,
                licences: licence.iter().cloned().collect(),
                ..Package::default()
            });
        }
    }
}

/// A large archive that is read as a stream.
struct Outer<'s> {
    found: Found,
    name: &'s str,
    search: &'s mut Search,
}

impl Visitor for Outer<'_> {
    fn wants(&mut self, name: &[u8]) -> Option<usize> {
        self.search.entries = self.search.entries.checked_sub(1)?;
        Some(match Interest::of(name)? {
            Interest::Archive => IN_MEMORY,
            _ => MAX_TEXT,
        })
    }

    fn take(&mut self, name: &[u8], content: Result<(Vec<u8>, bool), Unreadable>) {
        let Some(interest) = Interest::of(name) else { return };
        let name = String::from_utf8_lossy(name);
        let name = name.rsplit('/').next().unwrap_or(&name);
        match (interest, content) {
            (_, Err(why)) => self.search.problem(name, why),
            (Interest::Archive, Ok((_, false))) => {
                let outer = self.name;
                let why = format!("it is too large to be read inside `{outer}`");
                self.search.say(name, &why);
            }
            (Interest::Archive, Ok((bytes, true))) => {
                self.search.bytes = self.search.bytes.saturating_add(RATIO * bytes.len() as u64);
                self.search.archive(&bytes, name, 1);
            }
            (interest, Ok((text, _))) => self.found.take(&interest, &text),
        }
    }
}

/// Parses `pom.properties` (`java.util.Properties`).
fn properties(text: &str) -> Option<Coordinates> {
    let value = |wanted: &str| {
        let mut lines =
            text.lines().map(str::trim_start).filter(|line| !line.starts_with(['#', '!']));
        lines.find_map(|line| {
            let (key, value) = line.split_once(['=', ':'])?;
            (key.trim_end() == wanted).then(|| value.trim().replace('\\', ""))
        })
    };
    let known = |wanted| value(wanted).filter(|text| !text.is_empty() && !text.contains("${"));
    Some(Coordinates {
        group: known("groupId")?,
        artifact: known("artifactId")?,
        version: known("version")?,
    })
}

/// Derives the coordinates from the file name and the manifest.
fn guessed(name: &str, manifest: &Manifest) -> Option<Coordinates> {
    let (stem, _) = name.rsplit_once('.')?;
    let (artifact, version) = of_name(stem, manifest).unwrap_or((stem, ""));
    let version = if version.is_empty() { manifest.version()? } else { version };
    if artifact.is_empty() {
        return None;
    }
    Some(Coordinates {
        group: manifest.group(artifact).unwrap_or(artifact).to_owned(),
        artifact: artifact.to_owned(),
        version: version.to_owned(),
    })
}

/// Splits `log4j-1.2-api-2.17.1` into artifact and version. The version starts after the last
/// hyphen that is followed by a number with a dot, ignoring the timestamp of a snapshot.
fn of_name<'a>(stem: &'a str, manifest: &Manifest) -> Option<(&'a str, &'a str)> {
    let exact = manifest
        .version()
        .and_then(|version| Some((stem.strip_suffix(version)?.strip_suffix('-')?, version.len())));
    if let Some((artifact, length)) = exact {
        return Some((artifact, &stem[stem.len() - length..]));
    }
    let places = stem.match_indices('-').map(|(at, _)| at);
    let places: Vec<_> =
        places.filter(|at| stem.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit)).collect();
    let has_dot = |at: &&usize| {
        let number = stem[**at + 1..].split('-').next().unwrap_or("");
        number.split_once('.').is_some_and(|(first, _)| first.len() < 8)
    };
    let at = *places.iter().rev().find(has_dot).or(places.last())?;
    Some((&stem[..at], &stem[at + 1..]))
}

#[cfg(test)]
mod tests;
