//! Serializes the results of a layer for the cache of the same program. This is not a stable
//! format.

use std::collections::HashMap;

use pavisade_model::FileId;

use super::taken::{Taken, What};
use crate::contents::{Contents, Problem};
use crate::{Distribution, Kind, Need, Package, Reader, SourcePackage};

/// The readers of files in images, by their number in this format.
const READERS: [Reader; 11] = [
    Reader::Apk,
    Reader::Dpkg,
    Reader::DpkgStatusD,
    Reader::GoBinary,
    Reader::Jar,
    Reader::Node,
    Reader::Opkg,
    Reader::Python,
    Reader::PythonArchive,
    Reader::Rpm,
    Reader::RpmLog,
];
const KINDS: [Kind; 10] = [
    Kind::Apk,
    Kind::Cargo,
    Kind::Deb,
    Kind::Golang,
    Kind::Maven,
    Kind::Npm,
    Kind::Opkg,
    Kind::Pypi,
    Kind::Rpm,
    Kind::Other,
];
const NEEDS: [Need; 3] = [Need::Production, Need::Optional, Need::Development];

/// Serializes the files of a layer; `None` if a reader does not occur in images.
pub(super) fn write(taken: &HashMap<FileId, Taken>) -> Option<Vec<u8>> {
    let mut files: Vec<_> = taken.iter().collect();
    files.sort_by_key(|(id, _)| **id);
    let mut to = Writer(Vec::new());
    to.number(files.len());
    for (id, Taken { path, what }) in files {
        to.number(id.entry as usize);
        to.text(path);
        match what {
            What::Packages(reader, Contents { packages, problems }) => {
                to.number(0);
                to.one_of(&READERS, *reader)?;
                to.number(packages.len());
                packages.iter().try_for_each(|package| to.package(package))?;
                to.number(problems.len());
                problems.iter().for_each(|problem| to.problem(problem));
            }
            What::Distribution(Distribution { id, like, version, codename, name }) => {
                to.number(1);
                to.text(id);
                to.texts(like);
                for text in [version, codename, name] {
                    to.text(text);
                }
            }
            What::List(list) => {
                to.number(2);
                to.texts(list);
            }
            What::Licences(list) => {
                to.number(3);
                to.texts(list);
            }
            What::Unread(problem) => {
                to.number(4);
                to.problem(problem);
            }
        }
    }
    Some(to.0)
}

