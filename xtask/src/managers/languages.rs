//! Language packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use pavisade_packages::{Inventory, Kind};
use serde_json::Value;

use super::{List, Lists, output, read, root};
use testbed::tools::{TOOLS, built_folder};

/// The packages to install with pip, with various kinds of dependencies.
const PYTHON: [&str; 6] = [
    "Flask==3.0.3",
    "requests==2.32.3",
    "PyYAML==6.0.2",
    "zope.interface==7.0.3",
    "ruamel.yaml==0.18.6",
    "attrs==24.2.0",
];
/// The same for npm.
const NODE: [&str; 5] = [
    "express@4.19.2",
    "@babel/core@7.25.2",
    "lodash@4.17.20",
    "mocha@10.7.3",
    "left@npm:left-pad@1.3.0",
];

/// Returns the names and versions of an ecosystem.
pub(super) fn listed(found: &Inventory, kind: Kind) -> List {
    let packages = found.packages.iter().map(|found| &found.package);
    let of_kind = packages.filter(|package| package.kind == kind);
    of_kind.map(|package| vec![package.name.clone(), package.version.clone()]).collect()
}

/// Tests a virtual environment in `/opt`.
pub(super) fn pip(folder: &Path) -> anyhow::Result<Lists> {
    root(folder)?;
    let venv = folder.join("opt/venv");
    output(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let python = venv.join("bin/python");
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    output(install.args(PYTHON))?;
    let site = fs::read_dir(venv.join("lib"))?.next().context("no lib/python")??.path();
    let theirs = of_pip(&python, &site.join("site-packages"))?;
    Ok(Lists { ours: listed(&read(folder)?, Kind::Pypi), theirs })
}

/// Returns what pip lists in a directory of packages.
pub(super) fn of_pip(python: &Path, site: &Path) -> anyhow::Result<List> {
    let mut command = Command::new(python);
    command.args([
        "-m",
        "pip",
        "list",
        "--disable-pip-version-check",
        "--format",
        "json",
        "--path",
    ]);
    let said: Value = serde_json::from_str(&output(command.arg(site))?)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = said.as_array().context("no list")?.iter();
    Ok(packages.map(|package| vec![text(&package["name"]), text(&package["version"])]).collect())
}

/// Tests an application in `/srv`.
pub(super) fn npm(folder: &Path) -> anyhow::Result<Lists> {
    root(folder)?;
    let app = folder.join("srv/app");
    fs::create_dir_all(&app)?;
    fs::write(app.join("package.json"), r#"{"name": "app", "version": "1.0.0"}"#)?;
    let mut install = Command::new("npm");
    install.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    output(install.args(NODE).current_dir(&app))?;
    beside_npm(folder, Command::new("npm").current_dir(&app))
}

/// Tests npm's own tree as installed here.
pub(super) fn npm_itself(folder: &Path) -> anyhow::Result<Lists> {
    root(folder)?;
    let modules = output(Command::new("npm").args(["root", "--global"]))?;
    let from = Path::new(modules.trim()).join("npm");
    let to = folder.join("usr/lib/node_modules");
    fs::create_dir_all(&to)?;
    output(Command::new("cp").args(["-rL"]).arg(&from).arg(&to))?;
    let prefix = folder.join("usr");
    beside_npm(folder, Command::new("npm").args(["--global", "--prefix"]).arg(prefix))
}

fn beside_npm(folder: &Path, npm: &mut Command) -> anyhow::Result<Lists> {
    let listed_by_npm = output(npm.args(["ls", "--all", "--parseable", "--long"]))?;
    // `path:name@version` or, for an alias, `path:alias@npm:name@version`; further words may
    // follow.
    let row = |line: &str| {
        let (path, rest) = line.split_once(':')?;
        if !path.contains("node_modules/") {
            return None;
        }
        let rest = rest.split_once("@npm:").map_or(rest, |(_, real)| real);
        let name = rest.split(':').next()?;
        let (name, version) = name.rsplit_once('@')?;
        Some(vec![name.to_owned(), version.to_owned()])
    };
    let theirs = listed_by_npm.lines().filter_map(row).collect();
    Ok(Lists { ours: listed(&read(folder)?, Kind::Npm), theirs })
}

/// Tests the binaries of the Go distribution.
pub(super) fn go_itself(folder: &Path) -> anyhow::Result<Lists> {
    let home = output(Command::new("go").args(["env", "GOROOT"]))?;
    let home = Path::new(home.trim());
    let mut programs = Vec::new();
    for inner in ["bin", "pkg/tool"] {
        programs.extend(files(&home.join(inner))?);
    }
    beside_go(folder, &programs)
}

/// Tests the tools used by tests, as far as they are built.
pub(super) fn go_tools(folder: &Path) -> anyhow::Result<Lists> {
    let mut programs = Vec::new();
    for tool in TOOLS {
        if let Some(built) = built_folder(tool.name) {
            programs.extend(files(&built)?);
        }
    }
    beside_go(folder, &programs)
}

/// Returns all files below a directory, which may not exist.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

fn beside_go(folder: &Path, programs: &[PathBuf]) -> anyhow::Result<Lists> {
    root(folder)?;
    let bin = folder.join("usr/bin");
    fs::create_dir_all(&bin)?;
    let mut theirs = List::new();
    for (number, program) in programs.iter().enumerate() {
        let said = Command::new("go").args(["version", "-m"]).arg(program).output()?;
        if said.status.success() {
            theirs.extend(of_go(&String::from_utf8_lossy(&said.stdout)));
        }
        fs::copy(program, bin.join(format!("program-{number}")))?;
    }
    Ok(Lists { ours: listed(&read(folder)?, Kind::Golang), theirs })
}

/// Returns the modules of a binary. `(devel)` is not a version.
fn of_go(said: &str) -> List {
    let mut list: Vec<Vec<String>> = Vec::new();
    let row = |path: &str, version: &str| {
        vec![path.to_owned(), if version == "(devel)" { "" } else { version }.to_owned()]
    };
    for (line, number) in said.lines().zip(0..) {
        if number == 0 {
            let version = line.rsplit(": go").next().unwrap_or_default();
            list.push(row("stdlib", version.split([' ', '-']).next().unwrap_or_default()));
            continue;
        }
        let mut parts = line.trim_start_matches('\t').split('\t');
        let mut next = || parts.next().unwrap_or_default();
        match next() {
            "mod" | "dep" => list.push(row(next(), next())),
            "=>" => {
                list.pop();
                list.push(row(next(), next()));
            }
            _ => {}
        }
    }
    list.into_iter().collect()
}
