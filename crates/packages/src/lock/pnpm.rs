//! `pnpm-lock.yaml` ([lockfile]), versions 5 to 9.
//!
//! The key of a package is `/name/1.0.0_peer@2.0.0` up to version 5, `/name@1.0.0(peer@2.0.0)` in
//! version 6, and `name@1.0.0` since version 9, where only `importers` and `snapshots` determine
//! what needs a package.
//!
//! [lockfile]: https://github.com/pnpm/spec/tree/master/lockfile

use std::collections::HashMap;

use pavisade_yaml::{Doc, Value};

use super::graph::Graph;
use super::list::List;
use super::{commit, document};
use crate::contents::{Contents, Problem};
use crate::{Kind, Need, Package};

pub(super) fn read(text: &str) -> Contents {
    let mut list = List::default();
    for doc in document::yaml(text, list.problems()) {
        let major = document::written(doc.root().get("lockfileVersion"));
        let major = major.split('.').next().and_then(|text| text.parse::<u32>().ok());
        let is_path = major.is_none_or(|major| major < 6);
        let marks = major.filter(|major| *major >= 9).map(|_| marks(&doc));
        for (key, entry) in doc.root().get("packages").into_iter().flat_map(Value::entries) {
            let split = if is_path { of_path(key) } else { of_name(key) };
            match package(key, split, entry) {
                Ok(mut package) => {
                    if let Some(mark) = marks.as_ref().and_then(|marks| marks.get(key)) {
                        package.need = mark.need;
                        if mark.optional {
                            package.need = mark.need.max(Need::Optional);
                            package.groups = vec!["optional".to_owned()];
                        }
                    }
                    list.add(package);
                }
                Err(problem) => list.problem(problem),
            }
        }
    }
    list.into_contents()
}

fn package(key: &str, split: (&str, &str), entry: Value<'_>) -> Result<Package, Problem> {
    let line = document::line(entry);
    // Both fields exist only if the key does not contain the values, or contains others.
    let field = |name, otherwise| match document::written(entry.get(name)) {
        "" => otherwise,
        text => text,
    };
    let (name, version) = (field("name", split.0), field("version", split.1));
    let resolution = entry.get("resolution");
    let of_resolution = |name| document::written(resolution.and_then(|value| value.get(name)));
    let is_folder = of_resolution("type") == "directory";
    if name.is_empty() || version.is_empty() && !is_folder {
        return Err(Problem::at(line, format!("`{key}` does not contain a name and version")));
    }
    let commit = match of_resolution("commit") {
        "" => commit::of(of_resolution("tarball")),
        commit => commit,
    };
    let (dev, optional) = (document::is_set(entry, "dev"), document::is_set(entry, "optional"));
    let flags = [("dev", dev), ("optional", optional)];
    Ok(Package {
        commit: commit.to_owned(),
        groups: flags.iter().filter(|(_, set)| *set).map(|(name, _)| (*name).to_owned()).collect(),
        need: match () {
            () if dev => Need::Development,
            () if optional => Need::Optional,
            () => Need::Production,
        },
        local: is_folder || of_resolution("tarball").starts_with("file:"),
        ..Package::locked(Kind::Npm, name, version, line)
    })
}

/// Splits `/name/1.0.0`, `/@scope/name/1.0.0/peer@2.0.0` or
/// `registry.example.com/name/1.0.0_peer@2.0.0`. Parts may be empty: archives and repositories have
/// fields for both.
fn of_path(key: &str) -> (&str, &str) {
    let Some((_, path)) = key.split_once('/') else { return ("", "") };
    let scope = match path.starts_with('@') {
        true => path.find('/').map_or(path.len(), |at| at + 1),
        false => 0,
    };
    let end = path[scope..].find('/').map_or(path.len(), |at| scope + at);
    let version = path[end..].trim_start_matches('/').split(['/', '_']).next();
    match version.filter(|version| version.starts_with(|c: char| c.is_ascii_digit())) {
        Some(version) => (&path[..end], version),
        None => ("", ""),
    }
}

/// Splits `/name@1.0.0(peer@2.0.0)`, `@scope/name@1.0.0` or `name@https://…`.
fn of_name(key: &str) -> (&str, &str) {
    let key = key.split('(').next().unwrap_or(key);
    // Version 6 starts with a slash or with the host of another registry.
    let key = match key.split_once('/') {
        Some((host, rest)) if !host.contains('@') => rest,
        _ => key,
    };
    let at = key.get(1..).and_then(|rest| rest.find('@')).map(|at| at + 1);
    let Some(at) = at else { return ("", "") };
    let (name, version) = (&key[..at], &key[at + 1..]);
    match version.starts_with(|c: char| c.is_ascii_digit()) {
        true => (name, version.split('_').next().unwrap_or(version)),
        false => (name, ""),
    }
}

/// What version 9 states about a package outside its entry.
struct Mark {
    need: Need,
    optional: bool,
}

