//! dpkg's database (`dpkg(1)`, `deb-control(5)`): `var/lib/dpkg/status`, `status.d/*` of
//! distroless images, and OpenWrt's opkg, which writes the same form.
//!
//! Only what is installed counts: a package whose configuration files alone are left
//! (`deinstall ok config-files`) has no program on the disk.

use crate::contents::{Contents, Problem};
use crate::paragraph::{Paragraph, paragraphs};
use crate::{Kind, Package, SourcePackage};

pub(crate) fn read(text: &str, kind: Kind, of_status_d: bool) -> Contents {
    let mut contents = Contents::default();
    let mut odd = Vec::new();
    for paragraph in paragraphs(text, &mut odd) {
        // The files of status.d are written when an image is made, without a state.
        let status = paragraph.get("Status");
        if !status
            .map_or(of_status_d, |status| status.split_whitespace().nth(2) == Some("installed"))
        {
            continue;
        }
        match package(&paragraph, kind) {
            Ok(package) => contents.packages.push(package),
            Err(problem) => contents.problems.push(problem),
        }
    }
    if let Some(line) = odd.first() {
        contents.problems.push(Problem::at(*line, "this line is not a package field"));
    }
    contents
}

fn package(paragraph: &Paragraph<'_>, kind: Kind) -> Result<Package, Problem> {
    let line = paragraph.line;
    let field = |name| paragraph.get(name).filter(|text: &&str| !text.is_empty());
    let name = field("Package").ok_or(Problem::at(line, "a package without a name"))?;
    let version = field("Version")
        .ok_or_else(|| Problem::at(line, format!("the package `{name}` has no version")))?;
    let source = field("Source").map(|text| match text.split_once('(') {
        Some((name, version)) => SourcePackage {
            name: name.trim().to_owned(),
            version: version.trim_end_matches(')').trim().to_owned(),
        },
        None => SourcePackage { name: text.to_owned(), version: version.to_owned() },
    });
    Ok(Package {
        kind,
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: field("Architecture").unwrap_or_default().to_owned(),
        source,
        line: Some(line),
        ..Package::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_counts() {
        let text = "Package: a\nStatus: install ok installed\nVersion: 1:2-3\nSource: s (2-3)\n\
                    Architecture: amd64\nDescription: x\n more\n .\n\nPackage: gone\n\
                    Status: deinstall ok config-files\nVersion: 1\n\nPackage: held\n\
                    Status: hold ok installed\nVersion: 2\n\nPackage: half\n\
                    Status: install ok half-configured\nVersion: 2\n\nStatus: install ok installed\n\
                    Version: 9\n";
        let contents = read(text, Kind::Deb, false);
        let names: Vec<_> = contents.packages.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["a", "held"]);
        let source = contents.packages[0].source.clone().unwrap();
        assert_eq!((source.name.as_str(), source.version.as_str()), ("s", "2-3"));
        assert_eq!(contents.problems.len(), 1);
    }

    #[test]
    fn distroless_has_no_states() {
        let text = "Package: base-files\nVersion: 12\nArchitecture: all\n";
        assert_eq!(read(text, Kind::Deb, true).packages.len(), 1);
        assert!(read(text, Kind::Deb, false).packages.is_empty());
    }
}
