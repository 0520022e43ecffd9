//! Paths of policies that are links in a container.
//!
//! Policies compare the path of the file itself. In most images `/bin` and `/var/run` are links, so that a
//! policy over `/bin/nc` would never match `/usr/bin/nc`.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::policy::Policy;

/// The paths of a policy that lead elsewhere in a container with this root, and where they lead.
pub(crate) fn links(policy: &Policy, root: &Path) -> Vec<(String, String)> {
    let Ok(root) = File::open(root) else { return Vec::new() };
    let Some(above) = name_of(&root) else { return Vec::new() };
    let paths = policy.listed().filter_map(|path| {
        let real = resolve(&root, &above, Path::new(path))?;
        (real != Path::new(path)).then(|| (path.to_owned(), real.display().to_string()))
    });
    paths.collect()
}

/// Follows the links in a path inside of a root. What does not exist, or is in a volume, is not followed.
fn resolve(root: &File, above: &Path, path: &Path) -> Option<PathBuf> {
    for known in path.ancestors() {
        let below = known.strip_prefix("/").ok()?;
        if below.as_os_str().is_empty() {
            return Some(path.to_owned());
        }
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let Ok(file) = openat2(root, below, flags, Mode::empty(), ResolveFlags::IN_ROOT) else {
            continue;
        };
        let real = Path::new("/").join(name_of(&file)?.strip_prefix(above).ok()?);
        let rest = path.strip_prefix(known).ok()?;
        return Some(if rest.as_os_str().is_empty() { real } else { real.join(rest) });
    }
    None
}

fn name_of(file: &impl AsFd) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_the_root_of_a_container_are_found() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("usr/bin")).unwrap();
        std::fs::create_dir_all(at("run")).unwrap();
        std::fs::create_dir_all(at("var")).unwrap();
        for (to, link) in [("usr/bin", "bin"), ("/run", "var/run"), ("../../etc", "usr/out")] {
            symlink(to, at(link)).unwrap();
        }
        std::fs::write(at("usr/bin/nc"), "").unwrap();
        let policy = "policies:\n- name: a\n  namespaces: [x]\n  mode: deny\n  \
            programs: {deny: [/bin/nc, /usr/bin/nc, /usr/bin/none, /none/x, /bin/none]}\n  \
            files: {deny-read: [/var/run/secrets/token, /run/secrets], deny-write: [/usr/out/x]}\n";
        let policy = &Policy::read("p", policy).unwrap()[0];
        let expected = [
            ("/bin/nc", "/usr/bin/nc"),
            ("/bin/none", "/usr/bin/none"),
            ("/var/run/secrets/token", "/run/secrets/token"),
            // Nothing leads out of the root.
            ("/usr/out/x", "/etc/x"),
        ];
        let found = links(policy, root.path());
        let found: Vec<_> = found.iter().map(|(path, to)| (path.as_str(), to.as_str())).collect();
        // The last link has no target: nothing is known about it.
        assert_eq!(found, expected[..3]);
        std::fs::create_dir(at("etc")).unwrap();
        assert_eq!(links(policy, root.path()).len(), 4);
        assert_eq!(links(policy, &at("missing")), []);
    }
}
