//! PV-C023.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Pod;
use pavisade_yaml::Edit;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, named};
use super::node_path::{Access, Mount, NodeVolume, node_volumes};
use super::root::is_root_possible;
use super::sensitive_path::sensitive;
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Host path allows node takeover
///
/// ## Why
/// A container that can write the node's programs, services or kernel parameters can run code on
/// the node as root. A container that can read its credentials can act as its pods, its kubelet or
/// the whole cluster.
///
/// ## Fix
/// Mount only the file or directory that is needed, set `readOnly: true`, and do not run as root.
/// For the root directory of the node, `readOnly` protects only the first file system: add
/// `recursiveReadOnly: Enabled`.
#[check(id = "PV-C023", severity = Critical, scope = Object, fixable = Safely)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SensitiveHostPath {}

impl Check for SensitiveHostPath {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let (volumes, unclear) = node_volumes(pod);
        Verdict::from_claims(volumes.iter().filter_map(judge).chain(unclear))
    }
}

/// Returns one claim per volume, for the mount with the most access.
fn judge<'a>(volume: &NodeVolume<'a>) -> Option<Claim<'a>> {
    let claims = volume
        .mounts
        .iter()
        .filter_map(|mount| judge_mount(volume, mount).unwrap_or_else(|wrong| Some(wrong.into())));
    claims.reduce(|worst, claim| if claim.severity > worst.severity { claim } else { worst })
}

fn judge_mount<'a>(
    volume: &NodeVolume<'a>,
    mount: &Mount<'a>,
) -> Result<Option<Claim<'a>>, WrongType<'a>> {
    let Some(found) = sensitive(&mount.path) else { return Ok(None) };
    let (by, path) = (named(mount.container), &mount.shown);
    if mount.below && !found.reaches_below() {
        let message = format!("{by} mounts a variable path below host path `{path}`");
        return Ok(Some(Claim::unknown(volume.place, message)));
    }
    let root = is_root_possible(mount.container)?;
    let read = |gives| (format!("can read host path `{path}`: {gives}"), Severity::High);
    let claim = match (mount.access, found.write, found.read) {
        (Access::Write, Some(gives), _) => {
            Some((format!("can write to host path `{path}`: {gives}"), found.write_severity()))
        }
        // `readOnly` is not recursive: /proc, /run and others are separate mounts (KEP-3857).
        (Access::WriteBelow, ..) if root && found.is_whole_node() => Some((
            format!(
                "mounts host path `{path}` read-only, but file systems mounted below it (`/proc`, \
                 `/run`) remain writable"
            ),
            Severity::Critical,
        )),
        (Access::WriteBelow | Access::Read, _, gives) => gives.map(read),
        (Access::Write, None, gives) => gives.map(read),
    };
    Ok(claim.map(|(what, severity)| {
        // Other users are limited by file permissions, which usually allow little.
        let severity = if root { severity } else { severity.min(Severity::Medium) };
        let note = if root { "" } else { ", within the permissions of its user" };
        let claim = Claim::fails(volume.place, format!("{by} {what}{note}")).severity(severity);
        let claim = claim.evidence(mount.container.name()).evidence(path.to_string());
        if !found.is_for_loading() || mount.access != Access::Write {
            return claim;
        }
        let writers = volume.mounts.iter().filter(|m| m.access == Access::Write);
        writers.fold(claim, |claim, m| {
            claim.change(Place::field(m.value, &["readOnly"]), Edit::Set(true.into()))
        })
    }))
}
