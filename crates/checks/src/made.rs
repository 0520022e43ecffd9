//! Checks created at run time: a user's policies, and those of the results of probes.

use std::fmt;
use std::sync::Arc;

use pavisade_model::{Meta, Subject};
use pavisade_snapshot::Object;

use crate::any::{AnyCheck, Out};
use crate::{Cx, Dispatch, Lens, OnObject, Target, Verdict};

/// Judges the subjects in one object.
type Judge = dyn for<'a> Fn(&'a Object, &Cx<'a>) -> Vec<(Subject, Verdict<'a>)> + Send + Sync;

/// A check of the objects of some kinds. Like every check, it can only read its declared kinds.
pub struct MadeCheck {
    meta: Meta,
    judge: Box<Judge>,
}

impl MadeCheck {
    /// Creates a check that passes every object of the kinds in `meta.on` to `judge`.
    pub fn new(
        meta: Meta,
        judge: impl for<'a> Fn(&'a Object, &Cx<'a>) -> Verdict<'a> + Send + Sync + 'static,
    ) -> Self {
        Self::of_parts(meta, move |object, cx| vec![(OnObject::subject(object), judge(object, cx))])
    }

    /// The same for objects that list several subjects: `judge` returns a verdict for each.
    pub fn of_parts(
        meta: Meta,
        judge: impl for<'a> Fn(&'a Object, &Cx<'a>) -> Vec<(Subject, Verdict<'a>)>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { meta, judge: Box::new(judge) }
    }

    /// Returns its metadata.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl fmt::Debug for MadeCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MadeCheck").field(&self.meta.rule.id).finish()
    }
}

impl AnyCheck for Arc<MadeCheck> {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn dispatch(&self) -> Dispatch {
        Dispatch::Kinds
    }

    fn run<'a>(&self, target: Target<'a>, cx: &Cx<'a>, out: &mut Out<'_, 'a>) {
        for item in OnObject::items(target) {
            for (subject, verdict) in (self.judge)(item, cx) {
                out(subject, None, verdict);
            }
        }
    }
}
