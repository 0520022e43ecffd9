//! Objects that the API server rejects for their form.
//!
//! Nothing runs from such an object as it is, so no check holds for it: what is wrong in the parts
//! that can be read is reported, the rest is unknown.

use pavisade_drift::misshapen;
use pavisade_snapshot::{Object, Pod, World};
use pavisade_yaml::{Kind, Value};

use crate::Claim;
use crate::field::WrongType;

/// Why the API server rejects an object, where a map or a list is not what its kind has there, or
/// the containers of a workload are at another place.
pub(crate) fn refusal<'a>(world: &World, object: &'a Object) -> Option<Claim<'a>> {
    if world.is_live() {
        // It was stored.
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

/// The containers of a workload that has none at their place.
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
