//! Verdicts on patches: only the present part of a workload is checked.

use pavisade_snapshot::Object;

use crate::{Place, Verdict};

/// Whether a file contains only a part of a workload.
pub fn is_fragment(object: &Object) -> bool {
    object.is_patch()
}

/// Keeps the part of a verdict on a patch that is about present fields, not about absent ones.
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