/// Reads the output of [`write`] as files of a layer; `None` if it is invalid.
pub(super) fn read(layer: u16, bytes: &[u8]) -> Option<HashMap<FileId, Taken>> {
    let mut from = Rest(bytes);
    let mut taken = HashMap::new();
    for _ in 0..from.count()? {
        let entry = u32::try_from(from.number()?).ok()?;
        let path = from.text()?;
        let what = match from.number()? {
            0 => {
                let reader = from.one_of(&READERS)?;
                let packages = from.list(Rest::package)?;
                What::Packages(reader, Contents { packages, problems: from.list(Rest::problem)? })
            }
            1 => What::Distribution(Distribution {
                id: from.text()?,
                like: from.list(Rest::text)?,
                version: from.text()?,
                codename: from.text()?,
                name: from.text()?,
            }),
            2 => What::List(from.list(Rest::text)?),
            3 => What::Licences(from.list(Rest::text)?),
            4 => What::Unread(from.problem()?),
            _ => return None,
        };
        taken.insert(FileId { layer, entry }, Taken { path, what });
    }
    from.0.is_empty().then_some(taken)
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: usize) {
        self.0.extend_from_slice(&(number as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn texts(&mut self, list: &[String]) {
        self.number(list.len());
        list.iter().for_each(|text| self.text(text));
    }

    fn one_of<T: PartialEq>(&mut self, all: &[T], one: T) -> Option<()> {
        self.number(all.iter().position(|known| *known == one)?);
        Some(())
    }

    fn line(&mut self, line: Option<u32>) {
        self.number(line.map_or(0, |line| line as usize + 1));
    }

    fn problem(&mut self, Problem { line, message }: &Problem) {
        self.line(*line);
        self.text(message);
    }

    // Destructured, so that no field is forgotten.
    fn package(&mut self, package: &Package) -> Option<()> {
        let Package {
            kind,
            name,
            version,
            architecture,
            source,
            licences,
            files,
            line,
            bound,
            commit,
            groups,
            need,
            local,
        } = package;
        self.one_of(&KINDS, *kind)?;
        for text in [name, version, architecture, commit] {
            self.text(text);
        }
        self.number(usize::from(source.is_some()));
        if let Some(SourcePackage { name, version }) = source {
            self.text(name);
            self.text(version);
        }
        for list in [licences, files, groups] {
            self.texts(list);
        }
        self.line(*line);
        self.one_of(&NEEDS, *need)?;
        self.number(usize::from(*bound));
        self.number(usize::from(*local));
        Some(())
    }
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn number(&mut self) -> Option<usize> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        usize::try_from(u64::from_le_bytes(*number)).ok()
    }

    /// Reads a number of elements, each of which has at least eight bytes.
    fn count(&mut self) -> Option<usize> {
        self.number().filter(|count| *count <= self.0.len() / 8)
    }

    fn list<T>(&mut self, one: fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.count()?).map(|_| one(self)).collect()
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.number()?).copied()
    }

    fn line(&mut self) -> Option<Option<u32>> {
        Some(match self.number()? {
            0 => None,
            number => Some(u32::try_from(number - 1).ok()?),
        })
    }

    fn yes(&mut self) -> Option<bool> {
        self.one_of(&[false, true])
    }

    fn problem(&mut self) -> Option<Problem> {
        Some(Problem { line: self.line()?, message: self.text()? })
    }

    fn package(&mut self) -> Option<Package> {
        let kind = self.one_of(&KINDS)?;
        let [name, version, architecture, commit] =
            [self.text()?, self.text()?, self.text()?, self.text()?];
        let source = match self.yes()? {
            true => Some(SourcePackage { name: self.text()?, version: self.text()? }),
            false => None,
        };
        Some(Package {
            kind,
            name,
            version,
            architecture,
            source,
            licences: self.list(Self::text)?,
            files: self.list(Self::text)?,
            groups: self.list(Self::text)?,
            line: self.line()?,
            need: self.one_of(&NEEDS)?,
            bound: self.yes()?,
            local: self.yes()?,
            commit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> HashMap<FileId, Taken> {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut all = Vec::new();
        for (kind, need) in KINDS.into_iter().zip(NEEDS.into_iter().cycle()) {
            all.push(Package {
                kind,
                name: "n".into(),
                version: "v\0ü".into(),
                architecture: "a".into(),
                source: Some(SourcePackage { name: "s".into(), version: "sv".into() }),
                licences: texts(&["l", ""]),
                files: texts(&["f"]),
                line: Some(0),
                bound: true,
                commit: "c".into(),
                groups: texts(&["g"]),
                need,
                local: true,
            });
        }
        all.push(Package::default());
        let problem = |line| Problem { line, message: "p".into() };
        let mut whats: Vec<_> = READERS
            .into_iter()
            .map(|reader| {
                let problems = vec![problem(Some(u32::MAX - 1)), problem(None)];
                What::Packages(reader, Contents { packages: all.clone(), problems })
            })
            .collect();
        whats.push(What::Distribution(Distribution {
            id: "i".into(),
            like: texts(&["l"]),
            version: "v".into(),
            codename: "c".into(),
            name: "n".into(),
        }));
        whats.push(What::List(texts(&["a", "b"])));
        whats.push(What::Licences(texts(&[])));
        whats.push(What::Unread(problem(None)));
        let file = |(entry, what)| (FileId { layer: 3, entry }, Taken { path: "p".into(), what });
        (0..).zip(whats).map(file).collect()
    }

    fn shown(taken: &HashMap<FileId, Taken>) -> String {
        let mut all: Vec<_> = taken.iter().map(|(id, taken)| (id.entry, taken)).collect();
        all.sort_by_key(|(entry, _)| *entry);
        format!("{all:?}")
    }

    #[test]
    fn what_is_kept_comes_back_as_another_layer() {
        let taken = full();
        let bytes = write(&taken).unwrap();
        let back = read(7, &bytes).unwrap();
        assert!(back.keys().all(|id| id.layer == 7));
        assert_eq!(shown(&back), shown(&taken));
    }

    #[test]
    fn what_is_damaged_is_refused_or_whole() {
        let bytes = write(&full()).unwrap();
        for end in (0..bytes.len()).step_by(41) {
            assert!(read(0, &bytes[..end]).is_none(), "{end}");
        }
        assert!(read(0, &[&*bytes, &[0]].concat()).is_none());
        for at in (0..bytes.len()).step_by(43) {
            let mut other = bytes.clone();
            other[at] = 0xFF;
            let _ = read(0, &other);
        }
    }
}
