//! Containers: from the state that the runtime keeps of each to its pod.
//!
//! containerd writes `<state>/io.containerd.runtime.v2.task/k8s.io/<id>/config.json` before the
//! first process of a container exists, so a container is known at its first event. CRI-O writes
//! `<storage>/overlay-containers/<id>/userdata/config.json`. Sources: the OCI runtime
//! specification (config.md), containerd's and CRI-O's annotations.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::namespaces::node_root;

/// The largest `config.json` that is read.
const MAX_BYTES: u64 = 4 << 20;

/// Where runtimes keep their state by default.
const STATES: &[&str] = &[
    "/run/containerd/io.containerd.runtime.v2.task/k8s.io",
    "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io",
    "/run/containers/storage/overlay-containers",
    "/var/lib/containers/storage/overlay-containers",
];

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// The whole identifier.
    pub id: String,
    /// The name in the pod; nothing for the sandbox.
    pub name: Option<String>,
    /// Whether it only holds the pod's namespaces.
    pub sandbox: bool,
    /// The image as the pod names it.
    pub image: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The pod.
    pub pod: Option<String>,
    /// The pod's unique identifier.
    pub pod_uid: Option<String>,
    /// The identifier of the pod's sandbox.
    pub pod_sandbox: Option<String>,
    /// The path of its control group.
    pub group: Option<String>,
    /// Whether it sees the devices of its node.
    pub privileged: Option<bool>,
    /// Its root, absolute or below the folder of its state.
    pub root: Option<String>,
}

impl Container {
    /// Reads a container's `config.json`.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn parse(id: &str, text: &[u8]) -> Result<Self, serde_json::Error> {
        let config: Value = serde_json::from_slice(text)?;
        let annotations = &config["annotations"];
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| annotations.get(*name)?.as_str());
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let kind = text(&["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"]);
        // Only a privileged container has no masked paths and all devices.
        let all =
            |rule: &Value| rule["allow"] == true && rule.get("type").is_none_or(|kind| kind == "a");
        let devices = &config["linux"]["resources"]["devices"];
        let devices = devices.as_array().map(|rules| rules.iter().any(all));
        let masked = config["linux"]["maskedPaths"].as_array().is_some_and(|all| !all.is_empty());
        Ok(Self {
            id: id.to_owned(),
            name: text(&["io.kubernetes.cri.container-name", "io.kubernetes.container.name"])
                .filter(|_| kind.as_deref() != Some("sandbox")),
            sandbox: kind.as_deref() == Some("sandbox"),
            image: text(&["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"]),
            namespace: text(&[
                "io.kubernetes.cri.sandbox-namespace",
                "io.kubernetes.pod.namespace",
            ]),
            pod: text(&["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"]),
            pod_uid: text(&["io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"]),
            pod_sandbox: text(&["io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID"]),
            group: config["linux"]["cgroupsPath"].as_str().map(str::to_owned),
            privileged: devices.map(|all| all && !masked),
            root: config["root"]["path"].as_str().map(str::to_owned),
        })
    }

    /// A number that stands for the container where many are remembered: the first digits of the
    /// identifier. Zero is none.
    pub fn number(&self) -> u64 {
        number(&self.id)
    }

    /// The identifier as tools show it: its first 12 digits.
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    /// The image's repository, tag and digest.
    pub fn image_parts(&self) -> Option<(&str, Option<&str>, Option<&str>)> {
        let image = self.image.as_deref()?;
        let (rest, digest) = match image.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (image, None),
        };
        // A colon before the last slash belongs to a port.
        let slash = rest.rfind('/').map_or(0, |at| at + 1);
        Some(match rest[slash..].rfind(':') {
            Some(colon) => (&rest[..slash + colon], Some(&rest[slash + colon + 1..]), digest),
            None => (rest, None, digest),
        })
    }
}

