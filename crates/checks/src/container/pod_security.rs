//! Pod Security labels of namespaces.

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

pub(super) const PREFIX: &str = "pod-security.kubernetes.io/";

/// Returns a Pod Security label: `enforce`, `enforce-version` and the like.
pub(super) fn label<'a>(namespace: &'a Object, mode: &str) -> Option<Value<'a>> {
    let labels = namespace.at(&["metadata", "labels"])?;
    let mut found = labels.entries().filter(|(key, _)| key.strip_prefix(PREFIX) == Some(mode));
    found.next().map(|(_, value)| value).filter(|value| !value.is_null())
}

/// Returns the rank of a level. `None` if it is invalid.
pub(super) fn rank(level: &str) -> Option<u8> {
    ["privileged", "baseline", "restricted"].iter().position(|l| *l == level).map(|at| at as u8)
}

/// Returns the minor version in a version label. `None` for `latest` or an invalid value.
pub(super) fn minor(version: &str) -> Option<u32> {
    let minor = version.strip_prefix("v1.")?;
    let good = minor == "0" || !minor.starts_with('0');
    let digits = !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit());
    (good && digits).then(|| minor.parse().ok()).flatten()
}
