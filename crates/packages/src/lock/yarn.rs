//! `yarn.lock`: Yarn's own text form in version 1, YAML since version 2.
//!
//! The file does not say what development alone needs: that is in `package.json`.

use super::list::List;
use super::{commit, document};
use crate::reader::{Contents, Problem};
use crate::{Kind, Package};

pub(super) fn read(text: &str) -> Contents {
    let mut list = List::default();
    if text.lines().any(|line| line.starts_with("__metadata:")) {
        berry(text, &mut list);
    } else {
        classic(text, &mut list);
    }
    list.into_contents()
}

/// Version 1: `"a@^1.0.0", a@^1.1.0:`, then fields with two spaces.
fn classic(text: &str, list: &mut List) {
    let mut current: Option<Package> = None;
    let end = |package: Option<Package>, list: &mut List| {
        let Some(package) = package else { return };
        if package.version.is_empty() {
            let message = format!("the package `{}` has no version", package.name);
            list.problem(Problem { line: package.line, message });
        } else {
            list.add(package);
        }
    };
    for (line, number) in text.lines().zip(1..) {
        let content = line.trim_end();
        if content.trim_start().is_empty() || content.trim_start().starts_with('#') {
            continue;
        }
        if !content.starts_with([' ', '\t']) {
            end(current.take(), list);
            let header = content.strip_suffix(':').and_then(|patterns| {
                let first = patterns.split(',').next()?.trim().trim_matches('"');
                pattern(first)
            });
            match header {
                Some((name, range)) => {
                    let local = ["file:", "link:"].iter().any(|scheme| range.starts_with(scheme));
                    let package = Package::locked(Kind::Npm, name, "", number);
                    current = Some(Package { local, ..package });
                }
                None => {
                    list.problem(Problem::at(number, "this line is not the name of a package"));
                }
            }
            continue;
        }
        let (Some(package), Some(field)) = (&mut current, content.strip_prefix("  ")) else {
            continue;
        };
        let (key, value) = field.split_once(' ').unwrap_or((field, ""));
        let value = value.trim_matches('"');
        match key.trim_matches('"') {
            "version" => value.clone_into(&mut package.version),
            "resolved" => commit::of(value).clone_into(&mut package.commit),
            _ => {}
        }
    }
    end(current, list);
}

/// Since version 2: the resolution names what was installed, the key what was asked for.
fn berry(text: &str, list: &mut List) {
    for doc in document::yaml(text, list.problems()) {
        for (key, entry) in doc.root().entries() {
            if key == "__metadata" {
                continue;
            }
            let line = document::line(entry);
            let resolution = document::written(entry.get("resolution"));
            let first = key.split(',').next().unwrap_or(key).trim();
            let Some((name, range)) = pattern(resolution).or_else(|| pattern(first)) else {
                list.problem(Problem::at(line, format!("`{key}` is not the name of a package")));
                continue;
            };
            // The project itself.
            if range == "workspace:." {
                continue;
            }
            let local = ["workspace:", "link:", "portal:", "file:"];
            list.add(Package {
                commit: commit::of(resolution).to_owned(),
                local: local.iter().any(|scheme| range.starts_with(scheme)),
                ..Package::locked(Kind::Npm, name, document::written(entry.get("version")), line)
            });
        }
    }
}

/// The name and the range of `@scope/name@^1.0.0`; the real ones of an alias,
/// `alias@npm:name@^1.0.0`.
fn pattern(mut text: &str) -> Option<(&str, &str)> {
    loop {
        let at = text.get(1..)?.find('@')? + 1;
        let (name, range) = (&text[..at], &text[at + 1..]);
        match range.strip_prefix("npm:") {
            Some(real) if real.get(1..).is_some_and(|rest| rest.contains('@')) => text = real,
            _ => return Some((name, range)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classic_packages() {
        let contents = read(
            "# yarn lockfile v1\n\n\"@a/b@^1\", \"@a/b@^1.1\":\n  version \"1.2.0\"\n  resolved \
             \"https://registry.yarnpkg.com/@a/b/-/b-1.2.0.tgz#e83e3a7e3f300b34cb9d87f615fa0cbf357690ee\"\n  \
             dependencies:\n    version \"9.9.9\"\n\n\
             c@npm:d@^2:\n  version \"2.0.0\"\n\n\
             e@git+ssh://git@github.com/x/e.git:\n  version \"3.0.0\"\n  resolved \
             \"git+ssh://git@github.com/x/e.git#0123456789abcdef\"\n\n\
             \"f@file:../f\":\n  version \"4.0.0\"\n\nno version@1:\n  resolved \"x\"\n\nnonsense\n",
        );
        let names: Vec<_> = contents.packages.iter().map(|p| (&*p.name, &*p.version)).collect();
        let want = [("@a/b", "1.2.0"), ("d", "2.0.0"), ("e", "3.0.0"), ("f", "4.0.0")];
        assert_eq!(names, want);
        assert_eq!(contents.packages[0].commit, "");
        assert_eq!(contents.packages[2].commit, "0123456789abcdef");
        assert!(contents.packages[3].local);
        assert_eq!(contents.problems.len(), 2);
    }

    #[test]
    fn berry_packages() {
        let contents = read(
            "__metadata:\n  version: 8\n\n\"a@npm:b@^1, c@npm:^1\":\n  version: 1.0.0\n  \
             resolution: \"b@npm:1.0.0\"\n\n\"root@workspace:.\":\n  version: 0.0.0-use.local\n  \
             resolution: \"root@workspace:.\"\n\n\"t@patch:t@npm%3A4.5.0#./p\":\n  version: 4.5.0\n  \
             resolution: \"t@patch:t@npm%3A4.5.0#./p::version=4.5.0&hash=0a1b2c3\"\n\n\
             \"@m/n@https://github.com/m/n.git\":\n  version: 1.2.3\n  \
             resolution: \"@m/n@https://github.com/m/n.git#commit=0123456789abcdef\"\n",
        );
        let names: Vec<_> = contents.packages.iter().map(|p| (&*p.name, &*p.version)).collect();
        assert_eq!(names, [("b", "1.0.0"), ("t", "4.5.0"), ("@m/n", "1.2.3")]);
        assert_eq!(contents.packages[2].commit, "0123456789abcdef");
        assert!(contents.problems.is_empty());
    }
}
