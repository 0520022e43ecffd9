//! PV-S005.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::dockerfile::{Base, base, stages};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Base image without a digest
///
/// ## Why
/// The same Dockerfile may build on a different image tomorrow. This includes build stages: a
/// compromised compiler can insert code into the result.
///
/// ## Fix
/// Add the digest: `FROM golang:1.26@sha256:… AS build`. Update tools keep it current.
#[check(id = "PV-S005", severity = Low, scope = Object, files_only = true, on = [DOCKERFILE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DockerfileUnpinnedBase {}

impl Check for DockerfileUnpinnedBase {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let stages = stages(file);
        let of = stages.iter().enumerate().map(|(index, stage)| {
            let place = stage.get("from").unwrap_or(*stage);
            match base(&stages, index) {
                Base::Stage(_) | Base::Scratch => Verdict::NotApplicable,
                Base::Image(reference) if reference.digest.is_some() => Verdict::Holds,
                Base::Image(_) => Claim::fails(
                    place,
                    format!("base image `{}` has no digest", place.as_str().unwrap_or("")),
                )
                .into(),
                Base::Unclear(why) => Verdict::unknown(place, why),
            }
        });
        Verdict::all(of)
    }
}
