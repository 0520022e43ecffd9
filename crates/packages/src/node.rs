//! `node_modules/NAME/package.json`, as installed by npm, yarn and pnpm.

use serde::Deserialize;
use serde_json::Value;

use crate::contents::{Contents, Problem};
use crate::{Kind, Package};

/// The relevant fields; all others are ignored.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
    #[serde(default)]
    license: Value,
    #[serde(default)]
    licenses: Value,
    #[serde(default)]
    engines: Value,
    #[serde(default)]
    unity: Value,
}

/// Returns whether a directory is that of an installed package: all directories below the first
/// `node_modules` are another `node_modules`, a scope or a package. Packages contain further files
/// of this name, and whole trees of them for their tests.
pub(crate) fn is_installed(folder: &str) -> bool {
    let mut names = folder.split('/').skip_while(|name| *name != "node_modules");
    let mut found = false;
    while let Some(name) = names.next() {
        if name != "node_modules" {
            return false;
        }
        found = match names.next() {
            // pnpm stores each package in a directory with a version, and links to it.
            Some(".pnpm") => {
                names.next();
                false
            }
            Some(scope) if scope.starts_with('@') => names.next().is_some(),
            Some(name) => !name.starts_with('.'),
            None => false,
        };
    }
    found
}

pub(crate) fn read(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let manifest: Manifest = match serde_json::from_slice(bytes) {
        Ok(manifest) => manifest,
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
            contents.problems.push(Problem::at(line, format!("not JSON: {error}")));
            return contents;
        }
    };
    // Without either, the file only configures a directory (`{"type": "module"}`).
    let (Some(name), Some(version)) = (manifest.name.as_str(), manifest.version.as_str()) else {
        return contents;
    };
    if name.is_empty() || version.is_empty() {
        return contents;
    }
    // A Visual Studio Code extension or a Unity package: their registries use other names.
    if manifest.engines.get("vscode").is_some() || !manifest.unity.is_null() {
        return contents;
    }
    let text = |value: &Value| {
        let text = value.as_str().or_else(|| value.get("type")?.as_str())?;
        Some(text.to_owned()).filter(|text| !text.is_empty())
    };
    let mut licences: Vec<_> = text(&manifest.license).into_iter().collect();
    if licences.is_empty() {
        let listed = manifest.licenses.as_array().into_iter().flatten();
        licences.extend(listed.filter_map(text));
    }
    contents.packages.push(Package {
        kind: Kind::Npm,
        name: name.to_owned(),
        version: version.to_owned(),
        licences,
        ..Package::default()
    });
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_without_a_version_are_not_a_package() {
        assert!(read(br#"{"type": "module"}"#).packages.is_empty());
        assert!(read(br#"{"name": "a"}"#).packages.is_empty());
        assert_eq!(read(b"{").problems.len(), 1);
        let of = |rest| read(format!(r#"{{"name": "a", "version": "1.0.0"{rest}}}"#).as_bytes());
        assert!(of(r#", "engines": {"vscode": "^1.0.0"}"#).packages.is_empty());
        assert!(of(r#", "unity": "2018.4""#).packages.is_empty());
        assert_eq!(of(r#", "engines": {"node": ">=4"}"#).packages.len(), 1);
    }

    #[test]
    fn folders_of_packages() {
        for (folder, expect) in [
            ("app/node_modules/a", true),
            ("node_modules/@s/a", true),
            ("app/node_modules/a/node_modules/b", true),
            ("app/node_modules/.pnpm/a@1.0.0/node_modules/a", true),
            ("app/node_modules/.pnpm/@s+a@1.0.0/node_modules/@s/a", true),
            ("app", false),
            ("app/node_modules", false),
            ("app/node_modules/@s", false),
            ("app/node_modules/a/esm", false),
            ("app/node_modules/a/test/node_modules/b", false),
            ("app/node_modules/.bin", false),
            ("app/node_modules/.pnpm/a@1.0.0", false),
        ] {
            assert_eq!(is_installed(folder), expect, "{folder}");
        }
    }

    #[test]
    fn licences_of_old_manifests() {
        let contents =
            read(br#"{"name": "@a/b", "version": "1.0.0", "licenses": [{"type": "MIT"}]}"#);
        assert_eq!(contents.packages[0].licences, ["MIT"]);
        let purl = contents.packages[0].purl(None).unwrap();
        assert_eq!(purl.to_string(), "pkg:npm/%40a/b@1.0.0");
    }
}
