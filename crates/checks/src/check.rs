//! The definition of a check.

use pavisade_model::Meta;

use crate::{Cx, Lens, Verdict};

/// The metadata of a check. Implemented by `#[check]`.
pub trait Described {
    /// The metadata from the attribute and the doc comment.
    const META: Meta;
}

/// A check. It is pure, and called for each subject, in any order and from any thread.
pub trait Check: Described + Send + Sync {
    /// Selects the subjects.
    type On: Lens;

    /// Returns the verdict on a subject. *Holds* means proven. If the declared kinds are not
    /// sufficient for a verdict, it is *unknown*, with the reason.
    fn check<'a>(&self, subject: <Self::On as Lens>::Item<'a>, cx: &Cx<'a>) -> Verdict<'a>;
}
