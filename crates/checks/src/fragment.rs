//! Patches: workloads of which a file holds only the part that it changes.
//!
//! A kustomization that names a patch tells it apart by itself; others stand alone, to be applied
//! by a tool or another repository. What such a file leaves out stands elsewhere.

use pavisade_snapshot::{Object, Pod};

use crate::{Place, Verdict};

/// Whether a file holds only a part of a workload: without selector, labels and images the API
/// server refuses it (k8s.io/kubernetes/pkg/apis/apps/validation).
pub fn is_fragment(object: &Object) -> bool {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];
    object.group() == "apps"
        && object.version() == "v1"
        && kinds.contains(&object.kind())
        && object.at(&["spec", "selector"]).is_none_or(|selector| selector.is_null())
        && object.pods().all(|pod| pod.labels().next().is_none())
        && object.pods().flat_map(Pod::containers).all(|container| container.image().is_empty())
}

/// What of a verdict on a fragment stands: what is wrong in what it says, not in what it leaves out.
pub(crate) fn said(verdict: Verdict<'_>) -> Verdict<'_> {
    match verdict {
        Verdict::Fails(claims) | Verdict::Unknown(claims) if !claims.is_empty() => {
            let missing =
                |place: &Place<'_>| matches!(place, Place::At(_, rest) if !rest.is_empty());
            let mut said = claims.into_iter().filter(|claim| !missing(&claim.place)).peekable();
            match said.peek() {
                Some(_) => Verdict::from_claims(said),
                None => Verdict::NotApplicable,
            }
        }
        _ => Verdict::NotApplicable,
    }
}