/// Returns the marks by key of `packages`.
fn marks(doc: &Doc) -> HashMap<&str, Mark> {
    let snapshots: Vec<_> =
        doc.root().get("snapshots").into_iter().flat_map(Value::entries).collect();
    let places: HashMap<&str, usize> =
        snapshots.iter().zip(0..).map(|((key, _), at)| (*key, at)).collect();
    // The version may be the key itself: an alias or an archive.
    let place = |name: &str, version: &str| {
        places.get(&*format!("{name}@{version}")).or_else(|| places.get(version)).copied()
    };
    let needed = |snapshot: Value<'_>, field| -> Vec<usize> {
        let named = snapshot.get(field).into_iter().flat_map(Value::entries);
        named.filter_map(|(name, of)| place(name, document::written(Some(of)))).collect()
    };
    let mut graph = Graph::default();
    for (_, snapshot) in &snapshots {
        graph.edges.push(needed(*snapshot, "dependencies"));
        graph.optional.push(needed(*snapshot, "optionalDependencies"));
    }
    let importers = doc.root().get("importers").into_iter().flat_map(Value::entries);
    for (_, importer) in importers {
        for (field, need) in [
            ("dependencies", Need::Production),
            ("optionalDependencies", Need::Optional),
            ("devDependencies", Need::Development),
        ] {
            let named = importer.get(field).into_iter().flat_map(Value::entries);
            let placed = named.filter_map(|(name, value)| {
                let version = value.get("version").unwrap_or(value);
                place(name, document::written(Some(version)))
            });
            graph.roots.extend(placed.map(|at| (need, at)));
        }
    }
    let mut marks: HashMap<&str, Mark> = HashMap::new();
    for ((key, snapshot), need) in snapshots.iter().zip(graph.needs()) {
        let optional = document::is_set(*snapshot, "optional");
        let key = key.split('(').next().unwrap_or(key);
        let mark = marks.entry(key).or_insert(Mark { need, optional });
        mark.need = mark.need.min(need);
        mark.optional &= optional;
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for (key, want) in [
            ("/a/1.0.0", ("a", "1.0.0")),
            ("/@s/a/1.0.0_b@2.0.0+c@3.0.0", ("@s/a", "1.0.0")),
            ("/a/1.0.0/b@2.0.0", ("a", "1.0.0")),
            ("registry.npmjs.org/a/1.0.0-rc.1", ("a", "1.0.0-rc.1")),
            ("github.com/a/b/0123456", ("", "")),
            ("file:../x", ("", "")),
            ("@host/x/@s/a.tgz", ("", "")),
            ("/@s", ("", "")),
            ("nothing", ("", "")),
        ] {
            assert_eq!(of_path(key), want, "{key}");
        }
        for (key, want) in [
            ("/a@1.0.0", ("a", "1.0.0")),
            ("/@s/a@1.0.0(b@2.0.0)(@c/d@3.0.0)", ("@s/a", "1.0.0")),
            ("@s/a@1.0.0-rc.1", ("@s/a", "1.0.0-rc.1")),
            ("registry.npmjs.org/@s/a@1.0.0", ("@s/a", "1.0.0")),
            ("a@https://codeload.github.com/a/a/tar.gz/0123456", ("a", "")),
            ("a@file:../a", ("a", "")),
            ("@", ("", "")),
            ("", ("", "")),
        ] {
            assert_eq!(of_name(key), want, "{key}");
        }
    }

    #[test]
    fn needs_of_version_9() {
        let contents = read(
            "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a: {specifier: ^1, version: 1.0.0(b@1.0.0)}\n    \
             devDependencies:\n      d: {specifier: ^1, version: 1.0.0}\n      l: {specifier: 'link:x', version: 'link:x'}\n\
             packages:\n  a@1.0.0:\n    resolution: {integrity: x}\n  b@1.0.0: {}\n  d@1.0.0: {}\n  e@1.0.0: {}\n  \
             g@https://codeload.github.com/x/g/tar.gz/0123456789:\n    resolution: {tarball: https://codeload.github.com/x/g/tar.gz/0123456789}\n    version: 5.0.0\n  \
             f@file:f:\n    resolution: {directory: f, type: directory}\n\
             snapshots:\n  a@1.0.0(b@1.0.0):\n    dependencies: {b: 1.0.0}\n    optionalDependencies: {o: e@1.0.0}\n  \
             b@1.0.0: {}\n  d@1.0.0:\n    dependencies: {b: 1.0.0, g: https://codeload.github.com/x/g/tar.gz/0123456789}\n  e@1.0.0: {optional: true}\n  \
             g@https://codeload.github.com/x/g/tar.gz/0123456789: {}\n",
        );
        let of = |p: &Package| format!("{}@{} {:?} {:?}", p.name, p.version, p.need, p.groups);
        let lines: Vec<_> = contents.packages.iter().map(of).collect();
        assert_eq!(
            lines,
            [
                "a@1.0.0 Production []",
                "b@1.0.0 Production []",
                "d@1.0.0 Development []",
                "e@1.0.0 Optional [\"optional\"]",
                "g@5.0.0 Development []",
                "f@ Production []",
            ]
        );
        assert_eq!(contents.packages[4].commit, "0123456789");
        assert!(contents.packages[5].local);
        assert!(contents.problems.is_empty(), "{:?}", contents.problems);
    }

    #[test]
    fn a_bad_key_hides_nothing() {
        let contents = read(
            "lockfileVersion: 5.3\npackages:\n  /a/1.0.0: {dev: true}\n  bad: {}\n  /b/2.0.0: {}\n",
        );
        assert_eq!(contents.packages.len(), 2);
        assert_eq!(contents.packages[0].need, Need::Development);
        assert_eq!(
            contents.problems,
            [Problem::at(4, "`bad` does not contain a name and version")]
        );
        assert!(read("").packages.is_empty());
    }
}
