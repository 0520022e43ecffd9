//! `yarn.lock`: Yarn's own format in version 1, YAML since version 2.
//!
//! The key of an entry is the list of patterns that resolve to it: `name@range`. The file does not
//! say which packages only development needs; this follows from the `package.json` next to it.
//! Without that file, and in workspaces of version 1, all packages count as needed in production.

mod needs;

use needs::{Locked, Pattern, needs};

use super::list::List;
use super::{Others, commit, document};
use crate::contents::{Contents, Problem};
use crate::{Kind, Package};

pub(super) fn read(path: &str, text: &str, others: &Others<'_>) -> Contents {
    let mut list = List::default();
    if !text.lines().any(|line| line.starts_with("__metadata:")) {
        let all = classic(text, &mut list);
        add(all, path, others, &mut list);
        return list.into_contents();
    }
    for doc in document::yaml(text, list.problems()) {
        let mut all = Vec::new();
        for (key, entry) in doc.root().entries().filter(|(key, _)| *key != "__metadata") {
            match berry(key, entry) {
                Ok(locked) => all.push(locked),
                Err(problem) => list.problem(problem),
            }
        }
        add(all, path, others, &mut list);
    }
    list.into_contents()
}

fn add(all: Vec<Locked<'_>>, path: &str, others: &Others<'_>, list: &mut List) {
    let needs = needs(&all, path, others);
    for (locked, need) in all.into_iter().zip(needs) {
        if !locked.is_root {
            list.add(Package { need, ..locked.package });
        }
    }
}

/// Reads version 1: `"a@^1.0.0", a@^1.1.0:`, then fields indented by two blanks and their content
/// by four.
fn classic<'t>(text: &'t str, list: &mut List) -> Vec<Locked<'t>> {
    let mut all: Vec<Locked<'_>> = Vec::new();
    let mut section = "";
    for (line, number) in text.lines().zip(1..) {
        let content = line.trim_end();
        if content.trim_start().is_empty() || content.trim_start().starts_with('#') {
            continue;
        }
        if !content.starts_with([' ', '\t']) {
            end(&mut all, list);
            match content.strip_suffix(':').and_then(|header| header_of(header, number)) {
                Some(locked) => all.push(locked),
                None => {
                    list.problem(Problem::at(number, "this line is not a package name"));
                    // The fields of an invalid entry are ignored.
                    all.push(Locked::default());
                }
            }
            section = "";
            continue;
        }
        let (Some(locked), Some(field)) = (all.last_mut(), content.strip_prefix("  ")) else {
            continue;
        };
        let inner = field.strip_prefix("  ");
        let (key, value) = inner.unwrap_or(field).split_once(' ').unwrap_or((field, ""));
        let (key, value) = (key.trim_matches('"'), value.trim_matches('"'));
        match (inner, section, key) {
            (Some(_), "dependencies:", _) => locked.needs.push((key, value)),
            (Some(_), "optionalDependencies:", _) => locked.wants.push((key, value)),
            (Some(_), ..) => {}
            (None, _, "version") => value.clone_into(&mut locked.package.version),
            (None, _, "resolved") => commit::of(value).clone_into(&mut locked.package.commit),
            (None, ..) => section = key,
        }
    }
    end(&mut all, list);
    all
}

fn header_of(patterns: &str, line: u32) -> Option<Locked<'_>> {
    let all = patterns.split(',').map(|text| pattern(text.trim().trim_matches('"')));
    let patterns: Vec<Pattern<'_>> = all.collect::<Option<_>>()?;
    let (name, range) = real(*patterns.first()?);
    let local = ["file:", "link:"].iter().any(|scheme| range.starts_with(scheme));
    let package = Package { local, ..Package::locked(Kind::Npm, name, "", line) };
    Some(Locked { package, patterns, ..Locked::default() })
}

/// Checks the last entry after all of its lines have been read.
fn end(all: &mut Vec<Locked<'_>>, list: &mut List) {
    let is_wrong =
        |last: &mut Locked<'_>| last.package.name.is_empty() || last.package.version.is_empty();
    if let Some(Locked { package, .. }) = all.pop_if(is_wrong)
        && !package.name.is_empty()
    {
        let message = format!("the package `{}` has no version", package.name);
        list.problem(Problem { line: package.line, message });
    }
}

/// Reads version 2 and later: the resolution is what was installed, the key what was requested.
fn berry<'t>(key: &'t str, entry: pavisade_yaml::Value<'t>) -> Result<Locked<'t>, Problem> {
    let line = document::line(entry);
    let resolution = document::written(entry.get("resolution"));
    let patterns: Vec<_> = key.split(',').filter_map(|text| pattern(text.trim())).collect();
    let Some((name, range)) = pattern(resolution).or(patterns.first().copied()).map(real) else {
        return Err(Problem::at(line, format!("`{key}` is not a package name")));
    };
    let named = |field| {
        let entries = entry.get(field).into_iter().flat_map(pavisade_yaml::Value::entries);
        entries.map(|(name, range)| (name, document::written(Some(range))))
    };
    // Optional dependencies are marked separately.
    let meta = entry.get("dependenciesMeta");
    let may_be_absent = |name: &str| {
        meta.and_then(|meta| meta.get(name)).is_some_and(|of| document::is_set(of, "optional"))
    };
    let (wants, needs) = named("dependencies").partition(|(name, _)| may_be_absent(name));
    let local = ["workspace:", "link:", "portal:", "file:"];
    let package = Package {
        commit: commit::of(resolution).to_owned(),
        local: local.iter().any(|scheme| range.starts_with(scheme)),
        ..Package::locked(Kind::Npm, name, document::written(entry.get("version")), line)
    };
    Ok(Locked {
        package,
        patterns,
        needs,
        wants,
        is_root: range == "workspace:.",
        is_member: range.starts_with("workspace:"),
    })
}

