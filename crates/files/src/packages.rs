//! Reads the database of dpkg below a root.

use std::fs;
use std::io;
use std::path::Path;

use pavisade_integrity::{Records, dpkg_md5sums};

/// The largest file of the database in bytes.
const MAX: u64 = 64 << 20;

/// Returns what dpkg says of its files; nothing if the root has no database. What cannot be read is
/// a problem in the result.
pub fn records(root: &Path) -> Records {
    let mut records = Records::default();
    let folder = root.join("var/lib/dpkg");
    let mut problems = Vec::new();
    let mut bytes = |path: &Path| match bounded(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            problems.push(format!("{}: {error}", path.display()));
            None
        }
    };
    let Some(status) = bytes(&folder.join("status")) else {
        records.problems = problems;
        return records;
    };
    records.add_dpkg_status(&String::from_utf8_lossy(&status));
    let info = folder.join("info");
    let Ok(names) = fs::read_dir(&info) else { return records };
    let mut names: Vec<_> = names.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names {
        let Some(name) = name.to_str() else { continue };
        let Some((package, kind)) = name.rsplit_once('.') else { continue };
        let Some(index) = records.index(package) else { continue };
        match kind {
            "list" => {
                if let Some(text) = bytes(&info.join(name)) {
                    records.add_dpkg_list(index, &text);
                }
            }
            "md5sums" => {
                if let Some(text) = bytes(&info.join(name)) {
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

/// Reads a regular file; `None` if it does not exist.
fn bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(found) if !found.is_file() => Err(io::Error::other("not a regular file")),
        Ok(found) if found.len() > MAX => Err(io::Error::other(format!("larger than {MAX} bytes"))),
        Ok(_) => fs::read(path).map(Some),
    }
}
