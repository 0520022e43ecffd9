//! Reads the database of dpkg below a root.

use std::path::Path;

use pavisade_integrity::{Records, dpkg_md5sums};

use crate::resolve::{names, read_file};

/// The largest file of the database in bytes.
const MAX: u64 = 64 << 20;
const INFO: &str = "/var/lib/dpkg/info";

/// Returns what dpkg says of its files; nothing if the root has no database. What cannot be read is
/// a problem in the result.
pub fn records(root: &Path) -> Records {
    let mut records = Records::default();
    let mut problems = Vec::new();
    let mut bytes = |path: &str| match read_file(root, path, MAX) {
        Ok(bytes) => bytes,
        Err(error) => {
            problems.push(format!("{path}: {error}"));
            None
        }
    };
    let Some(status) = bytes("/var/lib/dpkg/status") else {
        records.problems = problems;
        return records;
    };
    records.add_dpkg_status(&String::from_utf8_lossy(&status));
    // Without its lists, a package seems to contain nothing.
    let mut all = match names(root, INFO) {
        Ok(all) => all,
        Err(error) => {
            records.problems.push(format!("{INFO}: {error}"));
            Vec::new()
        }
    };
    all.sort();
    for name in &all {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let Some((package, kind)) = name.rsplit_once('.') else { continue };
        let Some(index) = records.index(package) else { continue };
        match kind {
            "list" => {
                if let Some(text) = bytes(&format!("{INFO}/{name}")) {
                    records.add_dpkg_list(index, &text);
                }
            }
            "md5sums" => {
                if let Some(text) = bytes(&format!("{INFO}/{name}")) {
                    for (path, digest) in dpkg_md5sums(&text) {
                        records.add_file(index, &path, Some(digest));
                    }
                }
            }
            _ => {}
        }
    }
    records.problems.extend(problems);
    records
}
