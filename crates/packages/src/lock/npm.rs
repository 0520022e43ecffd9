//! `package-lock.json` and `npm-shrinkwrap.json` ([package-lock-json]): nested `dependencies` in
//! version 1, a map of paths (`packages`) since version 2.
//!
//! npm ignores `package-lock.json` if `npm-shrinkwrap.json` exists.
//!
//! [package-lock-json]: https://docs.npmjs.com/cli/configuring-npm/package-lock-json

use pavisade_yaml::Value;

use super::list::List;
use super::{Others, commit, document, tree};
use crate::contents::Contents;
use crate::{Kind, Need, Package};

pub(super) fn read(path: &str, text: &str, others: &Others<'_>) -> Contents {
    let mut list = List::default();
    let shrinkwrap = tree::join(tree::folder(path), "npm-shrinkwrap.json");
    let is_superseded = path.ends_with("package-lock.json")
        && shrinkwrap.is_some_and(|shrinkwrap| others(&shrinkwrap).is_some());
    if is_superseded {
        return list.into_contents();
    }
    if let Some(doc) = document::json(text, list.problems()) {
        match doc.root().get("packages") {
            Some(packages) => by_path(packages, &mut list),
            None => nested(doc.root(), &mut list),
        }
    }
    list.into_contents()
}

/// Reads version 2 and later: the key is the install path, and `""` is the project itself.
fn by_path(packages: Value<'_>, list: &mut List) {
    for (path, entry) in packages.entries() {
        // A link refers to another entry.
        if path.is_empty() || document::is_set(entry, "link") {
            continue;
        }
        let inside = path.rsplit_once("node_modules/").map(|(_, inside)| inside);
        let name = match entry.str("name") {
            // The real name of an alias.
            Some(name) if !name.is_empty() => name,
            _ => inside.unwrap_or_else(|| last(path)),
        };
        let resolved = document::written(entry.get("resolved"));
        let (groups, need) = groups(entry, "inBundle");
        list.add(Package {
            commit: commit::of(resolved).to_owned(),
            groups,
            need,
            local: inside.is_none() || resolved.starts_with("file:"),
            ..Package::locked(
                Kind::Npm,
                name,
                document::written(entry.get("version")),
                document::line(entry),
            )
        });
    }
}

/// Returns the last component of a path, with its scope.
fn last(path: &str) -> &str {
    let end = path.rfind('/').unwrap_or(0);
    match path[..end].rfind('/').map_or(0, |at| at + 1) {
        start if path[start..].starts_with('@') => &path[start..],
        _ => path[end..].trim_start_matches('/'),
    }
}

/// Reads version 1, in which each package contains those installed below it.
fn nested(root: Value<'_>, list: &mut List) {
    let mut waiting: Vec<_> = root.get("dependencies").into_iter().collect();
    while let Some(dependencies) = waiting.pop() {
        for (key, entry) in dependencies.entries() {
            waiting.extend(entry.get("dependencies"));
            let written = document::written(entry.get("version"));
            // An alias: `npm:@babel/code-frame@7.0.0`.
            let (name, version) = match written.strip_prefix("npm:") {
                Some(alias) => match alias.rsplit_once('@') {
                    Some((name, version)) if !name.is_empty() => (name, version),
                    _ => (alias, ""),
                },
                None => (key, written),
            };
            let commit = commit::of(version);
            // A URL is not a version.
            let is_address = version.contains(':') || !commit.is_empty();
            let (groups, need) = groups(entry, "bundled");
            list.add(Package {
                commit: commit.to_owned(),
                groups,
                need,
                local: version.starts_with("file:"),
                ..Package::locked(
                    Kind::Npm,
                    name,
                    if is_address { "" } else { version },
                    document::line(entry),
                )
            });
        }
    }
}

