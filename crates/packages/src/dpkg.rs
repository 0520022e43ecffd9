//! The dpkg database (`dpkg(1)`, `deb-control(5)`): `var/lib/dpkg/status`, `status.d/*` of
//! distroless images, and the database of OpenWrt's opkg, which has the same format.
//!
//! Only packages whose files are on disk count, not those with only configuration files left
//! (`deinstall ok config-files`).

use std::io::{self, Read};

use crate::contents::{Contents, Problem};
use crate::lines::Lines;
use crate::room::{Room, tell};
use crate::{Kind, Package, SourcePackage};

/// Reads a database as a stream.
///
/// # Errors
/// Reading from `from` fails.
pub(crate) fn read(from: &mut dyn Read, kind: Kind, of_status_d: bool) -> io::Result<Contents> {
    let (mut contents, mut room) = (Contents::default(), Room::default());
    let mut lines = Lines::new(from);
    let (mut current, mut odd) = (Entry::default(), None);
    loop {
        // The number of the next line.
        let number = lines.number.saturating_add(1);
        let line = lines.next()?;
        let is_last = line.is_none();
        match line {
            Some(line) if !line.trim().is_empty() => {
                let is_odd = !current.take(&line, number);
                odd = odd.or(is_odd.then_some(number));
            }
            _ => {
                let ended = std::mem::take(&mut current);
                if ended.is_installed(of_status_d) {
                    match ended.package(kind) {
                        Ok(package) => {
                            if !room.add(package, &mut contents) {
                                return Ok(contents);
                            }
                        }
                        Err(problem) => tell(problem, &mut contents),
                    }
                }
            }
        }
        if is_last {
            break;
        }
    }
    if let Some(line) = odd {
        tell(Problem::at(line, "this line is not a package field"), &mut contents);
    }
    if let Some(line) = lines.cut {
        tell(Problem::at(line, "this line is too long"), &mut contents);
    }
    Ok(contents)
}

/// The relevant fields of a paragraph.
#[derive(Default)]
struct Entry {
    /// The first line; 0 before the first field.
    line: u32,
    status: Option<String>,
    package: String,
    version: String,
    architecture: String,
    source: String,
}

impl Entry {
    /// Reads a line and returns whether it belongs to a field. The first of duplicate fields
    /// counts.
    fn take(&mut self, line: &str, number: u32) -> bool {
        if line.starts_with([' ', '\t']) {
            return self.line > 0;
        }
        let Some((key, value)) = line.split_once(':') else { return false };
        if self.line == 0 {
            self.line = number;
        }
        let key = key.trim_end();
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        let text = match () {
            () if is("Package") => &mut self.package,
            () if is("Version") => &mut self.version,
            () if is("Architecture") => &mut self.architecture,
            () if is("Source") => &mut self.source,
            () if is("Status") => self.status.get_or_insert_default(),
            () => return true,
        };
        if text.is_empty() {
            value.trim().clone_into(text);
        }
        true
    }

    /// Returns whether the package's files are on disk (`dpkg(1)`, "Package states"). This includes
    /// packages that are unpacked but not configured, which some image builds leave on purpose.
    fn is_installed(&self, of_status_d: bool) -> bool {
        // Files in status.d are written when the image is built and have no state.
        let Some(status) = &self.status else { return of_status_d && self.line > 0 };
        let state = status.split_whitespace().nth(2).unwrap_or_default();
        matches!(
            state,
            "installed" | "unpacked" | "half-configured" | "triggers-awaited" | "triggers-pending"
        )
    }

    fn package(self, kind: Kind) -> Result<Package, Problem> {
        let Self { line, package: name, version, architecture, source, .. } = self;
        if name.is_empty() {
            return Err(Problem::at(line, "a package without a name"));
        }
        if version.is_empty() {
            return Err(Problem::at(line, format!("the package `{name}` has no version")));
        }
        let source = (!source.is_empty()).then(|| match source.split_once('(') {
            Some((name, version)) => SourcePackage {
                name: name.trim().to_owned(),
                version: version.trim_end_matches(')').trim().to_owned(),
            },
            None => SourcePackage { name: source.clone(), version: version.clone() },
        });
        Ok(Package {
            kind,
            name,
            version,
            architecture,
            source,
            line: Some(line),
            ..Package::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, of_status_d: bool) -> Contents {
        read(&mut text.as_bytes(), Kind::Deb, of_status_d).unwrap()
    }

    #[test]
    fn what_is_on_the_disk_counts() {
        let text = "Package: a\nStatus: install ok installed\nVersion: 1:2-3\nSource: s (2-3)\n\
                    Architecture: amd64\nDescription: x\n more\n .\n\nPackage: gone\n\
                    Status: deinstall ok config-files\nVersion: 1\n\nPackage: held\n\
                    Status: hold ok installed\nVersion: 2\n\nPackage: half\n\
                    Status: install ok half-configured\nVersion: 2\n\nPackage: broken\n\
                    Status: install reinstreq half-installed\nVersion: 2\n\n\
                    Status: install ok installed\nVersion: 9\n";
        let contents = said(text, false);
        let names: Vec<_> = contents.packages.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["a", "held", "half"]);
        let lines: Vec<_> = contents.packages.iter().map(|p| p.line.unwrap()).collect();
        assert_eq!(lines, [1, 14, 18]);
        let source = contents.packages[0].source.clone().unwrap();
        assert_eq!((source.name.as_str(), source.version.as_str()), ("s", "2-3"));
        assert_eq!(contents.problems, [Problem::at(26, "a package without a name")]);
    }

    #[test]
    fn a_database_that_is_made_to_fill_memory_is_left() {
        let one = |number: usize, version: &str| {
            format!("Package: p{number}\nStatus: install ok installed\nVersion: {version}\n\n")
        };
        let many: String = (0..=crate::room::MAX_PACKAGES).map(|number| one(number, "1")).collect();
        let contents = said(&many, false);
        assert_eq!(contents.packages.len(), crate::room::MAX_PACKAGES);
        assert!(contents.problems[0].message.contains("more than 25000 packages"));
        let long: String = (0..600).map(|number| one(number, &"1".repeat(60_000))).collect();
        let contents = said(&long, false);
        assert!((200..300).contains(&contents.packages.len()), "{}", contents.packages.len());
        assert_eq!(contents.problems.len(), 1);
        // A long field is skipped, and the fields after it are read.
        let long = format!(
            "Package: a\nX: {}\n {}\nStatus: install ok installed\nVersion: 1\n\n\
                            Package: b\nStatus: install ok installed\nVersion: 1\n",
            "x".repeat(500_000),
            "y\n ".repeat(50_000) + "y"
        );
        let contents = said(&long, false);
        assert_eq!(contents.packages.len(), 2, "{:?}", contents.problems);
        assert_eq!(contents.problems, [Problem::at(2, "this line is too long")]);
    }

    #[test]
    fn distroless_has_no_states() {
        let text = "Package: base-files\nVersion: 12\nArchitecture: all\n";
        assert_eq!(said(text, true).packages.len(), 1);
        assert!(said(text, false).packages.is_empty());
    }
}
