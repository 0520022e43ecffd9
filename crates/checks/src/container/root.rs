//! Determines whether a container runs as root, and in which user namespace.

use pavisade_model::KubernetesVersion;
use pavisade_snapshot::{Container, Pod};
use pavisade_yaml::Value;

use super::field::{Field, WrongType, boolean, integer};

/// Whether the pod can only run on Windows nodes, whether it is marked so or not.
pub(super) fn runs_on_windows(pod: Pod<'_>) -> bool {
    let node = |label| pod.at(&["nodeSelector", label]).and_then(Value::as_str);
    pod.is_windows()
        || ["kubernetes.io/os", "beta.kubernetes.io/os"]
            .into_iter()
            .any(|l| node(l) == Some("windows"))
}

/// Whether the pod requests a user namespace (`hostUsers: false`).
pub(super) fn has_user_namespace(pod: Pod<'_>) -> Result<bool, WrongType<'_>> {
    Ok(boolean(pod.spec(), &["hostUsers"])?.is_some_and(|(host_users, _)| !host_users))
}

/// Whether the pod gets a user namespace. Before 1.33, the API server drops the field by default
/// (KEP-127).
pub(super) fn gets_user_namespace(
    pod: Pod<'_>,
    version: KubernetesVersion,
) -> Result<bool, WrongType<'_>> {
    Ok(version.at_least(33) && has_user_namespace(pod)?)
}

/// Returns the user in the manifest: that of the container, otherwise that of the pod.
pub(super) fn user(container: Container<'_>) -> Field<'_, i64> {
    let path = ["securityContext", "runAsUser"];
    let own = integer(container.value(), &path)?;
    let user = if own.is_some() { own } else { integer(container.pod().spec(), &path)? };
    Ok(user.map(|(user, _)| user))
}

/// Whether the manifest does not prevent a container from running as root.
pub(super) fn is_root_possible(container: Container<'_>) -> Result<bool, WrongType<'_>> {
    if let Some(user) = user(container)? {
        return Ok(user == 0);
    }
    let path = ["securityContext", "runAsNonRoot"];
    let own = boolean(container.value(), &path)?;
    let required = if own.is_some() { own } else { boolean(container.pod().spec(), &path)? };
    Ok(!required.is_some_and(|(required, _)| required))
}