pub(crate) fn number(id: &str) -> u64 {
    id.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

/// Folders with the state of containers.
#[derive(Clone, Debug, Default)]
pub struct States {
    folders: Vec<PathBuf>,
}

impl States {
    /// The folders in which containers are looked for.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// The folders of runtimes that are known, here and on the node if this process is in a container.
    pub fn defaults() -> Vec<PathBuf> {
        let node = node_root();
        let of_node = |state: &&str| Some(node.as_ref()?.join(state.trim_start_matches('/')));
        let here = STATES.iter().map(PathBuf::from);
        here.chain(STATES.iter().filter_map(of_node)).collect()
    }

    /// The folders.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Whether any of the folders exists and can be read.
    pub fn exist(&self) -> bool {
        self.folders.iter().any(|folder| fs::read_dir(folder).is_ok())
    }

    /// Reads what is known of a container; nothing if no folder has it.
    pub fn read(&self, id: &str) -> Option<Container> {
        self.folders.iter().find_map(|folder| {
            let places =
                [folder.join(id).join("config.json"), folder.join(id).join("userdata/config.json")];
            places.iter().find_map(|place| Container::parse(id, &bytes(place)?).ok())
        })
    }

    /// Where the root of a container may be mounted. A folder that is mounted into the container of this
    /// agent does not show what is mounted in it later; the first process of the node sees that.
    pub(crate) fn roots(&self, container: &Container) -> Vec<PathBuf> {
        let Some(root) = &container.root else { return Vec::new() };
        let mut all = Vec::new();
        for folder in &self.folders {
            let of_process = folder.starts_with("/proc");
            // `/proc/PID/root`
            let seen: PathBuf = match of_process {
                true => folder.components().take(4).collect(),
                false => "/".into(),
            };
            let below = match root.strip_prefix('/') {
                Some(absolute) => seen.join(absolute),
                None => folder.join(&container.id).join(root),
            };
            if let Ok(path) = below.strip_prefix("/")
                && !of_process
            {
                all.push(Path::new("/proc/1/root").join(path));
            }
            all.push(below);
        }
        all
    }

    /// All containers.
    pub fn all(&self) -> Vec<Container> {
        let mut all = Vec::new();
        for folder in &self.folders {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let Some(id) =
                    name.to_str().filter(|id| crate::groups::containers_of(id).next().is_some())
                else {
                    continue;
                };
                all.extend(self.read(id));
            }
        }
        all
    }
}

fn bytes(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= MAX_BYTES).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINERD: &str = r#"{"ociVersion": "1.2.1", "annotations": {
        "io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.container-name": "web",
        "io.kubernetes.cri.image-name": "registry.example:5000/shop/web:1.2@sha256:ab",
        "io.kubernetes.cri.sandbox-id": "aa", "io.kubernetes.cri.sandbox-name": "web-5d4f-x",
        "io.kubernetes.cri.sandbox-namespace": "shop", "io.kubernetes.cri.sandbox-uid": "u-1"},
        "linux": {"cgroupsPath": "/kubepods/pod1/bb", "maskedPaths": ["/proc/kcore"],
        "resources": {"devices": [{"allow": false, "access": "rwm"}]}}}"#;

    #[test]
    fn a_container_of_containerd_names_its_pod() {
        let container = Container::parse("bb", CONTAINERD.as_bytes()).unwrap();
        assert_eq!(container.pod.as_deref(), Some("web-5d4f-x"));
        assert_eq!(container.namespace.as_deref(), Some("shop"));
        assert_eq!(container.name.as_deref(), Some("web"));
        assert_eq!(container.privileged, Some(false));
        assert_eq!(
            container.image_parts(),
            Some(("registry.example:5000/shop/web", Some("1.2"), Some("sha256:ab")))
        );
        let port = Container { image: Some("localhost:5000/web".into()), ..Container::default() };
        assert_eq!(port.image_parts(), Some(("localhost:5000/web", None, None)));
    }

    #[test]
    fn what_is_not_told_is_unknown() {
        let container = Container::parse("bb", b"{}").unwrap();
        assert_eq!(container, Container { id: "bb".into(), ..Container::default() });
        assert!(Container::parse("bb", b"{").is_err());
        let all = r#"{"linux": {"resources": {"devices": [{"allow": true, "access": "rwm"}]}}}"#;
        assert_eq!(Container::parse("bb", all.as_bytes()).unwrap().privileged, Some(true));
    }

    #[test]
    fn the_root_of_a_container_is_seen_from_here() {
        let roots = |folder: &str, root: &str| {
            let root = Some(root.to_owned()).filter(|root| !root.is_empty());
            let container = Container { id: "ab".into(), root, ..Container::default() };
            let all = States::new(vec![folder.into()]).roots(&container);
            all.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(roots("/run/x", "rootfs"), ["/proc/1/root/run/x/ab/rootfs", "/run/x/ab/rootfs"]);
        assert_eq!(roots("/run/x", "/var/m"), ["/proc/1/root/var/m", "/var/m"]);
        assert_eq!(roots("/proc/7/root/run/x", "rootfs"), ["/proc/7/root/run/x/ab/rootfs"]);
        assert_eq!(roots("/proc/7/root/run/x", "/var/m"), ["/proc/7/root/var/m"]);
        assert!(roots("/run/x", "").is_empty());
    }

    #[test]
    fn containers_are_found_in_the_folders_of_runtimes() {
        let folder = tempfile::tempdir().unwrap();
        let id = "0123456789abcdef".repeat(4);
        let state = States::new(vec![folder.path().join("none"), folder.path().to_owned()]);
        assert_eq!(state.read(&id), None);
        assert!(state.exist() && !States::new(vec![folder.path().join("none")]).exist());
        fs::create_dir(folder.path().join(&id)).unwrap();
        fs::create_dir(folder.path().join("other")).unwrap();
        fs::write(folder.path().join(&id).join("config.json"), CONTAINERD).unwrap();
        assert_eq!(state.read(&id).unwrap().pod.as_deref(), Some("web-5d4f-x"));
        assert_eq!(state.all().len(), 1);
    }
}
