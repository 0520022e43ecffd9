//! PV-D026.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Object, Pod};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fragment::is_fragment;
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Privileged pod shares a volume with an unprivileged pod
///
/// ## Why
/// Both pods mount the same claim: an attacker who compromises the unprivileged pod can place
/// programs, links and settings there that the privileged pod runs or follows, as root on its node.
///
/// ## Fix
/// Use separate claims, mount the claim read-only in the unprivileged pod, or remove the
/// privileges.
#[check(
    id = "PV-D026",
    severity = Medium,
    confidence = Medium,
    scope = Related,
    reads = [..WORKLOADS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClaimSharedWithPrivileged {}

impl Check for ClaimSharedWithPrivileged {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let own: Vec<_> = claims(pod).collect();
        if own.is_empty() || !is_privileged(pod) || is_fragment(pod.object()) {
            return Verdict::NotApplicable;
        }
        let namespace = pod.object().namespace();
        let workloads = kinds::WORKLOADS.iter().map(|kind| cx.list_in(*kind, namespace));
        let mut gap = None;
        let mut found = Vec::new();
        for workloads in workloads {
            gap = gap.or_else(|| workloads.gap());
            for object in workloads.objects {
                found.extend(writers(object, pod, &own));
            }
        }
        if found.is_empty() {
            return match (gap, own.first()) {
                (Some(why), Some((_, place))) => Verdict::unknown(*place, why),
                _ => Verdict::Holds,
            };
        }
        Verdict::from_claims(found)
    }
}

/// Returns the pod's claims that the pods of an unprivileged object can write to.
fn writers<'a>(
    object: &'a Object,
    pod: Pod<'a>,
    own: &[(&'a str, Value<'a>)],
) -> Option<Claim<'a>> {
    if std::ptr::eq(object, pod.object()) {
        return None;
    }
    let other = object.pods().find(|other| !is_privileged(*other))?;
    let (name, place) = own.iter().find(|(name, _)| writes(other, name))?;
    let message = format!(
        "this pod is privileged, and {} `{}`, which is not, also writes to claim `{name}`",
        object.kind(),
        object.name()
    );
    Some(Claim::fails(*place, message).instance(object.name()))
}

/// Returns the claims that the pod mounts, by name.
fn claims<'a>(pod: Pod<'a>) -> impl Iterator<Item = (&'a str, Value<'a>)> {
    pod.volumes().filter_map(|volume| {
        let place = volume.at(&["persistentVolumeClaim", "claimName"])?;
        Some((place.as_str()?, place))
    })
}

/// Whether a container of the pod may write to the claim.
fn writes(pod: Pod<'_>, claim: &str) -> bool {
    pod.volumes().any(|volume| {
        let source = volume.get("persistentVolumeClaim");
        let is = source.and_then(|s| s.str("claimName")) == Some(claim)
            && source.and_then(|s| s.bool("readOnly")) != Some(true);
        is && pod.containers().any(|container| {
            container.value().list("volumeMounts").any(|mount| {
                mount.str("name") == volume.str("name") && mount.bool("readOnly") != Some(true)
            })
        })
    })
}

fn is_privileged(pod: Pod<'_>) -> bool {
    let host = |field: &str| pod.at(&[field]).and_then(Value::as_bool) == Some(true);
    let privileged = |container: pavisade_snapshot::Container<'_>| {
        container.security(&["privileged"]).and_then(Value::as_bool) == Some(true)
    };
    host("hostPID") || pod.containers().any(privileged)
}
