//! Host paths that containers mount: `hostPath` volumes, joined with `subPath`.

use std::borrow::Cow;
use std::collections::HashMap;

use pavisade_snapshot::{Container, Pod};
use pavisade_yaml::{Kind, Value};

use super::field::{Field, WrongType, boolean, list, map, text};
use crate::Claim;

/// A `hostPath` volume.
pub(super) struct NodeVolume<'a> {
    /// The `hostPath.path` as written.
    pub path: &'a str,
    /// The value of the path.
    pub place: Value<'a>,
    /// The containers that mount it.
    pub mounts: Vec<Mount<'a>>,
}

/// A container's mount of the volume.
pub(super) struct Mount<'a> {
    /// The container.
    pub container: Container<'a>,
    /// The host path that it sees, normalized. `/var/run` is `/run`.
    pub path: String,
    /// The host path for display: as written, unless `subPath` changes it.
    pub shown: Cow<'a, str>,
    /// Whether it sees an unknown path below `path`, determined at run time.
    pub below: bool,
    /// The access.
    pub access: Access,
    /// The entry of `volumeMounts`.
    pub value: Value<'a>,
}

/// The access of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Writable.
    Write,
    /// Read-only, but mounts below it on the node are writable (KEP-3857).
    WriteBelow,
    /// Read-only.
    Read,
}

/// Returns the `hostPath` volumes of a pod that are mounted by a container.
pub(super) fn node_volumes(pod: Pod<'_>) -> (Vec<NodeVolume<'_>>, Vec<Claim<'_>>) {
    let (mut volumes, mut unclear) = (Vec::new(), Vec::new());
    let all = match list(pod.spec(), &["volumes"]) {
        Ok(all) => all,
        Err(wrong) => return (volumes, vec![wrong.into()]),
    };
    let mut on_node =
        all.filter(|v| v.kind() == Kind::Mapping && v.get("hostPath").is_some()).peekable();
    if on_node.peek().is_none() {
        return (volumes, unclear);
    }
    let mounts = match mounts_by_volume(pod) {
        Ok(mounts) => mounts,
        Err(wrong) => return (volumes, vec![wrong.into()]),
    };
    for volume in on_node {
        match read(volume, &mounts) {
            Ok(Some(volume)) if is_placeholder(volume.path) => unclear.push(Claim::unknown(
                volume.place,
                format!(
                    "`{}` is not an absolute path, so the mounted path is not known",
                    volume.path
                ),
            )),
            Ok(Some(volume)) => volumes.push(volume),
            Ok(None) => {}
            Err(wrong) => unclear.push(wrong.into()),
        }
    }
    (volumes, unclear)
}

/// The containers that mount a volume, by its name.
type Mounts<'a> = HashMap<&'a str, Vec<(Container<'a>, Value<'a>)>>;

fn mounts_by_volume(pod: Pod<'_>) -> Result<Mounts<'_>, WrongType<'_>> {
    let mut mounts = Mounts::new();
    for container in pod.containers() {
        for mount in list(container.value(), &["volumeMounts"])? {
            if let Some(name) = mount.str("name") {
                mounts.entry(name).or_default().push((container, mount));
            }
        }
    }
    Ok(mounts)
}

fn read<'a>(volume: Value<'a>, mounts: &Mounts<'a>) -> Field<'a, NodeVolume<'a>> {
    let Some(source) = map(volume, &["hostPath"])? else { return Ok(None) };
    let Some((name, _)) = text(volume, &["name"])? else { return Ok(None) };
    let Some((path, place)) = text(source, &["path"])? else { return Ok(None) };
    let own = mounts.get(name).into_iter().flatten();
    let mounts = own.map(|&(container, mount)| read_mount(container, path, mount));
    let mounts = mounts.collect::<Result<Vec<_>, _>>()?;
    Ok((!mounts.is_empty()).then_some(NodeVolume { path, place, mounts }))
}

fn read_mount<'a>(
    container: Container<'a>,
    volume: &'a str,
    mount: Value<'a>,
) -> Result<Mount<'a>, WrongType<'a>> {
    let expression = text(mount, &["subPathExpr"])?.map(|(text, _)| text).unwrap_or_default();
    let (sub_path, below) = match expression.split_once("$(") {
        // The part before the first variable, up to the last complete directory.
        Some((known, _)) => (known.rsplit_once('/').map_or("", |(directory, _)| directory), true),
        None if expression.is_empty() => {
            (text(mount, &["subPath"])?.map(|(text, _)| text).unwrap_or_default(), false)
        }
        None => (expression, false),
    };
    let read_only = boolean(mount, &["readOnly"])?.is_some_and(|(read_only, _)| read_only);
    let recursive = text(mount, &["recursiveReadOnly"])?.map(|(text, _)| text);
    let access = match (read_only, recursive) {
        (false, _) => Access::Write,
        (true, Some("Enabled")) => Access::Read,
        (true, _) => Access::WriteBelow,
    };
    let path = normalise(&format!("{volume}/{sub_path}"));
    let shown = if sub_path.is_empty() { volume.into() } else { path.clone().into() };
    Ok(Mount { container, path, shown, below, access, value: mount })
}

/// Whether a placeholder must be replaced before it is a path.
fn is_placeholder(path: &str) -> bool {
    let windows = path.as_bytes().get(1) == Some(&b':') || path.starts_with(r"\\");
    !(windows || path.starts_with('/')) || path.contains("${") || path.contains("{{")
}

fn normalise(path: &str) -> String {
    let windows = path.as_bytes().get(1) == Some(&b':') || path.starts_with(r"\\");
    let path = if windows { path.replace('\\', "/").to_ascii_lowercase() } else { path.to_owned() };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    // These links lead to the root directory of a node's process.
    while let ["proc", "1" | "self", "root", ..] = parts[..] {
        parts.drain(..3);
    }
    // A symbolic link on every distribution.
    if parts.starts_with(&["var", "run"]) {
        parts.remove(0);
    }
    format!("/{}", parts.join("/"))
}

/// Whether a path is a directory or below it.
pub(super) fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        for (written, path) in [
            ("/", "/"),
            ("//var/./run/docker.sock/", "/run/docker.sock"),
            ("/var/runner", "/var/runner"),
            ("/etc/../root", "/root"),
            ("/proc/1/root", "/"),
            ("/proc/self/root/var/run", "/run"),
            ("/proc/1/rootfs", "/proc/1/rootfs"),
            (r"C:\Windows\", "/c:/windows"),
            (r"\\.\pipe\docker_engine", "/pipe/docker_engine"),
        ] {
            assert_eq!(normalise(written), path, "{written}");
        }
    }

    #[test]
    fn within_ends_at_a_slash() {
        assert!(is_within("/etc/kubernetes/pki", "/etc/kubernetes"));
        assert!(is_within("/etc/kubernetes", "/etc/kubernetes"));
        assert!(!is_within("/etc/kubernetes2", "/etc/kubernetes"));
    }
}