/// Splits `@scope/name@^1.0.0` into name and range.
fn pattern(text: &str) -> Option<Pattern<'_>> {
    let at = text.get(1..)?.find('@')? + 1;
    Some((&text[..at], &text[at + 1..]))
}

/// Returns the real name and range of an alias, `alias@npm:name@^1.0.0`.
fn real<'t>((mut name, mut range): Pattern<'t>) -> Pattern<'t> {
    while let Some((inner, of)) = range.strip_prefix("npm:").and_then(pattern) {
        (name, range) = (inner, of);
    }
    (name, range)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSIC: &str = "# yarn lockfile v1\n\n\"@a/b@^1\", \"@a/b@^1.1\":\n  version \"1.2.0\"\n  resolved \
         \"https://registry.yarnpkg.com/@a/b/-/b-1.2.0.tgz#e83e3a7e3f300b34cb9d87f615fa0cbf357690ee\"\n  \
         dependencies:\n    version \"9.9.9\"\n    e \"git+ssh://git@github.com/x/e.git\"\n  optionalDependencies:\n    \
         \"@o/p\" \"1\"\n\n\
         c@npm:d@^2:\n  version \"2.0.0\"\n\n\
         e@git+ssh://git@github.com/x/e.git:\n  version \"3.0.0\"\n  resolved \
         \"git+ssh://git@github.com/x/e.git#0123456789abcdef\"\n\n\
         \"f@file:../f\":\n  version \"4.0.0\"\n\nnothing@1:\n  resolved \"x\"\n\nnonsense\n  version \"1\"\n\n\
         \"@o/p@1\":\n  version \"1.0.0\"\n";

    fn lines(text: &str, manifest: Option<&str>) -> (Vec<String>, usize) {
        let beside = |path: &str| {
            (path == "w/package.json").then(|| manifest.map(|text| text.as_bytes().to_vec()))?
        };
        let contents = read("w/yarn.lock", text, &beside);
        let line = |p: &Package| {
            let local = if p.local { " local" } else { "" };
            format!("{}@{}#{} {:?}{local}", p.name, p.version, p.commit, p.need)
        };
        (contents.packages.iter().map(line).collect(), contents.problems.len())
    }

    #[test]
    fn classic_packages() {
        let want = [
            "@a/b@1.2.0# Production",
            "d@2.0.0# Production",
            "e@3.0.0#0123456789abcdef Production",
            "f@4.0.0# Production local",
            "@o/p@1.0.0# Production",
        ];
        assert_eq!(lines(CLASSIC, None), (want.map(str::to_owned).to_vec(), 2));
    }

    #[test]
    fn needs_follow_the_manifest_beside() {
        let manifest = r#"{"dependencies": {"@a/b": "^1.1"}, "devDependencies": {"c": "npm:d@^2"},
            "optionalDependencies": {"f": "file:../f"}}"#;
        let want = [
            "@a/b@1.2.0# Production",
            "d@2.0.0# Development",
            "e@3.0.0#0123456789abcdef Production",
            "f@4.0.0# Optional local",
            "@o/p@1.0.0# Optional",
        ];
        assert_eq!(lines(CLASSIC, Some(manifest)), (want.map(str::to_owned).to_vec(), 2));
        // The manifests of workspace members are not read.
        let manifest = r#"{"devDependencies": {"c": "npm:d@^2"}, "workspaces": ["x"]}"#;
        assert_eq!(lines(CLASSIC, Some(manifest)).0[1], "d@2.0.0# Production");
    }

    #[test]
    fn berry_packages() {
        let text = "__metadata:\n  version: 8\n\n\"a@npm:b@^1, c@npm:^1\":\n  version: 1.0.0\n  \
             resolution: \"b@npm:1.0.0\"\n  dependencies:\n    t: \"npm:4\"\n    u: ^5\n  \
             dependenciesMeta:\n    u:\n      optional: true\n\n\"root@workspace:.\":\n  version: 0.0.0-use.local\n  \
             resolution: \"root@workspace:.\"\n  dependencies:\n    \"@m/n\": \"x\"\n\n\"t@npm:4\":\n  version: 4.5.0\n  \
             resolution: \"t@npm:4.5.0\"\n\n\"u@npm:^5\":\n  version: 5.0.0\n  resolution: \"u@npm:5.0.0\"\n\n\
             \"u@patch:u@npm%3A^5#./p\":\n  version: 5.0.0\n  \
             resolution: \"u@patch:u@npm%3A5.0.0#./p::version=5.0.0&hash=0a1b2c3\"\n\n\
             \"@m/n@https://github.com/m/n.git\":\n  version: 1.2.3\n  \
             resolution: \"@m/n@https://github.com/m/n.git#commit=0123456789abcdef\"\n\n\
             \"x@workspace:x\":\n  version: 0.0.0-use.local\n  resolution: \"x@workspace:x\"\n";
        let manifest = r#"{"dependencies": {"a": "npm:b@^1"},
            "devDependencies": {"@m/n": "https://github.com/m/n.git"}, "workspaces": ["x"]}"#;
        let want = [
            "b@1.0.0# Production",
            "t@4.5.0# Production",
            "u@5.0.0# Optional",
            "@m/n@1.2.3#0123456789abcdef Development",
            "x@0.0.0-use.local# Production local",
        ];
        assert_eq!(lines(text, Some(manifest)), (want.map(str::to_owned).to_vec(), 0));
    }
}
