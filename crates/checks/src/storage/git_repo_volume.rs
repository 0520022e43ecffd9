//! PV-D013.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::map;
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// gitRepo volume
///
/// ## Why
/// The kubelet runs `git` as root on the node, on a repository that others control: hooks of the
/// repository can run there (CVE-2024-10220). As of Kubernetes 1.33 the volume type is disabled,
/// and the pod does not start.
///
/// ## Fix
/// Clone in an init container into an `emptyDir`, or add the files to the image or to an image
/// volume.
#[check(id = "PV-D013", severity = High, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GitRepoVolume {}

impl Check for GitRepoVolume {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        Verdict::from_claims(pod.volumes().filter_map(|volume| match map(volume, &["gitRepo"]) {
            Ok(None) => None,
            Ok(Some(source)) => Some(Claim::fails(
                source,
                format!(
                    "the kubelet clones `{}` as root on the node",
                    source.str("repository").unwrap_or("")
                ),
            )),
            Err(wrong) => Some(wrong.into()),
        }))
    }
}
