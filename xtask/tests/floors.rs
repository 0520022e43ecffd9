//! A crate depends only on crates of lower floors.
//!
//! The floor is in each crate's `Cargo.toml`. A dependency within a floor must be listed with its
//! reason in `docs/architecture.md`, and every listed one must exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use toml::Table;

const SECTION: &str = "## Edges within a floor";

#[test]
fn every_crate_uses_only_lower_floors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut crates = BTreeMap::new();
    let mut faults = Vec::new();
    for entry in fs::read_dir(root.join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let folder = folder.file_name().unwrap().to_string_lossy().into_owned();
        match read(&folder, &manifest) {
            Ok(read) => drop(crates.insert(folder, read)),
            Err(fault) => faults.push(fault),
        }
    }
    let page = fs::read_to_string(root.join("docs/architecture.md")).unwrap_or_default();
    faults.extend(check(&crates, &page));
    faults.extend(off_the_map(&crates, &page));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// With `autotests = false`, a file that is missing in `tests/all.rs` would never run.
#[test]
fn every_file_of_integration_tests_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut left_out = Vec::new();
    for entry in fs::read_dir(root.join("crates")).unwrap() {
        let tests = entry.unwrap().path().join("tests");
        let Ok(all) = fs::read_to_string(tests.join("all.rs")) else { continue };
        for file in fs::read_dir(&tests).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let is_test = file.extension().is_some_and(|ending| ending == "rs") && name != "all";
            if is_test && !all.contains(&format!("mod {name};\n")) {
                left_out.push(file);
            }
        }
    }
    assert!(left_out.is_empty(), "not in tests/all.rs: {left_out:?}");
}

struct Crate {
    floor: i64,
    /// The workspace crates that it uses, without `pavisade-` and dev-dependencies.
    uses: BTreeSet<String>,
}

fn read(folder: &str, manifest: &str) -> Result<Crate, String> {
    let fault = |what: &str| format!("crates/{folder}/Cargo.toml: {what}");
    let manifest: Table = manifest.parse().map_err(|error| fault(&format!("{error}")))?;
    let at = |path: &[&str]| {
        path.iter().skip(1).try_fold(manifest.get(path[0])?, |value, key| value.get(key))
    };
    let name = at(&["package", "name"]).and_then(toml::Value::as_str).unwrap_or_default();
    if name != format!("pavisade-{folder}") {
        return Err(fault(&format!("the package is called `{name}`, not `pavisade-{folder}`")));
    }
    let floor = at(&["package", "metadata", "pavisade", "floor"]).and_then(toml::Value::as_integer);
    let floor = floor.ok_or_else(|| fault("want `[package.metadata.pavisade] floor = N`"))?;

    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(Table::values).filter_map(toml::Value::as_table);
    let mut uses = BTreeSet::new();
    for table in targets.chain([&manifest]) {
        for kind in ["dependencies", "build-dependencies"] {
            for (key, value) in
                table.get(kind).and_then(toml::Value::as_table).into_iter().flatten()
            {
                // A dependency may be renamed; then `package` has its name.
                let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(key);
                uses.extend(package.strip_prefix("pavisade-").map(str::to_owned));
            }
        }
    }
    Ok(Crate { floor, uses })
}

/// Returns crates without a row in the page's table, and rows without a crate.
fn off_the_map(crates: &BTreeMap<String, Crate>, page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let floor: i64 = cells.next()?.parse().ok()?;
        Some((cells.next()?.trim_matches('`').to_owned(), floor))
    });
    let rows: BTreeSet<_> = rows.collect();
    let crates = crates.iter().map(|(name, of)| (name.clone(), of.floor)).collect();
    let said = |(name, floor): &(String, i64)| {
        format!("`{name}` on floor {floor}: the map in docs/architecture.md says otherwise")
    };
    rows.symmetric_difference(&crates).map(said).collect()
}

#[test]
fn a_crate_that_is_not_on_the_map_is_told() {
    let on = |floor| Crate { floor, uses: BTreeSet::new() };
    let crates = [("a", 1), ("b", 2), ("c", 3)].map(|(name, floor)| (name.to_owned(), on(floor)));
    let page = "| floor | crate | x |\n| --- | --- | --- |\n| 1 | `a` | x |\n| 3 | `b` | x |\n";
    let told = off_the_map(&BTreeMap::from(crates), page);
    let names: Vec<_> = told.iter().filter_map(|fault| fault.get(..16)).collect();
    assert_eq!(names, ["`b` on floor 2: ", "`b` on floor 3: ", "`c` on floor 3: "]);
}

