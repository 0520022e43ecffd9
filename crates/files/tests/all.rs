//! Tests on real files.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]
#![expect(clippy::print_stdout, reason = "tests say what they skipped")]

mod kinds;
mod mounts;
mod reading;
mod renewals;
mod watching;

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use pavisade_files::{Collected, Options, collect};
use pavisade_integrity::{Compared, Scope, compare};

fn scope(paths: &[&str]) -> Scope {
    let paths = paths.iter().map(|path| path.as_bytes().into()).collect();
    Scope { paths, ..Scope::default() }
}

fn seen(root: &Path) -> Collected {
    collect(root, &scope(&["/tree"]), &Options::default()).unwrap()
}

fn changes(before: &Collected, root: &Path) -> Compared {
    let now = seen(root);
    compare(&before.entries, &now.entries, &now.gaps)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}
