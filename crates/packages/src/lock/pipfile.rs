//! `Pipfile.lock`: a map for each category, starting with `default` and `develop`.

use super::commit;
use super::document;
use super::list::List;
use crate::contents::{Contents, Problem};
use crate::{Kind, Need, Package};

pub(super) fn read(text: &str) -> Contents {
    let mut list = List::default();
    let Some(doc) = document::json(text, list.problems()) else { return list.into_contents() };
    for (category, packages) in doc.root().entries() {
        let (groups, need) = match category {
            "_meta" => continue,
            "default" => (Vec::new(), Need::Production),
            "develop" => (vec!["dev".to_owned()], Need::Development),
            other => (vec![other.to_owned()], Need::Development),
        };
        for (name, entry) in packages.entries() {
            let line = document::line(entry);
            let written = document::written(entry.get("version"));
            let reference = document::written(entry.get("ref"));
            let path = document::written(entry.get("path"));
            // The project itself, installed in place.
            if matches!(path, "." | "./") {
                continue;
            }
            let version = written.trim_start_matches('=');
            let is_pinned = written.starts_with("==") && !version.is_empty();
            let is_elsewhere = ["git", "hg", "svn", "bzr", "path", "file"]
                .iter()
                .any(|source| entry.get(source).is_some());
            if !(is_pinned || is_elsewhere && written.is_empty()) {
                list.problem(Problem::at(line, format!("the package `{name}` has no version")));
                continue;
            }
            list.add(Package {
                commit: Some(reference).filter(|r| commit::is_commit(r)).unwrap_or("").to_owned(),
                groups: groups.clone(),
                need,
                local: !path.is_empty(),
                ..Package::locked(Kind::Pypi, name, version, line)
            });
        }
    }
    list.into_contents()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_and_sources() {
        let contents = read(
            r#"{"_meta": {"hash": {"sha256": "x"}},
            "default": {"a": {"version": "==1.0"}, "own": {"editable": true, "path": "."},
              "g": {"git": "https://github.com/x/g", "ref": "0123456789abcdef"},
              "wide": {"version": ">=1"}, "any": {"version": "*"}},
            "develop": {"a": {"version": "==1.0"}, "b": {"version": "==2.0"}},
            "docs": {"c": {"version": "===3.0"}}}"#,
        );
        let of = |p: &Package| format!("{} {} {:?} {}", p.name, p.version, p.groups, p.commit);
        assert_eq!(
            contents.packages.iter().map(of).collect::<Vec<_>>(),
            ["a 1.0 [] ", "g  [] 0123456789abcdef", "b 2.0 [\"dev\"] ", "c 3.0 [\"docs\"] "]
        );
        assert_eq!(contents.problems.len(), 2);
        assert_eq!(contents.problems[0].line, Some(4));
    }
}
