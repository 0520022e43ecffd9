//! Objects that the API server rejects because of their structure.
//!
//! Such an object does not run, so no check can pass: errors in the readable parts are reported,
//! and everything else is unknown.

use pavisade_drift::misshapen;
use pavisade_snapshot::{Object, Pod, World};
use pavisade_yaml::{Kind, Value};

use crate::Claim;
use crate::field::WrongType;

/// Returns why the API server rejects an object: its kind does not expect a map or list there, or
/// the containers of a workload are in the wrong place.
pub(crate) fn refusal<'a>(world: &World, object: &'a Object) -> Option<Claim<'a>> {
    if world.is_live() {
        // It was accepted.
        return None;
    }
    let (group, kind, version) = (object.group(), object.kind(), object.version());
    if let Some(found) = misshapen(object.value(), group, kind, version) {
        return Some(WrongType::new(found.value, found.wanted).into());
    }
    misplaced(object).map(|containers| {
        let why = format!("`containers` is not where a {kind} defines the containers of its pods");
        Claim::unknown(containers, why)
    })
}

/// Returns the containers of a workload that are in the wrong place.
fn misplaced(object: &Object) -> Option<Value<'_>> {
    if !object.is_workload() || object.pods().flat_map(Pod::containers).next().is_some() {
        return None;
    }
    object.value().descendants().find(|value| {
        value.key() == Some("containers")
            && value.kind() == Kind::Sequence
            && value.items().any(|item| item.get("name").is_some() || item.get("image").is_some())
    })
}