fn groups(entry: Value<'_>, bundled: &str) -> (Vec<String>, Need) {
    let either = document::is_set(entry, "devOptional");
    let dev = document::is_set(entry, "dev");
    let optional = document::is_set(entry, "optional");
    let flags = [
        ("bundled", document::is_set(entry, bundled)),
        ("dev", dev || either),
        ("optional", optional || either),
    ];
    let groups = flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_owned());
    // `devOptional` means development or optional, so an optional dependency needs it too.
    let need = match () {
        () if dev => Need::Development,
        () if optional || either => Need::Optional,
        () => Need::Production,
    };
    (groups.collect(), need)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(text: &str) -> Contents {
        read("package-lock.json", text, &|_| None)
    }

    fn lines(contents: &Contents) -> Vec<String> {
        let line = |p: &Package| {
            format!(
                "{}@{} {:?} {}",
                p.name,
                p.version,
                p.groups,
                if p.local { "local" } else { "" }
            )
        };
        contents.packages.iter().map(line).collect()
    }

    #[test]
    fn workspaces_links_and_aliases() {
        let contents = alone(
            r#"{"lockfileVersion": 3, "packages": {
                "": {"name": "root", "version": "9.0.0"},
                "packages/@a/b": {"version": "1.0.0"},
                "node_modules/@a/b": {"resolved": "packages/@a/b", "link": true},
                "node_modules/x": {"name": "@real/x", "version": "2.0.0", "dev": true},
                "node_modules/y/node_modules/@s/z": {"version": "3.0.0", "devOptional": true},
                "node_modules/f": {"version": "4.0.0", "resolved": "file:../f.tgz"}
            }}"#,
        );
        assert_eq!(
            lines(&contents),
            [
                "@a/b@1.0.0 [] local",
                "@real/x@2.0.0 [\"dev\"] ",
                "@s/z@3.0.0 [\"dev\", \"optional\"] ",
                "f@4.0.0 [] local",
            ]
        );
        assert_eq!(contents.packages[1].line, Some(5));
        assert!(contents.problems.is_empty());
    }

    #[test]
    fn production_anywhere_counts() {
        let contents = alone(
            r#"{"dependencies": {
                "a": {"version": "1.0.0", "dev": true, "dependencies": {
                    "b": {"version": "1.0.0", "dev": true}}},
                "b": {"version": "1.0.0"},
                "c": {"version": "git+ssh://git@github.com/x/c.git#0123456789abcdef", "optional": true},
                "d": {"version": "https://example.com/d.tgz"},
                "e": {"version": "npm:@real/e@2.0.0"}
            }}"#,
        );
        assert_eq!(
            lines(&contents),
            [
                "a@1.0.0 [\"dev\"] ",
                "b@1.0.0 [] ",
                "c@ [\"optional\"] ",
                "d@ [] ",
                "@real/e@2.0.0 [] "
            ]
        );
        assert_eq!(contents.packages[1].need, Need::Production);
        assert_eq!(contents.packages[2].commit, "0123456789abcdef");
    }

    #[test]
    fn a_shrinkwrap_supersedes() {
        let text = r#"{"packages": {"node_modules/a": {"version": "1.0.0"}}}"#;
        let beside = |path: &str| (path == "x/npm-shrinkwrap.json").then(Vec::new);
        assert!(read("x/package-lock.json", text, &beside).packages.is_empty());
        assert_eq!(read("x/npm-shrinkwrap.json", text, &beside).packages.len(), 1);
        assert_eq!(read("y/package-lock.json", text, &beside).packages.len(), 1);
    }

    #[test]
    fn what_is_broken_is_said() {
        for text in ["", "null", "[]", "text", "{\"a\": ", "\u{0}"] {
            let contents = alone(text);
            assert!(contents.packages.is_empty() && !contents.problems.is_empty(), "{text:?}");
        }
        // Invalid entries do not hide others.
        let contents = alone(
            r#"{"packages": {"node_modules/a": 1, "node_modules/b": {"version": "1.0.0"},}}"#,
        );
        assert_eq!(contents.packages.last().map(|p| p.name.as_str()), Some("b"));
        assert_eq!(contents.problems.len(), 1);
    }
}
