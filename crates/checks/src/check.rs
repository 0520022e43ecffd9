//! What a check is.

use pavisade_model::Meta;

use crate::{Cx, Lens, Verdict};

/// What a check says about itself; `#[check]` writes it.
pub trait Described {
    /// From the attribute and the comment.
    const META: Meta;
}

/// A check: pure, called per subject, in any order and from any thread.
pub trait Check: Described + Send + Sync {
    /// Picks the subjects.
    type On: Lens;

    /// The verdict on one subject. *Holds* means proven; what cannot be determined from what the
    /// check declared is *unknown*, with the reason.
    fn check<'a>(&self, subject: <Self::On as Lens>::Item<'a>, cx: &Cx<'a>) -> Verdict<'a>;
}
