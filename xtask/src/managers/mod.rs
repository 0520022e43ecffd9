//! `cargo xtask soak managers`: compares installed packages with the lists of their package
//! managers.
//!
//! Each case is a root file system that is created here, from this machine or with debootstrap,
//! pip, npm, rpm and Go. Pavisade must find exactly the packages that the manager itself lists.
//! `make test` runs the cases that need no network; a full run runs all. There is no apk client
//! here: `cargo xtask truth images` reads Alpine's database a second time in a simple way.

mod languages;
mod system;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use pavisade_oci::{Limits, Platform, Store, inventory};
use pavisade_packages::Inventory;
use pavisade_packages::inventory::Options;

/// The count of a full run.
pub(crate) const FULL: u32 = 2;

/// Name and version and, for distribution packages, further output of their manager.
type List = BTreeSet<Vec<String>>;

/// Both lists.
struct Lists {
    ours: List,
    theirs: List,
}

struct Case {
    name: &'static str,
    /// The lowest count that includes it: 1 for cases that are fast and need no network.
    least: u32,
    /// Programs without which it is skipped.
    needs: &'static [&'static str],
    run: fn(&Path) -> anyhow::Result<Lists>,
}

const CASES: &[Case] = &[
    Case { name: "dpkg-query, this machine", least: 1, needs: &["dpkg-query"], run: system::here },
    Case { name: "npm ls, npm itself", least: 1, needs: &["npm"], run: languages::npm_itself },
    Case { name: "go version -m, Go itself", least: 1, needs: &["go"], run: languages::go_itself },
    Case { name: "rpm -qa", least: 1, needs: &["rpm", "rpmbuild"], run: system::rpm },
    Case {
        name: "go version -m, the tools of tests",
        least: 2,
        needs: &["go"],
        run: languages::go_tools,
    },
    Case { name: "pip list", least: 2, needs: &["python3"], run: languages::pip },
    Case { name: "npm ls, an application", least: 2, needs: &["npm"], run: languages::npm },
    Case {
        name: "dpkg-query, debootstrap",
        least: 2,
        needs: &["dpkg-query", "debootstrap"],
        run: system::debootstrap,
    },
    Case {
        name: "dpkg-query, packages in all states",
        least: 2,
        needs: &["dpkg", "dpkg-deb", "dpkg-query"],
        run: system::states,
    },
    Case {
        name: "pip list, Debian's packages",
        least: 2,
        needs: &["python3", "debootstrap"],
        run: system::debian_python,
    },
];

/// Runs the cases of a count; fails if a list differs.
pub(crate) fn soak(count: u32, _seed: u64) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for case in CASES.iter().filter(|case| case.least <= count) {
        if let Some(program) = case.needs.iter().find(|program| !is_here(program)) {
            println!("skipped: {}: no {program} on this machine", case.name);
            continue;
        }
        let folder = tempfile::tempdir()?;
        let Lists { ours, theirs } = (case.run)(folder.path()).context(case.name)?;
        ensure!(!theirs.is_empty(), "{}: the manager lists nothing", case.name);
        let differ = ours.symmetric_difference(&theirs).count();
        println!("{}: {} packages, {differ} differ", case.name, theirs.len());
        for (what, one, other) in
            [("only ours", &ours, &theirs), ("only the manager's", &theirs, &ours)]
        {
            for row in one.difference(other) {
                wrong.push(format!("{}: {what}: {}", case.name, row.join(" ")));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn is_here(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    !found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Returns what Pavisade finds in a directory or an archive.
fn read(path: &Path) -> anyhow::Result<Inventory> {
    let platform = Platform::here();
    let store = Store::open(path, Limits::default())?;
    let candidate = store.candidates(&platform)?.pop().context("there is no image")?;
    let image = store.image(&candidate, &platform, false)?;
    Ok(inventory(&store, &image, Options::default())?)
}

/// Returns the output of a program.
fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().last().unwrap_or_default().to_owned();
    ensure!(output.status.success(), "{command:?} ended with {}: {last}", output.status);
    String::from_utf8(output.stdout).context("reading what it printed")
}

/// Marks a directory as a root file system.
fn root(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder.join("etc"))?;
    Ok(std::fs::write(folder.join("etc/os-release"), "ID=debian\nVERSION_ID=12\n")?)
}