fn check(crates: &BTreeMap<String, Crate>, page: &str) -> Vec<String> {
    let (listed, mut faults) = listed(page);
    let mut within = BTreeSet::new();
    for (user, Crate { floor, uses }) in crates {
        for used in uses {
            let Some(other) = crates.get(used) else {
                faults.push(format!("`{user}` uses `{used}`, which is no folder of crates/"));
                continue;
            };
            if other.floor > *floor {
                let up = other.floor;
                faults
                    .push(format!("`{user}` (floor {floor}) uses `{used}` above it (floor {up})"));
            } else if other.floor == *floor {
                within.insert((user.clone(), used.clone()));
            }
        }
    }
    for (user, used) in within.difference(&listed) {
        faults.push(format!(
            "`{user}` uses `{used}` on its own floor: list it in docs/architecture.md, \
             section \"{SECTION}\", as: - `{user}` → `{used}`: reason"
        ));
    }
    for (user, used) in listed.difference(&within) {
        faults.push(format!(
            "docs/architecture.md lists `{user}` → `{used}`, which is no edge within a floor"
        ));
    }
    faults
}

/// Returns the items ``- `a` → `b`: reason`` of the section, and invalid ones.
fn listed(page: &str) -> (BTreeSet<(String, String)>, Vec<String>) {
    let section = page.lines().skip_while(|line| line.trim_end() != SECTION).skip(1);
    let section = section.take_while(|line| !line.starts_with("## ") && !line.starts_with("# "));
    let (mut edges, mut faults) = (BTreeSet::new(), Vec::new());
    for item in section.filter_map(|line| line.strip_prefix("- ")) {
        let edge = || {
            let (user, rest) = item.strip_prefix('`')?.split_once("` → `")?;
            let (used, reason) = rest.split_once("`:")?;
            (!reason.trim().is_empty()).then(|| (user.to_owned(), used.to_owned()))
        };
        match edge() {
            Some(edge) => drop(edges.insert(edge)),
            None => faults.push(format!(
                "docs/architecture.md, \"{SECTION}\": want - `a` → `b`: reason, not: - {item}"
            )),
        }
    }
    (edges, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(crates: &[(&str, i64, &str)], page: &str) -> Vec<String> {
        let crates = crates.iter().map(|(name, floor, rest)| {
            let manifest = format!(
                "package.name = 'pavisade-{name}'\n\
                 package.metadata.pavisade.floor = {floor}\n{rest}"
            );
            ((*name).to_owned(), read(name, &manifest).unwrap())
        });
        check(&crates.collect(), page)
    }

    const USES_YAML: &str = "dependencies.pavisade-yaml.workspace = true";

    #[test]
    fn downwards_is_free() {
        assert!(faults(&[("scan", 5, USES_YAML), ("yaml", 1, "")], "").is_empty());
    }

    #[test]
    fn upwards_is_refused_however_it_is_written() {
        for uses in [
            USES_YAML,
            "build-dependencies.pavisade-yaml.path = '../yaml'",
            "dependencies.y = { package = 'pavisade-yaml', path = '../yaml' }",
            "target.'cfg(unix)'.dependencies.pavisade-yaml.workspace = true",
        ] {
            let faults = faults(&[("macros", 0, uses), ("yaml", 1, "")], "");
            assert_eq!(faults, ["`macros` (floor 0) uses `yaml` above it (floor 1)"], "{uses}");
        }
        let dev = "dev-dependencies.pavisade-yaml.workspace = true";
        assert!(faults(&[("macros", 0, dev), ("yaml", 1, "")], "").is_empty());
    }

    #[test]
    fn within_a_floor_is_listed_with_a_reason_or_refused() {
        let crates = [("model", 1, USES_YAML), ("yaml", 1, "")];
        let page = |item: &str| format!("# A\n\n{SECTION}\n\n{item}\n\n## B\n- x\n");
        assert!(faults(&crates, &page("- `model` → `yaml`: spans")).is_empty());
        assert_eq!(faults(&crates, "").len(), 1);
        assert_eq!(faults(&crates, "- `model` → `yaml`: spans").len(), 1, "another section");
        assert_eq!(faults(&crates, &page("- `model` → `yaml`:")).len(), 2, "no reason");
        assert_eq!(faults(&crates, &page("- `yaml` → `model`: spans")).len(), 2, "turned round");
    }

    #[test]
    fn a_listed_edge_must_exist() {
        let page = format!("{SECTION}\n- `model` → `yaml`: spans\n");
        assert_eq!(faults(&[("model", 1, ""), ("yaml", 1, "")], &page).len(), 1);
        assert_eq!(faults(&[("model", 2, USES_YAML), ("yaml", 1, "")], &page).len(), 1);
    }

    #[test]
    fn a_crate_has_its_folders_name_and_a_floor() {
        assert!(read("yaml", "package.name = 'pavisade-yml'").is_err());
        assert!(read("yaml", "package.name = 'pavisade-yaml'").is_err());
        let right = "package.name = 'pavisade-yaml'\npackage.metadata.pavisade.floor = 1";
        assert!(read("yaml", right).is_ok());
    }
}
