//! `poetry.lock`: `category` up to version 1.4, `groups` since 2.0, and `optional` in all versions.

use super::blocks::{Entry, inner, packages, text};
use super::commit;
use super::list::List;
use crate::contents::{Contents, Problem};
use crate::{Kind, Need, Package};

/// The group of the project's own dependencies.
const MAIN: &str = "main";

pub(super) fn read(source: &str) -> Contents {
    let mut list = List::default();
    packages(source, &mut list, |list, entry| match package(entry) {
        Some(package) => list.add(package),
        None => list.problem(Problem::at(entry.line, "a package without a name and a version")),
    });
    list.into_contents()
}

fn package(entry: &Entry<'_, '_>) -> Option<Package> {
    let of = |key| Some(text(entry.table, key)).filter(|text| !text.is_empty());
    let (name, version) = (of("name")?, of("version")?);
    let listed = entry.table.get("groups").and_then(|groups| groups.get_ref().as_array());
    let listed = listed.into_iter().flat_map(|groups| groups.iter());
    let mut groups: Vec<_> = listed.filter_map(|group| group.get_ref().as_str()).collect();
    if groups.is_empty() {
        groups.extend(of("category"));
    }
    let is_main = groups.is_empty() || groups.contains(&MAIN);
    let is_optional = entry.table.get("optional").and_then(|flag| flag.get_ref().as_bool());
    let need = match is_optional {
        // A package of an extra, unless it is needed anyway.
        Some(true) => Need::Optional,
        _ if is_main => Need::Production,
        _ => Need::Development,
    };
    let groups = match need {
        Need::Production => Vec::new(),
        Need::Optional => vec!["optional".to_owned()],
        Need::Development => groups.into_iter().map(str::to_owned).collect(),
    };
    let source = inner(entry.table, "source");
    let of_source = |key| source.map_or("", |source| text(source, key));
    let reference = of_source("resolved_reference");
    Some(Package {
        commit: Some(reference).filter(|text| commit::is_commit(text)).unwrap_or("").to_owned(),
        groups,
        need,
        local: matches!(of_source("type"), "directory" | "file"),
        ..Package::locked(Kind::Pypi, name, version, entry.line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_sources() {
        let contents = read(
            "[[package]]\nname = \"a\"\nversion = \"1\"\ncategory = \"dev\"\noptional = false\n\n\
             [[package]]\nname = \"b\"\nversion = \"2\"\ncategory = \"main\"\noptional = true\n\n\
             [[package]]\nname = \"c\"\nversion = \"3\"\ngroups = [\"dev\", \"main\"]\n\n\
             [[package]]\nname = \"d\"\nversion = \"4\"\ngroups = [\"dev\", \"test\"]\n\n\
             [package.source]\ntype = \"git\"\nurl = \"https://example.com/d.git\"\n\
             reference = \"main\"\nresolved_reference = \"0123456789abcdef\"\n\n\
             [[package]]\nname = \"e\"\nversion = \"5\"\n[package.source]\ntype = \"directory\"\n",
        );
        let of = |p: &Package| {
            format!("{} {:?} {:?} {} {}", p.name, p.groups, p.need, p.commit, p.local)
        };
        assert_eq!(
            contents.packages.iter().map(of).collect::<Vec<_>>(),
            [
                "a [\"dev\"] Development  false",
                "b [\"optional\"] Optional  false",
                "c [] Production  false",
                "d [\"dev\", \"test\"] Development 0123456789abcdef false",
                "e [] Production  true",
            ]
        );
        assert!(contents.problems.is_empty());
    }
}
