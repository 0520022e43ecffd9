//! The apk database of installed packages (`lib/apk/db/installed`; `usr/lib/apk/db` since 3.0).
//! Each line has a letter, a colon and a value; an empty line ends each package.

use std::io::{self, Read};

use crate::contents::{Contents, Problem};
use crate::lines::Lines;
use crate::room::{Room, tell};
use crate::{Kind, Package, SourcePackage};

/// Reads a database as a stream. Keeps the files of a package for which `keep` returns true.
///
/// # Errors
/// Reading from `from` fails.
pub(crate) fn read(from: &mut dyn Read, keep: &dyn Fn(&str) -> bool) -> io::Result<Contents> {
    let (mut contents, mut room) = (Contents::default(), Room::default());
    let mut lines = Lines::new(from);
    let mut current = Entry::default();
    loop {
        // The number of the next line.
        let number = lines.number.saturating_add(1);
        let Some(line) = lines.next()? else { break };
        if line.trim().is_empty() {
            if !std::mem::take(&mut current).end(&mut room, &mut contents) {
                return Ok(contents);
            }
            continue;
        }
        let field = line.split_once(':').filter(|(key, _)| key.len() == 1);
        let Some((key, value)) = field else {
            tell(Problem::at(number, "this line is not a package field"), &mut contents);
            continue;
        };
        current.line.get_or_insert(number);
        let package = &mut current.package;
        match key {
            "P" => value.clone_into(&mut package.name),
            "V" => value.clone_into(&mut package.version),
            "A" => value.clone_into(&mut package.architecture),
            "L" if !value.is_empty() => package.licences = vec![value.to_owned()],
            "o" => value.clone_into(&mut current.origin),
            "F" => value.clone_into(&mut current.folder),
            "R" => {
                let path = match &*current.folder {
                    "" => value.to_owned(),
                    folder => format!("{folder}/{value}"),
                };
                if keep(&path) && room.file(path.len(), &mut contents) {
                    package.files.push(path);
                }
            }
            _ => {}
        }
    }
    current.end(&mut room, &mut contents);
    if let Some(line) = lines.cut {
        tell(Problem::at(line, "this line is too long"), &mut contents);
    }
    Ok(contents)
}

#[derive(Default)]
struct Entry {
    line: Option<u32>,
    package: Package,
    origin: String,
    folder: String,
}

impl Entry {
    /// Adds the package. Returns whether there was room.
    fn end(self, room: &mut Room, contents: &mut Contents) -> bool {
        let Some(line) = self.line else { return true };
        let Self { mut package, origin, .. } = self;
        if package.name.is_empty() || package.version.is_empty() {
            let what = if package.name.is_empty() { "name" } else { "version" };
            tell(Problem::at(line, format!("a package without a {what}")), contents);
            return true;
        }
        package.kind = Kind::Apk;
        package.line = Some(line);
        package.source = (!origin.is_empty() && origin != package.name)
            .then(|| SourcePackage { name: origin, version: package.version.clone() });
        room.add(package, contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_files_and_origins() {
        let text = "C:Q1\nP:busybox-binsh\nV:1.36.1-r2\nA:x86_64\nL:GPL-2.0-only\no:busybox\n\
                    F:bin\nR:sh\nF:\nR:top\n\nP:musl\nV:1.2.4-r0\no:musl\n\nP:broken\n\nnonsense\n";
        let contents = read(&mut text.as_bytes(), &|_| true).unwrap();
        assert_eq!(contents.packages.len(), 2);
        assert_eq!(contents.packages[0].files, ["bin/sh", "top"]);
        assert_eq!(contents.packages[0].source.as_ref().unwrap().name, "busybox");
        assert_eq!(contents.packages[1].source, None);
        assert_eq!(contents.problems.len(), 2);
        assert_eq!(contents.packages[1].line, Some(12));
        let contents = read(&mut text.as_bytes(), &|path| path == "top").unwrap();
        assert_eq!(contents.packages[0].files, ["top"]);
    }
}
