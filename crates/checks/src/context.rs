//! What a check is given beside its subject.

use std::ops::Deref;

use jiff::Timestamp;
use pavisade_model::{KubernetesVersion, Meta};
use pavisade_snapshot::{View, World};

/// What a check sees: the kinds that it declares, in its subject's world, at a time. A value that is
/// shared is made from a [`View`] alone, so that it does not depend on the time.
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

    /// The time for which the verdict is asked.
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
