//! Mounted file systems.

use std::collections::HashSet;
use std::io;

/// File systems whose files are made by the kernel.
const MADE: [&str; 14] = [
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "devpts",
    "devtmpfs",
    "mqueue",
    "debugfs",
    "tracefs",
    "securityfs",
    "bpf",
    "pstore",
    "configfs",
    "binfmt_misc",
];

/// Returns where file systems of other devices are mounted.
///
/// # Errors
/// The list of mounts cannot be read.
pub(super) fn others(devices: &HashSet<(u32, u32)>) -> io::Result<Vec<Vec<u8>>> {
    let text = std::fs::read("/proc/self/mountinfo")?;
    let text = String::from_utf8_lossy(&text);
    let other = |line: &str| {
        let (mount, system) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(2);
        let (major, minor) = fields.next()?.split_once(':')?;
        let device = (major.parse().ok()?, minor.parse().ok()?);
        let point = fields.nth(1)?;
        let is_made = MADE.contains(&system.split(' ').next()?);
        (!is_made && !devices.contains(&device)).then(|| unescaped(point))
    };
    Ok(text.lines().filter_map(other).collect())
}

/// Reads a path as the kernel lists mounts: `\\040` is a space.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..3).filter(|_| *first == b'\\');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}
