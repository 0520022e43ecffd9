//! The context of a check.

use std::ops::Deref;

use jiff::Timestamp;
use pavisade_model::{KubernetesVersion, Meta};
use pavisade_snapshot::{View, World};

/// What a check can read: its declared kinds in the subject's world, and the time. Cached values
/// are computed from a [`View`] only, so that they do not depend on the time.
#[derive(Debug, Clone, Copy)]
pub struct Cx<'a> {
    view: View<'a>,
    now: Timestamp,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(
        world: &'a World,
        meta: &'a Meta,
        kubernetes: KubernetesVersion,
        now: Timestamp,
    ) -> Self {
        Self { view: View::of_check(world, meta, kubernetes), now }
    }

    /// Returns the time at which the verdict applies.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

impl<'a> Deref for Cx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}
