//! The module text of a binary (`runtime/debug.ParseBuildInfo`): one entry per line with
//! tab-separated fields.

use crate::contents::Contents;
use crate::{Kind, Package};

/// The largest number of modules in one binary.
const MAX_MODULES: usize = 100_000;

/// Returns whether a text lists modules.
pub(super) fn are(text: &str) -> bool {
    ["path\t", "mod\t", "dep\t", "build\t"].iter().any(|start| text.starts_with(start))
}

/// Returns whether a text is a Go version: `go1.21.3`, `devel go1.22-…`.
pub(super) fn is_version(text: &str) -> bool {
    (text.starts_with("go") || text.starts_with("devel"))
        && text.bytes().all(|byte| (b' '..0x7F).contains(&byte))
}

/// Adds the main module, its dependencies and the standard library.
pub(super) fn packages(version: Option<&str>, modules: Option<&str>, contents: &mut Contents) {
    let mut main = None;
    let mut commit = "";
    let packages = &mut contents.packages;
    for line in modules.unwrap_or("").lines() {
        if packages.len() >= MAX_MODULES {
            break;
        }
        let mut parts = line.split('\t');
        let (kind, path) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let version = parts.next().unwrap_or("");
        match kind {
            "mod" => {
                main = Some(packages.len());
                packages.push(Package { local: true, ..module(path, version) });
            }
            "dep" => packages.push(module(path, version)),
            // The replacement of the previous module.
            "=>" => {
                if let Some(last) = packages.last_mut() {
                    let local = version.is_empty() || path.starts_with(['.', '/']);
                    *last = Package { local, ..module(path, version) };
                }
            }
            "build" => commit = path.strip_prefix("vcs.revision=").unwrap_or(commit),
            _ => {}
        }
    }
    if let Some(main) = main.and_then(|at| packages.get_mut(at)) {
        commit.clone_into(&mut main.commit);
    }
    let library = version.map(library).filter(|version| !version.is_empty());
    packages.extend(library.map(|version| module("stdlib", version)));
}

fn module(path: &str, version: &str) -> Package {
    let version = if version == "(devel)" { "" } else { version };
    Package {
        kind: Kind::Golang,
        name: path.to_owned(),
        version: version.to_owned(),
        ..Package::default()
    }
}

/// Returns `1.21.3` for `go1.21.3 X:boringcrypto`; empty for development versions.
fn library(version: &str) -> &str {
    let version = version.strip_prefix("go").unwrap_or("");
    version.split([' ', '-']).next().unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_a_program() {
        let mut contents = Contents::default();
        let text = "path\texample.com/a/cmd/a\nmod\texample.com/a\t(devel)\t\n\
                    dep\tb.com/b\tv1.0.0\th1:x=\ndep\tc.com/c\tv2.0.0\n=>\tf.com/c\tv2.0.1\th1:y=\n\
                    dep\td.com/d\tv3.0.0\n=>\t./d\t\t\nbuild\tCGO_ENABLED=0\nbuild\tvcs.revision=0123456789\n";
        packages(Some("go1.21.3 X:boringcrypto"), Some(text), &mut contents);
        let of = |p: &Package| {
            let local = if p.local { " local" } else { "" };
            format!("{}@{}#{}{local}", p.name, p.version, p.commit)
        };
        assert_eq!(
            contents.packages.iter().map(of).collect::<Vec<_>>(),
            [
                "example.com/a@#0123456789 local",
                "b.com/b@v1.0.0#",
                "f.com/c@v2.0.1#",
                "./d@# local",
                "stdlib@1.21.3#",
            ]
        );
        for (version, want) in [
            ("go1.23.6-custom", "1.23.6"),
            ("go1.22rc1", "1.22rc1"),
            ("devel go1.22-0123456 Mon", ""),
        ] {
            assert_eq!(library(version), want);
            assert!(is_version(version));
        }
        assert!(!is_version("go1\0"));
    }
}
