//! Checks that are made at run time: a user's policies.

use std::fmt;
use std::sync::Arc;

use pavisade_model::Meta;
use pavisade_snapshot::{Image, Match, Object};

use crate::any::{AnyCheck, Out};
use crate::{Cx, Dispatch, Lens, OnImageFact, OnMatch, OnObject, Target, Verdict};

/// Judges one object.
type Judge = dyn for<'a> Fn(&'a Object, &Cx<'a>) -> Verdict<'a> + Send + Sync;

/// Judges what is known of one image.
type JudgeImage = dyn for<'a> Fn(&'a Image, &Cx<'a>) -> Verdict<'a> + Send + Sync;
/// Judges that an advisory is about a package.
type JudgeMatch = dyn for<'a> Fn(Match<'a>, &Cx<'a>) -> Verdict<'a> + Send + Sync;

/// A check of the objects of some kinds, or of facts. It sees what it declares, as every check does.
pub struct MadeCheck {
    meta: Meta,
    subjects: Subjects,
}

enum Subjects {
    Objects(Box<Judge>),
    Images(Box<JudgeImage>),
    Matches(Box<JudgeMatch>),
}

impl MadeCheck {
    /// A check that gives every object of the kinds in `meta.on` to `judge`.
    pub fn new(
        meta: Meta,
        judge: impl for<'a> Fn(&'a Object, &Cx<'a>) -> Verdict<'a> + Send + Sync + 'static,
    ) -> Self {
        Self { meta, subjects: Subjects::Objects(Box::new(judge)) }
    }

    /// A check that gives what is known of every image to `judge`.
    pub fn on_images(
        meta: Meta,
        judge: impl for<'a> Fn(&'a Image, &Cx<'a>) -> Verdict<'a> + Send + Sync + 'static,
    ) -> Self {
        Self { meta, subjects: Subjects::Images(Box::new(judge)) }
    }

    /// A check that gives every advisory about a package of an image to `judge`.
    pub fn on_matches(
        meta: Meta,
        judge: impl for<'a> Fn(Match<'a>, &Cx<'a>) -> Verdict<'a> + Send + Sync + 'static,
    ) -> Self {
        Self { meta, subjects: Subjects::Matches(Box::new(judge)) }
    }

    /// What it declares.
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
        match self.subjects {
            Subjects::Objects(_) => Dispatch::Kinds,
            Subjects::Images(_) | Subjects::Matches(_) => Dispatch::ImageFacts,
        }
    }

    fn run<'a>(&self, target: Target<'a>, cx: &Cx<'a>, out: &mut Out<'_, 'a>) {
        match &self.subjects {
            Subjects::Objects(judge) => each::<OnObject>(target, out, |item| judge(item, cx)),
            Subjects::Images(judge) => each::<OnImageFact>(target, out, |item| judge(item, cx)),
            Subjects::Matches(judge) => each::<OnMatch>(target, out, |item| judge(item, cx)),
        }
    }
}

fn each<'a, L: Lens>(
    target: Target<'a>,
    out: &mut Out<'_, 'a>,
    judge: impl Fn(L::Item<'a>) -> Verdict<'a>,
) {
    for item in L::items(target) {
        out(L::subject(item), None, judge(item));
    }
}
