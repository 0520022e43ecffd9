//! apk's database of what is installed (`lib/apk/db/installed`; `usr/lib/apk/db` since 3.0): one
//! letter, a colon and a value a line, an empty line behind each package.

use crate::contents::{Contents, Problem};
use crate::{Kind, Package, SourcePackage};

pub(crate) fn read(text: &str) -> Contents {
    let mut contents = Contents::default();
    let mut current = Entry::default();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            std::mem::take(&mut current).end(&mut contents);
            continue;
        }
        let field = line.split_once(':').filter(|(key, _)| key.len() == 1);
        let Some((key, value)) = field else {
            contents.problems.push(Problem::at(number, "this line is not a package field"));
            continue;
        };
        current.line.get_or_insert(number);
        let package = &mut current.package;
        match key {
            "P" => value.clone_into(&mut package.name),
            "V" => value.clone_into(&mut package.version),
            "A" => value.clone_into(&mut package.architecture),
            "L" if !value.is_empty() => package.licences.push(value.to_owned()),
            "o" => value.clone_into(&mut current.origin),
            "F" => current.folder = value,
            "R" => package.files.push(match current.folder {
                "" => value.to_owned(),
                folder => format!("{folder}/{value}"),
            }),
            _ => {}
        }
    }
    current.end(&mut contents);
    contents
}

#[derive(Default)]
struct Entry<'a> {
    line: Option<u32>,
    package: Package,
    origin: String,
    folder: &'a str,
}

impl Entry<'_> {
    fn end(self, contents: &mut Contents) {
        let Some(line) = self.line else { return };
        let Self { mut package, origin, .. } = self;
        if package.name.is_empty() || package.version.is_empty() {
            let what = if package.name.is_empty() { "name" } else { "version" };
            contents.problems.push(Problem::at(line, format!("a package without a {what}")));
            return;
        }
        package.kind = Kind::Apk;
        package.line = Some(line);
        package.source = (!origin.is_empty() && origin != package.name)
            .then(|| SourcePackage { name: origin, version: package.version.clone() });
        contents.packages.push(package);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_files_and_origins() {
        let text = "C:Q1\nP:busybox-binsh\nV:1.36.1-r2\nA:x86_64\nL:GPL-2.0-only\no:busybox\n\
                    F:bin\nR:sh\nF:\nR:top\n\nP:musl\nV:1.2.4-r0\no:musl\n\nP:broken\n\nnonsense\n";
        let contents = read(text);
        assert_eq!(contents.packages.len(), 2);
        assert_eq!(contents.packages[0].files, ["bin/sh", "top"]);
        assert_eq!(contents.packages[0].source.as_ref().unwrap().name, "busybox");
        assert_eq!(contents.packages[1].source, None);
        assert_eq!(contents.problems.len(), 2);
    }
}
