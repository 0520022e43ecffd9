//! PV-C043.

use pavisade_macros::check;
use pavisade_model::KubernetesVersion;
use pavisade_snapshot::{ContainerKind, Pod};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Field, WrongType, find, list, map, text};
use super::resources::{Amount, amount};
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Memory-backed volume without a size limit
///
/// ## Why
/// Files in the volume use memory of the node. Without a size limit, and if a container has no
/// memory limit, the volume can grow until the kernel kills other processes.
///
/// ## Fix
/// Set `sizeLimit` for the volume, or memory limits for all containers. The volume cannot grow
/// beyond their sum (KEP-1967).
#[check(id = "PV-C043", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnlimitedMemoryVolume {}

impl Check for UnlimitedMemoryVolume {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let volumes = match list(pod.spec(), &["volumes"]) {
            Ok(volumes) => volumes,
            Err(wrong) => return wrong.into(),
        };
        let mut in_memory = Vec::new();
        let mut claims = Vec::new();
        for volume in volumes {
            match unlimited(volume) {
                Ok(Some(source)) => in_memory.push((volume, source)),
                Ok(None) => {}
                Err(wrong) => claims.push(wrong.into()),
            }
        }
        if in_memory.is_empty() {
            return Verdict::from_claims(claims);
        }
        // Enabled by default since 1.22: the kubelet sizes the volume by the containers' limits.
        let limited = cx.kubernetes().at_least(22)
            && match all_limited(pod, cx.kubernetes()) {
                Ok(limited) => limited,
                Err(wrong) => return wrong.into(),
            };
        if !limited {
            claims.extend(in_memory.into_iter().map(|(volume, source)| {
                let name = volume.str("name").unwrap_or("");
                let message = format!(
                    "volume `{name}` uses memory and has no size limit, and not all containers \
                     have a memory limit"
                );
                Claim::fails(Place::field(source, &["sizeLimit"]), message)
            }));
        }
        Verdict::from_claims(claims)
    }
}

/// Returns the source of a memory-backed volume without a size limit.
fn unlimited(volume: Value<'_>) -> Field<'_, Value<'_>> {
    let Some(source) = map(volume, &["emptyDir"])? else { return Ok(None) };
    let in_memory = text(source, &["medium"])?.is_some_and(|(medium, _)| medium == "Memory");
    let sized = find(source, &["sizeLimit"])?.is_some_and(|size| amount(size) != Amount::Zero);
    Ok((in_memory && !sized).then_some(source))
}

fn all_limited(pod: Pod<'_>, version: KubernetesVersion) -> Result<bool, WrongType<'_>> {
    let path = ["resources", "limits", "memory"];
    let is_some = |value: Option<Value<'_>>| value.is_some_and(|v| amount(v) == Amount::Some);
    // Pod-level resources: KEP-2837, enabled by default since 1.34.
    if version.at_least(34) && is_some(find(pod.spec(), &path)?) {
        return Ok(true);
    }
    // Ephemeral containers have no resources, and the kubelet does not require them.
    for container in pod.containers().filter(|c| c.kind() != ContainerKind::Ephemeral) {
        if !is_some(find(container.value(), &path)?) {
            return Ok(false);
        }
    }
    Ok(true)
}
