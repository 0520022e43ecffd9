//! Reads the databases of dpkg and rpm below a root.

use std::path::Path;

use pavisade_integrity::{Algorithm, Digest, Records, dpkg_md5sums};
use pavisade_packages::rpm_files;

use crate::resolve::{names, read_file};

/// The largest file of the database in bytes.
const MAX: u64 = 64 << 20;
const INFO: &str = "/var/lib/dpkg/info";
/// The largest database of rpm in bytes; it has some 100 MB with many packages.
const MAX_RPM: u64 = 1 << 30;
/// The directories of the database of rpm, of which one may be a link to the other.
const RPM: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];

/// Returns what dpkg and rpm say of their files; nothing if the root has no database. What cannot be
/// read is a problem in the result.
pub fn records(root: &Path) -> Records {
    let mut records = Records::default();
    dpkg(root, &mut records);
    let names = ["rpmdb.sqlite", "Packages.db", "Packages"];
    let mut paths = RPM.iter().flat_map(|folder| names.map(|name| format!("{folder}/{name}")));
    // Only the first one that exists is read.
    let _ = paths.any(|path| rpm(root, &path, &mut records));
    records
}

/// Reads a database; returns whether there is one.
fn rpm(root: &Path, path: &str, records: &mut Records) -> bool {
    let bytes = match read_file(root, path, MAX_RPM) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return false,
        Err(error) => {
            records.problems.push(format!("{path}: {error}"));
            return true;
        }
    };
    let problems = rpm_files(&bytes, &mut |file| {
        let package = records.add(&file.package.name, &file.package.version);
        let digest = file.digest.and_then(|(algorithm, hex)| match algorithm {
            1 => Digest::from_hex(Algorithm::Md5, hex),
            8 => Digest::from_hex(Algorithm::Sha256, hex),
            // Old and rare: without a digest, nothing is explained.
            _ => None,
        });
        records.add_file(package, format!("/{}", file.path).as_bytes(), digest);
    });
    let said = problems.into_iter().map(|problem| format!("{path}: {}", problem.message));
    records.problems.extend(said);
    // Changes in the log of SQLite are newer than the database. The header of the log has 32 bytes.
    if let Ok(Some(log)) = read_file(root, &format!("{path}-wal"), MAX_RPM)
        && log.len() > 32
    {
        records.problems.push(format!("{path}-wal: it has changes that were not read"));
    }
    true
}

fn dpkg(root: &Path, records: &mut Records) {
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
        return;
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
}
