//! Kubernetes versions.

use std::fmt;
use std::str::FromStr;

/// A minor version of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion {
    /// The major version: always 1.
    pub major: u32,
    /// 37 in v1.37.
    pub minor: u32,
}

impl KubernetesVersion {
    /// The newest version that the checks support.
    pub const LATEST: Self = Self::minor(37);

    /// Returns version `1.minor`.
    pub const fn minor(minor: u32) -> Self {
        Self { major: 1, minor }
    }

    /// Whether the version is `1.minor` or later.
    pub fn at_least(self, minor: u32) -> bool {
        self >= Self::minor(minor)
    }
}

impl Default for KubernetesVersion {
    fn default() -> Self {
        Self::LATEST
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for KubernetesVersion {
    type Err = String;

    /// Parses `1.30`, `v1.30`, `v1.30.4`, or `latest`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::LATEST);
        }
        let mut parts = text.strip_prefix('v').unwrap_or(text).splitn(3, '.').map(str::parse);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if major == 1 => Ok(Self { major, minor }),
            _ => Err(format!("`{text}` is not a Kubernetes version: use a version such as 1.30")),
        }
    }
}
