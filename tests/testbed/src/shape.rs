//! What a cluster is like: two tests that want the same shape share one cluster.

use std::collections::BTreeMap;

use anyhow::bail;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::tools::hex16;

/// The shape of a cluster. The default is the pinned version without nodes.
///
/// The configuration files are given as text. `FILES/` in them and in `api_flags`
/// stands for the folder that holds `files`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// Kubernetes' version with its `v`; nothing means the pinned one.
    pub version: Option<String>,
    /// How many nodes: none, one or two.
    pub nodes: u8,
    /// Feature gates of all components.
    pub feature_gates: BTreeMap<String, bool>,
    /// API groups, versions or resources that are switched: `api/alpha=true`.
    pub runtime_config: Vec<String>,
    /// An `AuthenticationConfiguration`.
    pub authentication_config: Option<String>,
    /// An `AuthorizationConfiguration`, in place of Node and RBAC.
    pub authorization_config: Option<String>,
    /// An audit policy; the log is `logs/audit.log` in the cluster's folder.
    pub audit_policy: Option<String>,
    /// An `EncryptionConfiguration`.
    pub encryption_config: Option<String>,
    /// Admission plugins beside the defaults and `NodeRestriction`.
    pub admission_plugins: Vec<String>,
    /// An `AdmissionConfiguration`.
    pub admission_config: Option<String>,
    /// Further flags of the API server, which win over ours.
    pub api_flags: Vec<String>,
    /// Further flags of etcd, which win over ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub etcd_flags: Vec<String>,
    /// Further flags of the controller manager, which win over ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controller_flags: Vec<String>,
    /// Further flags of the scheduler, which win over ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scheduler_flags: Vec<String>,
    /// Fields of every node's `KubeletConfiguration` that win over ours, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubelet_config: Option<String>,
    /// Fields of every node's `KubeProxyConfiguration` that win over ours, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_config: Option<String>,
    /// Further files by name, for what the configurations refer to.
    pub files: BTreeMap<String, String>,
}

impl Shape {
    /// What the names of shared clusters begin with.
    pub(crate) const SHARED: &str = "shared-";

    /// A name that only clusters of this shape have.
    pub(crate) fn shared_name(&self) -> anyhow::Result<String> {
        let text = serde_json::to_vec(self)?;
        Ok(format!("{}{}", Self::SHARED, hex16(&Sha256::digest(text))))
    }

    /// Says what cannot be started.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.nodes > 2 {
            bail!("{} nodes: there can be none, one or two", self.nodes);
        }
        if let Some(version) = &self.version
            && !is_version(version)
        {
            bail!("version {version}: want vMAJOR.MINOR.PATCH, as v1.37.2");
        }
        for name in self.files.keys() {
            if name.is_empty() || name.contains('/') || name.starts_with('.') {
                bail!("file {name:?}: want a plain name");
            }
        }
        Ok(())
    }
}

fn is_version(text: &str) -> bool {
    let numbers: Vec<&str> = text.strip_prefix('v').unwrap_or_default().split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.len() == 3 && numbers.iter().all(number)
}

/// A name goes into paths and into the names of network links.
pub(crate) fn check_name(name: &str) -> anyhow::Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 40 || !name.bytes().all(plain) || name.starts_with('-') {
        bail!("cluster name {name:?}: want up to 40 small letters, digits and hyphens");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_started_is_said() {
        let shape = |version: &str, nodes| Shape {
            version: Some(version.to_owned()),
            nodes,
            ..Shape::default()
        };
        for (shape, says) in [
            (shape("v1.37.2", 2), None),
            (shape("v1.37.2", 3), Some("3 nodes")),
            (shape("1.37.2", 0), Some("want vMAJOR.MINOR.PATCH")),
            (shape("v1.37", 0), Some("want vMAJOR.MINOR.PATCH")),
            (shape("v1.37.2-rc", 0), Some("want vMAJOR.MINOR.PATCH")),
        ] {
            match (shape.check(), says) {
                (Ok(()), None) => {}
                (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{error}"),
                (got, want) => panic!("{shape:?}: {got:?}, want {want:?}"),
            }
        }
    }

    #[test]
    fn one_shape_one_name() {
        let other = Shape { nodes: 1, ..Shape::default() };
        let name = |shape: &Shape| shape.shared_name().unwrap();
        assert_eq!(name(&Shape::default()), name(&Shape::default()));
        assert_ne!(name(&Shape::default()), name(&other));
        check_name(&name(&other)).unwrap();
    }

    #[test]
    fn a_name_leaves_its_folder_under_no_circumstances() {
        for name in ["", "..", "a/b", "A", "-a", "a b"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        check_name("fault-17").unwrap();
    }
}
